"""Keystores: opened by other wallets, refused when anything about them is wrong, each time by its own name."""

import json
import os
import stat

import msgspec
import pytest
from eth_account import Account
from structlog.tracebacks import ExceptionDictTransformer

from chrono.errors import (
    BAD_KEY_TEXT,
    COLD_ROLE,
    KEYSTORE_ABSENT,
    KEYSTORE_DAMAGED,
    KEYSTORE_EXISTS,
    KEYSTORE_FOREIGN,
    KEYSTORE_OPEN,
    KEYSTORE_SHARED,
    WRONG_PASSWORD,
    ChronoError,
)
from chrono.keys.key_folder import KeyFolder
from chrono.keys.key_text import new_key, read_key
from chrono.keys.keystore import _checksum, open_keystore, public_of, read_keystore
from chrono.keys.private_files import write_private
from chrono.keys.roles import HOT, Role
from chrono.keys.secret_key import SecretKey
from chrono.settings.kinds import Secret
from chrono_core import SortitionKey

PASSWORD = Secret("correct horse battery staple ✓")
FAST = 1 << 4
"""scrypt's work in tests: the real one takes a second."""
HEX = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture
def folder(tmp_path):
    return KeyFolder.below(tmp_path, "coston2")


def _kept(folder, role=Role.SUBMIT):
    return folder.add(role, new_key(role), PASSWORD, now_ns=0, scrypt_n=FAST)


def _reason(action, *args):
    with pytest.raises(ChronoError) as error:
        action(*args)
    return error.value.reason


@pytest.mark.parametrize("role", HOT)
def test_a_key_comes_back_from_its_file(folder, role):
    key = new_key(role)
    kept = folder.add(role, key, PASSWORD, now_ns=1_760_013_296_789_000_000, scrypt_n=FAST)
    assert open_keystore(kept, PASSWORD).reveal() == key.reveal()
    assert folder.keystores() == [kept] == folder.of(role) == [read_keystore(kept.path)]
    assert kept.created == "2025-10-09T12:34:56.789Z"


def test_other_wallets_open_the_file(folder):
    kept = _kept(folder)
    key = Account.decrypt(kept.path.read_text(), PASSWORD.reveal())
    assert Account.from_key(key).address == kept.public
    assert json.loads(kept.path.read_text())["address"] == kept.public[2:].lower()


def test_a_sortition_key_tells_its_point_and_no_account(folder):
    key = new_key(Role.SORTITION)
    kept = folder.add(Role.SORTITION, key, PASSWORD, now_ns=0, scrypt_n=FAST)
    x, y = SortitionKey(key.reveal()).public_key
    assert kept.public == f"0x{x:064x}{y:064x}"
    assert kept.address is None
    assert "address" not in json.loads(kept.path.read_text())


def test_file_and_folder_are_the_owners_alone_whatever_the_umask(folder):
    before = os.umask(0)
    try:
        kept = _kept(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o660])
def test_a_file_that_others_may_reach_is_refused(folder, mode):
    kept = _kept(folder)
    kept.path.chmod(mode)
    assert _reason(open_keystore, kept, PASSWORD) is KEYSTORE_OPEN
    assert _reason(folder.keystores) is KEYSTORE_OPEN


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o710])
def test_a_folder_that_others_may_reach_is_refused(folder, mode):
    kept = _kept(folder)
    folder.path.chmod(mode)
    assert _reason(open_keystore, kept, PASSWORD) is KEYSTORE_OPEN
    assert _reason(_kept, folder, Role.EXECUTOR) is KEYSTORE_OPEN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused(folder):
    kept = _kept(folder)
    os.chown(kept.path, 12345, -1)
    assert _reason(open_keystore, kept, PASSWORD) is KEYSTORE_OPEN


def test_a_link_is_not_followed(folder, tmp_path):
    kept = _kept(folder)
    there = kept.path.rename(tmp_path / "elsewhere.json")
    kept.path.symlink_to(there)
    assert _reason(read_keystore, kept.path) is KEYSTORE_FOREIGN


@pytest.mark.parametrize("wrong", ["", "x", PASSWORD.reveal() + " ", PASSWORD.reveal().upper()])
def test_a_wrong_password_is_called_so(folder, wrong):
    assert _reason(open_keystore, _kept(folder), Secret(wrong)) is WRONG_PASSWORD


def test_every_bit_that_rots_is_noticed_before_a_password_is_tried(folder):
    kept = _kept(folder)
    whole = kept.path.read_bytes()
    same = msgspec.json.decode(whole)
    told = set()
    for at in range(len(whole)):
        rotten = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        try:
            if msgspec.json.decode(rotten) == same:
                continue
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        kept.path.write_bytes(rotten)
        told.add(_reason(read_keystore, kept.path))
    assert told <= {KEYSTORE_DAMAGED, KEYSTORE_FOREIGN}


@pytest.mark.parametrize("length", [0, 1, 100, 500])
def test_a_torn_file_is_damaged(folder, length):
    kept = _kept(folder)
    kept.path.write_bytes(kept.path.read_bytes()[:length])
    assert _reason(read_keystore, kept.path) is KEYSTORE_DAMAGED


def test_a_file_that_asks_for_all_memory_is_refused(folder):
    kept = _kept(folder)
    document = json.loads(kept.path.read_text())
    document["crypto"]["kdfparams"]["n"] = 1 << 40
    kept.path.write_text(json.dumps(document))
    assert _reason(open_keystore, kept, PASSWORD) is KEYSTORE_DAMAGED


@pytest.mark.parametrize("text", ["{}", "[]", '{"version": 1}', '{"version": 3, "crypto": {}}', '{"version": 4}'])
def test_a_file_of_another_program_is_foreign(folder, text):
    write_private(folder.path / "UTC--geth.json", text.encode())
    assert _reason(folder.keystores) is KEYSTORE_FOREIGN


def test_a_key_of_another_network_is_foreign_here(folder, tmp_path):
    elsewhere = KeyFolder(folder.path, "flare")
    _kept(folder)
    assert _reason(elsewhere.keystores) is KEYSTORE_FOREIGN


def test_no_key_is_written_over(folder):
    kept = _kept(folder)
    assert _reason(_kept, folder) is KEYSTORE_EXISTS
    assert _reason(write_private, kept.path, b"") is KEYSTORE_EXISTS
    assert open_keystore(kept, PASSWORD)


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        _kept(folder)
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("zeros", [1, 2, 16])
def test_a_file_whose_random_numbers_begin_with_zeros_is_a_keystore_too(folder, monkeypatch, zeros):
    monkeypatch.setattr(
        "eth_keyfile.keyfile.Random.get_random_bytes", lambda size: bytes(zeros) + b"\x07" * (size - zeros)
    )
    kept = _kept(folder)
    monkeypatch.undo()
    assert read_keystore(kept.path) == kept
    assert Account.decrypt(kept.path.read_text(), PASSWORD.reveal()) == open_keystore(kept, PASSWORD).reveal()


def test_a_key_serves_one_role(folder):
    key = new_key(Role.SUBMIT)
    folder.add(Role.SUBMIT, key, PASSWORD, now_ns=0, scrypt_n=FAST)
    assert _reason(lambda: folder.add(Role.EXECUTOR, key, PASSWORD, now_ns=0, scrypt_n=FAST)) is KEYSTORE_SHARED


def test_several_senders_of_fast_updates_are_kept(folder):
    kept = {_kept(folder, Role.FAST_UPDATE).public for _ in range(3)}
    assert {each.public for each in folder.of(Role.FAST_UPDATE)} == kept
    assert len(kept) == 3


@pytest.mark.parametrize("role", [Role.IDENTITY, Role.CLAIMS])
def test_cold_roles_have_no_file(folder, role):
    assert _reason(lambda: folder.add(role, new_key(Role.SUBMIT), PASSWORD, now_ns=0)) is COLD_ROLE


def test_a_missing_key_is_called_so(folder):
    assert _reason(folder.of, Role.SUBMIT) is KEYSTORE_ABSENT
    assert folder.keystores() == []


@pytest.mark.parametrize("text", [HEX, HEX[2:], HEX.upper().replace("0X", "0x"), f" {HEX}\n"])
def test_a_private_key_is_read_from_hex(text):
    account = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
    assert public_of(Role.SUBMIT, read_key(Secret(text), Role.SUBMIT)) == account


@pytest.mark.parametrize(
    ("index", "account"),
    [(0, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"), (1, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")],
)
def test_a_mnemonic_gives_the_accounts_that_wallets_show(index, account):
    text = Secret("  " + MNEMONIC.replace(" ", "\n").upper())
    assert public_of(Role.SUBMIT, read_key(text, Role.SUBMIT, index=index)) == account


@pytest.mark.parametrize(
    "text",
    ["", "0x", HEX[:-1], HEX[:-2], HEX + "00", "0x" + "0" * 64, "0x" + "f" * 64, MNEMONIC[:-4], MNEMONIC + " test",
     MNEMONIC.replace("junk", "test"), MNEMONIC.replace("junk", "jumk")],
)  # fmt: skip
def test_what_is_no_key_is_refused_and_not_repeated(text):
    with pytest.raises(ChronoError) as error:
        read_key(Secret(text), Role.SUBMIT)
    assert error.value.reason is BAD_KEY_TEXT
    frames = ExceptionDictTransformer(show_locals=True, locals_max_string=100_000, locals_max_length=100_000)
    # The first frame is this test's own.
    shown = repr(frames((type(error.value), error.value, error.tb.tb_next)))
    for part in (HEX[2:40], "test test", "'test'", "junk"):
        assert part not in shown
    assert "role" in shown


def test_a_key_beyond_the_order_of_the_sortition_is_refused():
    assert _reason(read_key, Secret("0x" + "f" * 63 + "0"), Role.SORTITION) is BAD_KEY_TEXT
    assert _reason(read_key, Secret(MNEMONIC), Role.SORTITION) is BAD_KEY_TEXT


def test_a_secret_that_was_taken_over_is_wiped_at_its_source():
    given = bytearray(b"\x07" * 32)
    key = SecretKey(given)
    assert not any(given)
    assert key.reveal() == b"\x07" * 32
    held = key._secret
    key.close()
    assert not any(held)
    with pytest.raises(ValueError, match="closed"):
        key.reveal()


def test_a_file_that_names_another_account_than_it_holds_is_damaged(folder):
    kept, other = _kept(folder), _kept(folder, Role.EXECUTOR)
    document = json.loads(kept.path.read_text())
    document["chrono"]["public"] = other.public
    document["chrono"]["checksum"] = _checksum(document)
    kept.path.write_text(json.dumps(document))
    assert _reason(open_keystore, read_keystore(kept.path), PASSWORD) is KEYSTORE_DAMAGED
