"""`chrono wallet verify identity` as a user has it: a process, and an emulated Ledger at the end of a socket.

ledgerblue finds Ledger's emulator by its environment; here the app of the tests answers there, as the emulator does.
"""

import json

import pytest
from eth_account import Account

from tests.fakes.ledger_device import LedgerApp, served
from tests.fakes.ports import free_port

SECRET = b"\x11" * 32
ADDRESS = Account.from_key(SECRET).address
PATH = bytes.fromhex("058000002c8000003c800000020000000000000000")


@pytest.fixture
def app():
    return LedgerApp({PATH: SECRET})


def _verify(chrono, port, *args):
    where = {"LEDGER_PROXY_ADDRESS": "127.0.0.1", "LEDGER_PROXY_PORT": str(port)}
    return chrono("wallet", "verify", "identity", *args, **where)


def test_the_identity_is_proved_on_the_ledger(chrono, app):
    with served(app) as port:
        done = _verify(chrono, port, "--path", "m/44'/60'/2'/0/0", "--json")
    assert (done.code, json.loads(done.out)["address"]) == (0, ADDRESS)
    assert app.shown == [("message", b"chrono wallet verify")]
    assert f"{ADDRESS}: look at the Ledger" in done.err


@pytest.mark.parametrize(
    ("setting", "told"),
    [({"locked": True}, "it is locked"), ({"app_open": False}, "Ethereum app is not open"), ({"presses": False}, "declined")],
)  # fmt: skip
def test_a_ledger_that_does_not_sign_ends_the_command_with_its_reason(chrono, app, setting, told):
    vars(app).update(setting)
    with served(app) as port:
        done = _verify(chrono, port, "--path", "44'/60'/2'/0/0")
    assert (done.code, done.out) == (1, "")
    assert told in done.err


def test_a_path_to_another_account_than_it_says_is_refused_before_the_ledger_hears_of_it(chrono, app):
    with served(app) as port:
        done = _verify(chrono, port, "--path", "44'/60'/2147483650'/0/0")
    assert done.code == 2
    assert "--path" in done.err
    assert app.lengths == []


def test_no_ledger_at_all_is_told_with_the_next_step(chrono):
    done = _verify(chrono, free_port())
    assert done.code == 1
    assert "connect it, unlock it and open its Ethereum app" in done.err
