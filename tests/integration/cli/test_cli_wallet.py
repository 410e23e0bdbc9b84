"""`chrono wallet` as a user has it: a process, real files, a node on loopback, a terminal where one is needed."""

import json
import os
import pty
import select
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from eth_account import Account

from chrono.keys.key_folder import KeyFolder
from chrono.keys.key_text import read_key
from chrono.keys.keystore import Keystore
from chrono.keys.roles import Role
from chrono.settings import Secret

MNEMONIC = "test test test test test test test test test test test junk"
FIRST, SECOND = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PASSWORD = "correct horse battery"
COIN = 10**18


def _import(environ, tmp_path, role, *, text=MNEMONIC, index=0, **more):
    """`chrono wallet import` with the key on stdin."""
    done = subprocess.run(
        [sys.executable, "-m", "chrono.cli", "wallet", "import", role, "--index", str(index), "--password", "env:WALLET"],
        env={**environ, "WALLET": PASSWORD, **more}, cwd=tmp_path, input=text, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def keep(tmp_path):
    """Keeps an account of the mnemonic in the house's folder, with little work for scrypt."""
    folder = KeyFolder.below(tmp_path / "house", "coston2")

    def kept(role: Role, index: int = 0) -> Keystore:
        return folder.add(role, read_key(Secret(MNEMONIC), role, index=index), Secret(PASSWORD), now_ns=0, scrypt_n=16)

    return kept


@pytest.fixture
def node():
    """A node that knows chain 114, a base fee of 25 gwei, and the balances put into it."""
    state = {"chain": 114, "balances": {}}

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            method, params = asked["method"], asked["params"]
            result = {"eth_chainId": state["chain"], "eth_baseFee": 25 * 10**9}.get(method)
            if method == "eth_getBalance":
                result = state["balances"].get(params[0].lower(), 0)
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": hex(result)}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state["url"] = f"http://127.0.0.1:{server.server_port}/secret-key-of-the-node"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_new_key_is_listed_opens_and_signs(chrono):
    made = chrono("wallet", "new", "submit", "--password", "env:WALLET", WALLET=PASSWORD)
    assert made.code == 0, made.err
    address = made.out.strip()
    assert "backup" in made.err
    (told,) = json.loads(chrono("wallet", "list", "--json").out)["keys"]
    assert (told["role"], told["address"]) == ("submit", address)
    assert Account.from_key(Account.decrypt(Path(told["file"]).read_text(), PASSWORD)).address == address
    verified = chrono("wallet", "verify", "--password", "env:WALLET", "--json", WALLET=PASSWORD)
    assert verified.code == 0
    assert json.loads(verified.out)["verified"] is True


def test_a_wrong_password_fails_and_names_its_reason(chrono, keep):
    assert keep(Role.SUBMIT).public == FIRST
    failed = chrono("wallet", "verify", "submit", "--password", "env:WALLET", "--json", WALLET="wrong horse battery")
    assert failed.code == 1
    assert json.loads(failed.out)["keys"][0]["reason"] == "wrong_password"


def test_a_mnemonic_gives_the_asked_account_and_appears_nowhere(chrono, environ, tmp_path):
    done = _import(environ, tmp_path, "submit_signatures", index=1)
    assert (done.returncode, done.stdout.strip()) == (0, SECOND)
    for file in tmp_path.rglob("*"):
        if file.is_file() and not file.name.endswith(".pyc"):
            assert b"junk" not in file.read_bytes(), file
            assert b"59c6995e998f97a5" not in file.read_bytes(), file
    assert "junk" not in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["", "0x12", MNEMONIC.replace("junk", "jumk"), "hunter2 " * 12])
def test_what_is_no_key_is_refused_and_not_repeated(chrono, environ, tmp_path, text):
    done = _import(environ, tmp_path, "submit", text=text)
    assert done.returncode == 1
    assert "neither a private key nor a mnemonic" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert not list(tmp_path.rglob("submit-*"))


def test_a_key_is_never_written_over(chrono, keep):
    keep(Role.SUBMIT)
    again = chrono("wallet", "new", "submit", "--password", "env:WALLET", WALLET=PASSWORD)
    assert again.code == 4
    assert "never writes over" in again.err


def test_the_same_key_for_two_roles_is_refused(chrono, environ, tmp_path, keep):
    keep(Role.SUBMIT)
    assert _import(environ, tmp_path, "executor").returncode == 4


def test_cold_roles_are_sent_to_the_ledger(chrono):
    refused = chrono("wallet", "new", "identity", "--password", "env:WALLET", WALLET=PASSWORD)
    assert refused.code == 4
    assert "Ledger" in refused.err
    assert "Ledger" in chrono("wallet", "verify", "identity").err


def test_a_short_password_and_none_at_all_are_refused(chrono):
    assert "at least 10" in chrono("wallet", "new", "submit", "--password", "env:WALLET", WALLET="short").err
    unasked = chrono("wallet", "new", "submit")
    assert (unasked.code, "no terminal" in unasked.err) == (2, True)
    clear = chrono("wallet", "new", "submit", "--password", PASSWORD)
    assert clear.code == 1
    assert PASSWORD not in clear.err


def test_a_damaged_and_an_open_file_are_listed_as_such_beside_the_sound(chrono, keep, tmp_path):
    keep(Role.SUBMIT)
    keep(Role.EXECUTOR, 1)
    keep(Role.SIGNING_POLICY, 2)
    folder = tmp_path / "house" / "keys" / "coston2"
    next(folder.glob("executor-*")).chmod(0o644)
    rotten = next(folder.glob("signing_policy-*"))
    rotten.write_bytes(rotten.read_bytes()[:-30])
    listed = chrono("wallet", "list", "--json")
    told = json.loads(listed.out)
    assert listed.code == 1
    assert [each["role"] for each in told["keys"]] == ["submit"]
    assert {each["reason"] for each in told["unsound"]} == {"keystore_open", "keystore_damaged"}


def test_networks_do_not_share_keys(chrono, keep):
    keep(Role.SUBMIT)
    assert json.loads(chrono("wallet", "list", "--network", "flare", "--json").out)["keys"] == []


def test_funds_are_told_with_what_is_missing(chrono, keep, node):
    keep(Role.SUBMIT)
    keep(Role.SUBMIT_SIGNATURES, 1)
    node["balances"] = {FIRST.lower(): 100 * COIN, SECOND.lower(): 0}
    checked = chrono("wallet", "fund-check", "--rpc", "env:NODE", "--json", NODE=node["url"])
    assert checked.code == 3, checked.err
    told = json.loads(checked.out)
    rich, poor = told["accounts"]
    assert (rich["state"], poor["state"], told["coin"]) == ("ok", "empty", "C2FLR")
    # 4 x 25 gwei + 100 gwei of tip, for 500,000 gas
    assert rich["upfront_wei"] == str(265_000 * 200 * 10**9)
    # Two calls a round, 960 rounds, each refunded down to 21,000 gas at 25 gwei
    assert rich["day_wei"] == str(2 * 960 * 21_000 * 25 * 10**9)
    assert int(poor["missing_wei"]) == int(poor["upfront_wei"]) + 3 * int(poor["day_wei"])
    node["balances"][SECOND.lower()] = int(poor["missing_wei"])
    again = chrono("wallet", "fund-check", "--rpc", node["url"])
    assert again.code == 0, again.out
    node["balances"][SECOND.lower()] -= 1
    low = chrono("wallet", "fund-check", "--rpc", node["url"])
    assert low.code == 3
    assert f"send 0.01 C2FLR to {SECOND}" in low.err


def test_a_node_of_another_chain_is_refused_and_its_address_not_repeated(chrono, keep, node):
    keep(Role.SUBMIT)
    node["chain"] = 14
    refused = chrono("wallet", "fund-check", "--rpc", node["url"])
    assert refused.code == 1
    assert "another chain" in refused.err
    assert "secret-key" not in refused.err


def test_a_person_is_asked_and_what_they_type_is_not_shown(environ, tmp_path):
    """At a terminal: the mnemonic, then the password twice."""
    primary, secondary = pty.openpty()
    program = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from chrono.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "wallet", "import", "submit"],
        env={**environ, "TERM": "dumb"}, cwd=tmp_path, stdin=secondary, stdout=secondary, stderr=secondary,
        start_new_session=True,
    )  # fmt: skip
    os.close(secondary)
    shown = b""
    for prompt, typed in (
        (b"mnemonic: ", MNEMONIC), (b"new keystore: ", PASSWORD), (b"same again: ", PASSWORD), (b"wallet verify", None)
    ):  # fmt: skip
        while prompt not in shown:
            ready, _, _ = select.select([primary], [], [], 60)
            assert ready, shown
            shown += os.read(primary, 4096)
        if typed is not None:
            os.write(primary, typed.encode() + b"\n")
    assert process.wait(60) == 0
    os.close(primary)
    assert FIRST.encode() in shown
    assert b"junk" not in shown
    assert PASSWORD.encode() not in shown


def test_what_a_chain_of_ones_own_costs_is_not_guessed(chrono):
    done = chrono("wallet", "fund-check", "--network", "local", "--rpc", "http://127.0.0.1:1")
    assert done.code == 2
    assert "what a day costs on local is not known" in done.err
    assert "next: chrono ftso status" in done.err


@pytest.mark.parametrize("name", ["new", "import", "list", "verify", "fund-check"])
def test_help_teaches_by_example(chrono, name):
    told = chrono("wallet", name, "--help")
    assert told.code == 0
    assert f"chrono wallet {name}" in told.out
    assert "Examples" in told.out
