"""The Ledger's commands, against an emulated device: to the byte, in pieces, and every way of not signing."""

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from msgspec.structs import replace

from chrono.errors import LEDGER_AWAY, LEDGER_DECLINED, SIGNER_FAULT, ChronoError
from chrono.flare.signatures import address_of
from chrono.keys.ledger import LedgerSigner, connect, message_digest, path_bytes
from tests.fakes.key_requests import good_requests, transaction_of
from tests.fakes.ledger_device import LedgerDevice

SECRET, OTHER = b"\x11" * 32, b"\x12" * 32
PATH = bytes.fromhex("058000002c8000003c800000000000000000000000")
TRANSACTION = transaction_of("EntityManager", bytes.fromhex("01020304") + bytes(range(250)) * 3)


def _device():
    return LedgerDevice({PATH: SECRET, PATH[:-1] + b"\x01": OTHER})


def _reason(action, *args):
    with pytest.raises(ChronoError) as error:
        action(*args)
    return error.value.reason


def test_a_path_is_four_bytes_a_step_with_hardened_ones_marked():
    assert path_bytes("44'/60'/0'/0/0") == path_bytes("m/44'/60'/0'/0/0") == PATH


@pytest.mark.parametrize("path", ["", "x", "44'/-1", "44'/4294967296", "/".join("1" * 11), "2147483648'"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match=r"path|invalid literal"):
        path_bytes(path)


def test_the_address_is_that_of_the_path():
    device = _device()
    assert LedgerSigner(device).address == address_of(SECRET)
    assert LedgerSigner(device, "44'/60'/0'/0/1").address == address_of(OTHER)
    assert device.shown == []
    assert LedgerSigner(device).show_address() == address_of(SECRET)
    assert device.shown == [("address", Account.from_key(SECRET).address)]


@pytest.mark.parametrize("length", [0, 4, 150, 180, 233, 234, 235, 255, 490, 755, 5000])
def test_a_transaction_of_any_length_is_shown_signed_and_leads_back(length):
    device = _device()
    transaction = replace(TRANSACTION, data=bytes(number % 251 for number in range(length)), gas=500_000)
    signed = LedgerSigner(device).sign(transaction)
    assert Account.recover_transaction(signed.raw) == Account.from_key(SECRET).address
    assert device.shown == [("transaction", transaction.to)]
    assert max(device.lengths) <= 255
    assert min(device.lengths) > 0


@pytest.mark.parametrize("message", [b"", b"chrono wallet verify", bytes(1000), "ß✓".encode() * 200])
def test_a_message_is_signed_as_eth_account_signs_it(message):
    signature = LedgerSigner(_device()).sign_message(message)
    theirs = Account.sign_message(encode_defunct(message), SECRET)
    assert signature.encode() == bytes([theirs.v]) + theirs.signature[:64]
    assert message_digest(message) == bytes(theirs.message_hash)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [({"locked": True}, LEDGER_AWAY), ({"app_open": False}, LEDGER_AWAY), ({"presses": False}, LEDGER_DECLINED),
     ({"blind": False}, LEDGER_DECLINED)],
)  # fmt: skip
def test_a_ledger_that_does_not_sign_says_why(setting, reason):
    device = _device()
    signer = LedgerSigner(device)
    for name, value in setting.items():
        setattr(device, name, value)
    assert _reason(signer.sign, TRANSACTION) is reason


def test_a_ledger_that_is_unplugged_is_away():
    class Gone(LedgerDevice):
        def exchange(self, command: bytes) -> tuple[bytes, int]:
            raise ChronoError(LEDGER_AWAY, why="it was unplugged")

    assert _reason(LedgerSigner, Gone({})) is LEDGER_AWAY


@pytest.mark.parametrize("answer", [b"", b"\x41", bytes([65]) + bytes(65) + bytes([40]) + b"x" * 40, bytes(200)])
def test_an_address_that_is_none_is_refused(answer):
    class Odd(LedgerDevice):
        def exchange(self, command: bytes) -> tuple[bytes, int]:
            return answer, 0x9000

    assert _reason(LedgerSigner, Odd({})) is LEDGER_AWAY


def test_a_signature_over_something_else_is_never_given_out():
    device = _device()
    signer = LedgerSigner(device)
    device._secrets[PATH] = OTHER
    assert _reason(signer.sign, TRANSACTION) is SIGNER_FAULT
    assert _reason(signer.sign_message, b"x") is SIGNER_FAULT


@pytest.mark.parametrize("answer", [b"", bytes(64), bytes(66)])
def test_what_is_no_signature_is_refused(answer, monkeypatch):
    device = _device()
    signer = LedgerSigner(device)
    monkeypatch.setattr(device, "exchange", lambda _: (answer, 0x9000))
    assert _reason(signer.sign, TRANSACTION) is LEDGER_DECLINED


def test_legacy_transactions_are_not_for_the_ledger():
    with pytest.raises(ValueError, match="EIP-1559"):
        LedgerSigner(_device()).sign(replace(next(iter(good_requests().values())), legacy=True))


def test_without_its_library_the_ledger_is_away():
    try:
        import ledgerblue  # noqa: F401
    except ImportError:
        assert _reason(connect) is LEDGER_AWAY
