"""Keystores of other wallets: opened for one command, with bounded work, and never when others could read them."""

import json

import pytest
from eth_account import Account

from chrono.errors import KEYSTORE_ABSENT, KEYSTORE_OPEN, WALLET_FILE_FOREIGN, WRONG_PASSWORD, ChronoError
from chrono.flare.address import checksummed
from chrono.flare.signatures import address_of
from chrono.keys.wallet_file import open_wallet_file
from chrono.settings import Secret

KEY = b"\x21" * 32
PASSWORD = Secret("correct horse battery")


def made(kdf="scrypt", work=16):
    return Account.encrypt(KEY, PASSWORD.reveal(), kdf=kdf, iterations=work)


@pytest.fixture
def keep(tmp_path):
    """Writes a file that only its owner may reach."""
    folder = tmp_path / "cold"
    folder.mkdir(mode=0o700)

    def kept(document, mode=0o600):
        path = folder / "identity.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        path.chmod(mode)
        return path

    return kept


def reason(path, password=PASSWORD):
    with pytest.raises(ChronoError) as fault:
        open_wallet_file(path, password)
    assert PASSWORD.reveal() not in str(fault.value)
    return fault.value.reason


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_a_keystore_of_another_program_is_opened(keep, kdf):
    with open_wallet_file(keep(made(kdf)), PASSWORD) as key:
        assert key.reveal() == KEY
        assert checksummed(address_of(key.reveal())) == Account.from_key(KEY).address


def test_names_in_capitals_are_read_as_old_wallets_write_them(keep):
    document = made()
    document["Crypto"] = document.pop("crypto")
    with open_wallet_file(keep(document), PASSWORD) as key:
        assert key.reveal() == KEY


def test_a_counter_without_its_leading_zeros_is_read(keep, monkeypatch):
    monkeypatch.setattr("eth_keyfile.keyfile.Random.get_random_bytes", lambda size: b"\0" + b"\x07" * (size - 1))
    document = made()
    document["crypto"]["cipherparams"]["iv"] = "07" * 15
    with open_wallet_file(keep(document), PASSWORD) as key:
        assert key.reveal() == KEY


def test_a_wrong_password_is_told(keep):
    assert reason(keep(made()), Secret("something else")) is WRONG_PASSWORD


def test_a_file_that_others_may_read_is_refused(keep):
    assert reason(keep(made(), mode=0o644)) is KEYSTORE_OPEN


def test_a_file_that_is_not_there_is_told(tmp_path):
    tmp_path.chmod(0o700)
    assert reason(tmp_path / "nothing.json") is KEYSTORE_ABSENT


def changed(*path, to, kdf="scrypt"):
    document = made(kdf)
    *way, last = path
    part = document
    for name in way:
        part = part[name]
    if to is None:
        del part[last]
    else:
        part[last] = to
    return document


@pytest.mark.parametrize(
    "document",
    [
        "not json",
        "[]",
        "[" * 50_000,
        changed("version", to=1),
        changed("version", to=4),
        changed("version", to=None),
        changed("crypto", to=None),
        changed("crypto", "kdf", to="argon2"),
        changed("crypto", "cipher", to="aes-128-cbc"),
        changed("crypto", "mac", to=None),
        changed("crypto", "ciphertext", to="zz" * 32),
        changed("crypto", "kdfparams", "salt", to="odd"),
        changed("crypto", "kdfparams", "dklen", to=1 << 40),
        changed("crypto", "kdfparams", "n", to=1 << 30),
        changed("crypto", "kdfparams", "p", to=1 << 20),
        changed("crypto", "kdfparams", "r", to=1 << 20),
        changed("crypto", "kdfparams", "c", to=1 << 40, kdf="pbkdf2"),
        changed("crypto", "kdfparams", "prf", to="hmac-md5", kdf="pbkdf2"),
    ],
    ids=lambda each: None if isinstance(each, str) else "changed",
)
def test_what_is_no_keystore_or_asks_for_endless_work_is_refused_before_any_work(keep, monkeypatch, document):
    monkeypatch.setattr("eth_keyfile.keyfile.decode_keyfile_json", lambda *_: pytest.fail("it was worked on"))
    assert reason(keep(document)) is WALLET_FILE_FOREIGN


def test_a_second_spelling_of_a_name_does_not_slip_past(keep):
    document = made()
    document["crypto"]["kdfparams"]["N"] = 1 << 40
    assert reason(keep(document)) is WALLET_FILE_FOREIGN
