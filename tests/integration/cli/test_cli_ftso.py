"""`chrono ftso decode` as a user has it: calldata, files, real transactions, and mistakes."""

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.chain_records import FOLDER, needs_chain
from tests.fakes.vectors import document

COMMIT = "0x6c532fae64000c66200020" + "ab" * 32


def vector(name: str, place: int, field: str) -> str:
    return document(name)["cases"][place]["expected"][field]


def test_calldata_on_the_command_line_is_told_in_words(chrono) -> None:
    done = chrono("ftso", "decode", COMMIT)
    assert (done.code, done.err) == (0, "")
    assert "commit hash 0xabab" in done.out
    assert chrono("ftso", "decode", COMMIT[2:]).out == done.out


def test_json_on_request_is_one_object(chrono) -> None:
    done = chrono("ftso", "decode", vector("relay_message", 1, "calldata"), "--network", "coston", "--json")
    told = json.loads(done.out)
    assert done.code == 0
    assert (told["function"], told["network"], told["enough"]) == ("relay()", "coston", True)


@pytest.mark.parametrize("text", ["0x6c532fae64000c66200020ab", "0x6c532fa", "0x12345678"])
def test_undecodable_calldata_ends_with_1_and_says_where(chrono, text: str) -> None:
    done = chrono("ftso", "decode", text)
    assert done.code == 1
    assert "unreadable at byte" in done.out


@pytest.mark.parametrize(
    "args",
    [
        ["nothing.json"], [], ["--network", "moon", COMMIT], ["--feeds", "nothing.json", COMMIT],
        ["--message", "0x00", COMMIT], ["."],
    ],
)  # fmt: skip
def test_bad_use_ends_with_2_and_the_next_step(chrono, args: list[str]) -> None:
    done = chrono("ftso", "decode", *args)
    assert done.code == 2
    assert done.out == ""
    assert "next: chrono ftso decode --help" in done.err


def test_a_file_is_told_item_by_item_and_counted(chrono, tmp_path: Path) -> None:
    file = tmp_path / "transactions.ndjson.gz"
    lines = [json.dumps({"input": COMMIT, "hash": "0x01"}), "{broken", COMMIT, "0x00"]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    done = chrono("ftso", "decode", str(file), "--json")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(each["item"], each["line"], each["decoded"]) for each in told] == [
        (1, 1, True), (2, 2, False), (3, 3, True), (4, 4, False)
    ]  # fmt: skip
    assert done.err.strip() == "2 read, 2 not"
    assert done.code == 1


def test_on_a_terminal_a_bar_shows_how_far_the_file_is_read(environ, tmp_path: Path) -> None:
    file = tmp_path / "transactions"
    file.write_text((COMMIT + "\n") * 450)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "chrono.cli", "ftso", "decode", str(file)],
        env={**environ, "TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    assert process.returncode == 0
    assert "━" in shown.decode()
    assert "450 read, 0 not" in shown.decode()


def _read(terminal: int) -> bytes:
    """What is shown next; nothing when the other side is gone, which Linux tells as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


def test_a_reveal_of_the_random_alone_is_read_where_the_settings_say_that_fip16_counts(chrono, tmp_path: Path) -> None:
    (tmp_path / "chrono.toml").write_text("[flare]\nfip16_activation_reward_epoch = { songbird = 300 }\n")
    first_rounds = {299: 299 * 3360, 300: 300 * 3360}
    random_only = {
        epoch: "0x9d00c9fd" + (bytes([100]) + first.to_bytes(4, "big") + b"\0\x20" + b"\7" * 32).hex()
        for epoch, first in first_rounds.items()
    }
    assert chrono("ftso", "decode", random_only[299], "--network", "songbird").code == 1
    assert chrono("ftso", "decode", random_only[300], "--network", "songbird").code == 0
    assert chrono("ftso", "decode", random_only[300], "--network", "flare").code == 1
    file = tmp_path / "transactions.ndjson"
    file.write_text(json.dumps({"input": random_only[300], "network": "songbird"}))
    assert chrono("ftso", "decode", str(file)).code == 0


@pytest.fixture
def decoding(environ, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`chrono ftso decode` in the middle of a long file: its first object is told, and nobody reads the others."""
    (tmp_path / "many").write_text((COMMIT + "\n") * 20_000)
    with subprocess.Popen(
        [sys.executable, "-m", "chrono.cli", "ftso", "decode", "many", "--json"],
        env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["decoded"]
        yield process


def test_ctrl_c_ends_a_long_file_quietly(decoding: subprocess.Popen[bytes]) -> None:
    decoding.send_signal(signal.SIGINT)
    _, said = decoding.communicate(timeout=60)
    assert (decoding.returncode, said.strip()) == (130, b"")


def test_a_reader_that_has_enough_ends_it_quietly(decoding: subprocess.Popen[bytes]) -> None:
    assert decoding.stdout is not None
    assert decoding.stderr is not None
    decoding.stdout.close()
    assert decoding.stderr.read() == b""
    assert decoding.wait(60) == 0


def test_an_empty_file_is_bad_use(chrono, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    done = chrono("ftso", "decode", "empty")
    assert (done.code, done.err.splitlines()[0]) == (2, "chrono: the file is empty")


def test_a_file_named_like_hex_is_a_file(chrono, tmp_path: Path) -> None:
    (tmp_path / "deadbeef").write_text(COMMIT)
    assert chrono("ftso", "decode", "deadbeef").code == 0
    assert chrono("ftso", "decode", "deadbeee").code == 1


def test_a_given_message_names_the_signer_of_a_type_1_signature(chrono) -> None:
    case = document("signature_payload")["cases"][1]["expected"]
    done = chrono(
        "ftso", "decode", case["submitSignaturesCalldataType1"], "--message", case["encodedMessage"], "--json"
    )
    assert json.loads(done.out)["frames"][0]["signer"].lower() == "0x2327a6567455f39abd5fe3845e59823d290b83d8"


@needs_chain[0]
@needs_chain[1]
def test_real_transactions_are_told_as_they_were_recorded(chrono) -> None:
    path = FOLDER / "ftso" / "real_round_calldata.json"
    recorded = json.loads(path.read_text())
    done = chrono("ftso", "decode", str(path), "--json")
    assert (done.code, done.err.strip()) == (0, "5 read, 0 not")
    commit, coston_commit, reveal, signature, two = [json.loads(line)["frames"] for line in done.out.splitlines()]
    assert commit[0]["commit_hash"] == recorded["submit1"][0]["expected_commit"]
    assert coston_commit[0]["commit_hash"] == recorded["submit1"][1]["expected_commit"]
    assert coston_commit[0]["in_time"] is True
    assert reveal[0]["values"] == recorded["submit2"][0]["expected_values"]
    assert int(reveal[0]["random"], 16) == int(recorded["submit2"][0]["expected_random"])
    assert reveal[0]["commit_hash_of_sender"] == commit[0]["commit_hash"]
    assert signature[0]["signer"].lower() == recorded["submit_signatures"][0]["recovered_signer_checked"]
    assert [(frame["protocol"], frame["type"]) for frame in two] == [("FTSO", 0), ("FDC", 1)]


@needs_chain[0]
@needs_chain[1]
@pytest.mark.parametrize(
    ("name", "read", "unread"),
    [
        ("coston_signing_policy_initialized_logs.json", 2, 0),
        ("coston2_receipts_2026.json.gz", 0, 8),
        ("coston2_indexer_transactions_history.json.gz", 0, 50),
        ("coston2_indexer_logs_history.json.gz", 0, 50),
    ],
)
def test_real_files_of_nodes_and_indexers_are_read_to_their_end(chrono, name: str, read: int, unread: int) -> None:
    done = chrono("ftso", "decode", str(FOLDER / "chain" / name))
    assert done.err.strip() == f"{read} read, {unread} not"
    assert done.code == (1 if unread else 0)


def test_the_readme_shows_what_the_command_says(chrono) -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    shown = text.split("$ .venv/bin/chrono ftso decode ", 1)[1].split("\n```", 1)[0]
    calldata, told = shown.split("\n", 1)
    assert chrono("ftso", "decode", calldata).out == told + "\n"
