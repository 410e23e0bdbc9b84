"""The Ledger through ledgereth and ledgerblue, against an emulated device: every signature, every way of not signing."""

import struct
import subprocess
import sys

import ledgerblue.comm
import ledgereth
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from ledgerblue.comm import HIDDongleHIDAPI
from ledgerblue.commException import CommException
from msgspec.structs import replace

from chrono.errors import LEDGER_AWAY, LEDGER_DECLINED, SIGNER_FAULT, ChronoError
from chrono.flare.address import checksummed
from chrono.flare.signatures import CURVE_ORDER, address_of
from chrono.keys.ledger import LedgerSigner, checked_path, connect, message_digest
from tests.fakes.key_requests import good_requests, transaction_of
from tests.fakes.ledger_device import HidLedger, LedgerApp, bus_with

SECRET, OTHER = b"\x11" * 32, b"\x12" * 32
PATH = bytes.fromhex("058000002c8000003c800000000000000000000000")
SHORT = bytes.fromhex("048000002c8000003c8000000000000003")
TRANSACTION = transaction_of("EntityManager", bytes.fromhex("01020304") + bytes(range(250)) * 3)


def _app():
    return LedgerApp({PATH: SECRET, PATH[:-1] + b"\x01": OTHER, SHORT: OTHER})


def _plugged(app, **how):
    """The app at the end of ledgerblue's own wire."""
    return HIDDongleHIDAPI(HidLedger(app, **how), ledger=True)


class Says:
    """A wire on which the same comes back always, after the address."""

    def __init__(self, answer):
        self._device, self._answer = _plugged(_app()), answer
        self.asked = 0

    def exchange(self, apdu, timeout=None):
        self.asked += 1
        if self.asked == 1:
            return self._device.exchange(apdu)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return bytearray(self._answer)


def _told(action, *args):
    with pytest.raises(ChronoError) as error:
        action(*args)
    return error.value.reason, str(error.value)


def _reason(action, *args):
    return _told(action, *args)[0]


@pytest.mark.parametrize("path", ["44'/60'/0'/0/0", "m/44'/60'/0'/0/0", "44'/60'/0'/3", "44'/60'/2147483647'/0/0"])
def test_a_path_is_the_libraries_own_with_or_without_its_m(path):
    assert checked_path(path) == path.removeprefix("m/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "m/",
        "x",
        "44'/-1",
        "44'/1'/0'/0/0",
        "44'/60'/0'/0/0/0",
        "44'/60'/2147483648'/0/0",
        "44'/60'/0'/0/4294967296",
    ],
)
def test_a_path_that_is_none_or_would_lead_to_another_account_is_refused(path):
    with pytest.raises(ValueError, match="a path to an account"):
        LedgerSigner(_plugged(_app()), path)


def test_the_address_is_that_of_the_path_and_so_is_the_signature():
    app = _app()
    assert LedgerSigner(_plugged(app)).address == address_of(SECRET)
    assert LedgerSigner(_plugged(app), "44'/60'/0'/0/1").address == address_of(OTHER)
    other = LedgerSigner(_plugged(app), "44'/60'/0'/3")
    assert other.address == address_of(OTHER)
    assert app.shown == []
    assert other.sign(TRANSACTION).sender == address_of(OTHER)


def _as_eth_account_signs(transaction):
    fields = {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": checksummed(transaction.to),
        "value": transaction.value_wei,
        "data": transaction.data,
        "gas": transaction.gas,
        "maxFeePerGas": transaction.max_fee_wei,
        "maxPriorityFeePerGas": transaction.max_priority_fee_wei,
        "type": 2,
    }
    return Account.sign_transaction(fields, SECRET).raw_transaction


@pytest.mark.parametrize("length", [4, 150, 180, 200, 233, 234, 235, 255, 490, 755, 5000])
def test_a_transaction_of_any_length_is_shown_and_signed_as_eth_account_signs_it(length):
    app = _app()
    transaction = replace(TRANSACTION, data=bytes(number % 251 for number in range(length)), gas=500_000)
    signed = LedgerSigner(_plugged(app)).sign(transaction)
    assert signed.raw == _as_eth_account_signs(transaction)
    assert Account.recover_transaction(signed.raw) == Account.from_key(SECRET).address
    assert (signed.transaction, signed.sender) == (transaction, address_of(SECRET))
    assert app.shown == [("transaction", transaction.chain_id, transaction.to, transaction.value_wei)]
    assert max(app.lengths) <= 255
    assert min(app.lengths) > 0


@pytest.mark.parametrize("chain_id", [14, 19, 16, 114, 31337, 2**32 + 14])
@pytest.mark.parametrize(("nonce", "tip", "value"), [(0, 0, 0), (300, 10**9, 10**27)])
def test_each_network_and_the_edges_of_the_numbers_are_signed(chain_id, nonce, tip, value):
    transaction = replace(TRANSACTION, chain_id=chain_id, nonce=nonce, max_priority_fee_wei=tip, value_wei=value)
    assert LedgerSigner(_plugged(_app())).sign(transaction).raw == _as_eth_account_signs(transaction)


@pytest.mark.parametrize("message", [b"", b"chrono wallet verify", bytes(230), bytes(231), "ß✓".encode() * 200])
def test_a_message_is_signed_as_eth_account_signs_it(message):
    signature = LedgerSigner(_plugged(_app())).sign_message(message)
    theirs = Account.sign_message(encode_defunct(message), SECRET)
    assert signature.encode() == bytes([theirs.v]) + theirs.signature[:64]
    assert message_digest(message) == bytes(theirs.message_hash)


def test_a_message_signed_by_an_app_that_tells_the_bare_parity_is_taken():
    theirs = Account.sign_message(encode_defunct(b"x"), SECRET)
    answer = bytes([theirs.v - 27]) + theirs.signature[:64]
    assert LedgerSigner(Says(answer)).sign_message(b"x").v == theirs.v


@pytest.mark.parametrize(
    ("setting", "reason", "why"),
    [({"locked": True}, LEDGER_AWAY, "locked"), ({"app_open": False}, LEDGER_AWAY, "app is not open"),
     ({"presses": False}, LEDGER_DECLINED, "declined"), ({"blind": False}, LEDGER_DECLINED, "blind signing")],
)  # fmt: skip
def test_a_ledger_that_does_not_sign_says_why(setting, reason, why):
    app = _app()
    signer = LedgerSigner(_plugged(app))
    for name, value in setting.items():
        setattr(app, name, value)
    told = _told(signer.sign, TRANSACTION)
    assert told[0] is reason
    assert why in told[1]


@pytest.mark.parametrize(
    ("status", "reason", "why"),
    [(0x5515, LEDGER_AWAY, "locked"), (0x6B0C, LEDGER_AWAY, "locked"), (0x6804, LEDGER_AWAY, "locked"),
     (0x6511, LEDGER_AWAY, "not open"), (0x6E00, LEDGER_AWAY, "not open"), (0x6D02, LEDGER_AWAY, "not open"),
     (0x6982, LEDGER_DECLINED, "declined, or it locked"), (0x6985, LEDGER_DECLINED, "declined"),
     (0x6A80, LEDGER_DECLINED, "blind signing"), (0x6501, LEDGER_DECLINED, "status 6501"),
     (0x6F00, LEDGER_AWAY, "no proper answer")],
)  # fmt: skip
def test_each_status_word_is_told_in_words(status, reason, why):
    for ask in (lambda signer: signer.sign(TRANSACTION), lambda signer: signer.sign_message(b"x")):
        told = _told(ask, LedgerSigner(Says(CommException(f"Invalid status {status:04x}", status))))
        assert told[0] is reason
        assert why in told[1]


def test_a_ledger_that_is_unplugged_at_any_report_is_away():
    def signed(good_for):
        app.shown.clear()
        return LedgerSigner(_plugged(app, good_for=good_for)).sign(TRANSACTION)

    app, whole = _app(), 25
    for good_for in range(whole):
        assert _reason(signed, good_for) is LEDGER_AWAY, good_for
    assert app.shown, "the last report is the second of the signature, lost on its way back"
    assert signed(whole)


def test_a_ledger_that_answers_nothing_in_time_or_on_another_channel_is_away():
    assert _reason(LedgerSigner(Says(CommException("Timeout"))).sign, TRANSACTION) is LEDGER_AWAY
    assert _reason(LedgerSigner, _plugged(_app(), channel=b"\x01\x02")) is LEDGER_AWAY


def test_an_emulator_that_hangs_up_is_away():
    torn = struct.error("unpack requires a buffer of 4 bytes")  # ledgerblue's, over a socket
    assert _reason(LedgerSigner(Says(torn)).sign, TRANSACTION) is LEDGER_AWAY


def test_ctrl_c_while_the_person_thinks_ends_the_command():
    with pytest.raises(KeyboardInterrupt):
        LedgerSigner(Says(KeyboardInterrupt())).sign(TRANSACTION)


@pytest.mark.parametrize(
    "answer", [b"", b"\x41", bytes([65]) + bytes(65) + bytes([40]) + b"x" * 40, bytes([0, 2, 0xC3, 0x28]), bytes(200)]
)
def test_an_address_that_is_none_is_refused(answer):
    device = Says(answer)
    device.asked = 1
    assert _reason(LedgerSigner, device) is LEDGER_AWAY


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"", LEDGER_AWAY), (bytes(63), LEDGER_AWAY), (bytes(64), SIGNER_FAULT),
                           (bytes(66), SIGNER_FAULT), (b"\xff" * 65, SIGNER_FAULT)],
    ids=("none", "too short", "a byte short", "a byte long", "beyond the curve"),
)  # fmt: skip
def test_what_is_no_signature_is_never_given_out(answer, reason):
    assert _reason(LedgerSigner(Says(answer)).sign, TRANSACTION) is reason
    assert _reason(LedgerSigner(Says(answer)).sign_message, b"x") is reason


def test_a_signature_over_something_else_is_never_given_out():
    app = _app()
    signer = LedgerSigner(_plugged(app))
    app.secrets[PATH] = OTHER
    assert _reason(signer.sign, TRANSACTION) is SIGNER_FAULT
    assert _reason(signer.sign_message, b"x") is SIGNER_FAULT


def test_a_signature_with_a_high_s_is_never_given_out():
    ours, theirs = _as_eth_account_signs(TRANSACTION), Account.sign_message(encode_defunct(b"x"), SECRET)
    for parity, scalars, ask in (
        (ours[-67] & 1, ours[-65:-33] + ours[-32:], lambda signer: signer.sign(TRANSACTION)),
        (theirs.v - 27, theirs.signature[:64], lambda signer: signer.sign_message(b"x")),
    ):
        high = (CURVE_ORDER - int.from_bytes(scalars[32:], "big")).to_bytes(32, "big")
        assert ask(LedgerSigner(Says(bytes([parity]) + scalars)))
        assert _reason(ask, LedgerSigner(Says(bytes([1 - parity]) + scalars[:32] + high))) is SIGNER_FAULT


def test_a_library_that_sends_something_else_is_found_out(monkeypatch):
    signer = LedgerSigner(_plugged(_app()))
    kind = ledgereth.Type2Transaction
    monkeypatch.setattr(ledgereth, "Type2Transaction", lambda **asked: kind(**{**asked, "amount": asked["amount"] + 1}))
    assert _reason(signer.sign, TRANSACTION) is SIGNER_FAULT


def test_what_the_ledger_does_not_sign_is_told_before_it_is_asked():
    app = _app()
    signer = LedgerSigner(_plugged(app))
    with pytest.raises(ValueError, match="EIP-1559"):
        signer.sign(replace(next(iter(good_requests().values())), legacy=True))
    with pytest.raises(ValueError, match="chain_id"):
        signer.sign(replace(TRANSACTION, chain_id=10**15))
    assert len(app.lengths) == 1


def test_the_ledger_on_this_machine_is_found_and_signs(monkeypatch):
    monkeypatch.setattr(ledgerblue.comm, "hid", bus_with(HidLedger(_app())))
    assert LedgerSigner(connect()).sign(TRANSACTION).raw == _as_eth_account_signs(TRANSACTION)


@pytest.mark.parametrize(("device", "why"), [(None, "No dongle found"), (HidLedger(_app(), good_for=0), "udev rules")])
def test_no_ledger_and_one_that_does_not_open_are_away(monkeypatch, device, why):
    monkeypatch.setattr(ledgerblue.comm, "hid", bus_with(device))
    told = _told(connect)
    assert told[0] is LEDGER_AWAY
    assert why in told[1]


@pytest.mark.parametrize("missing", ["ledgereth", "ledgerblue.comm"])
def test_without_its_libraries_the_ledger_is_away_and_the_extra_is_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    told = _told(connect)
    assert told[0] is LEDGER_AWAY
    assert "pip install 'project-chrono[ledger]'" in told[1]


def test_chrono_opens_none_of_the_libraries_before_a_ledger_is_asked_for():
    look = "import sys, chrono.keys.ledger, chrono.cli.wallet; print({'ledgereth', 'ledgerblue', 'hid'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
