"""Identity and claims on a Ledger: its Ethereum app shows each transaction to a person, who presses.

The exchange is ledgereth's, the wire ledgerblue's (both come with the extra `ledger`). Ours is what they leave open:
that nothing is given out which was not asked for, and a reason for whatever stands in the way.
Source of the status words: the Ethereum app's APDU page, and what Ledger's firmware answers for it.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, cast

from chrono.errors import LEDGER_AWAY, LEDGER_DECLINED, SIGNER_FAULT, ChronoError
from chrono.flare.abi import Malformed
from chrono.flare.address import Address, parse_address
from chrono.flare.signatures import LOWEST_V, Signature, recover
from chrono.flare.transaction import SignedTransaction, Transaction, decode_signed
from chrono_core import keccak256

if TYPE_CHECKING:
    from ledgerblue.Dongle import Dongle

DEFAULT_PATH: Final = "44'/60'/0'/0/0"
HARDENED: Final = 0x8000_0000
"""A step of a path lies below this; ledgereth would take the bit for a quote mark, and lead to another account."""

_SILENT: Final = 0x6F00
"""What ledgerblue says for itself: no device, or none that answers."""
_AWAY: Final = {
    0x5515: "it is locked",
    0x530C: "it is locked",
    0x6804: "it is locked",
    0x6B0C: "it is locked",
    0x6511: "its Ethereum app is not open",
    0x6D00: "its Ethereum app is not open",
    0x6D02: "its Ethereum app is not open",
    0x6E00: "its Ethereum app is not open",
    0x6E01: "its Ethereum app is not open",
}
_DECLINED: Final = {
    0x6982: "the person at the device declined, or it locked itself",
    0x6985: "the person at the device declined",
    0x6A80: "it does not take this data; allow blind signing in the Ethereum app's settings",
}


class Device(Protocol):
    """The wire to a Ledger as ledgereth holds it. Fits: ledgerblue's devices, one of which `connect()` opens."""

    def exchange(self, apdu: bytes) -> bytearray:
        """Send one command; the answer's data. A status other than "done" is ledgerblue's CommException."""
        ...


class LedgerSigner:
    """One account of a Ledger. Every signature needs a press, so none of the 90-second duties is done with it."""

    def __init__(self, device: Device, path: str = DEFAULT_PATH) -> None:
        """Raises: ValueError for a path that is none, ChronoError(LEDGER_AWAY, LEDGER_DECLINED)."""
        from ledgereth import get_account_by_path

        self._device = cast("Dongle", device)
        self._path = checked_path(path)
        with _told_by_name():
            self.address = parse_address(get_account_by_path(self._path, self._device).address)

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The transaction, signed after a press; EIP-1559 only.

        Raises: ChronoError(LEDGER_AWAY, LEDGER_DECLINED), ChronoError(SIGNER_FAULT) for a signature that leads
        elsewhere, ValueError for a legacy transaction or a chain id that the device cannot show.
        """
        from ledgereth import Type2Transaction, sign_transaction

        if transaction.legacy:
            raise ValueError("the Ledger signs EIP-1559 transactions")
        asked = Type2Transaction(
            chain_id=transaction.chain_id,
            nonce=transaction.nonce,
            max_priority_fee_per_gas=transaction.max_priority_fee_wei,
            max_fee_per_gas=transaction.max_fee_wei,
            gas_limit=transaction.gas,
            destination=transaction.to,
            amount=transaction.value_wei,
            data=transaction.data,
        )
        with _told_by_name():
            signed = sign_transaction(asked, self._path, self._device)
        return self._proved(str(signed.rawTransaction), transaction)

    def sign_message(self, message: bytes) -> Signature:
        """The message as EIP-191 wraps it, signed after a press. Raises: as `sign`."""
        from ledgereth import sign_message

        with _told_by_name():
            told = sign_message(message, self._path, self._device)
        v = told.v if told.v >= LOWEST_V else told.v + LOWEST_V
        signature = Signature(v, told.r.to_bytes(32, "big"), told.s.to_bytes(32, "big"))
        if recover(message_digest(message), signature) != self.address or not signature.is_low_s:
            raise _fault_of(self.address)
        return signature

    def _proved(self, raw: str, transaction: Transaction) -> SignedTransaction:
        """Read back by our own reader: what leaves is what was asked for, and from whom."""
        try:
            signed = decode_signed(bytes.fromhex(raw.removeprefix("0x")))
        except Malformed as fault:
            raise _fault_of(self.address) from fault
        if signed.sender != self.address or signed.transaction != transaction:
            raise _fault_of(self.address)
        return signed


def checked_path(path: str) -> str:
    """The derivation path as ledgereth writes it, without `m/`. Raises: ValueError."""
    from ledgereth.utils import is_bip32_path

    bare = path.strip().removeprefix("m/")
    if not is_bip32_path(bare) or any(int(step.removesuffix("'")) >= HARDENED for step in bare.split("/")):
        raise ValueError(f"a path to an account of Ethereum's looks like {DEFAULT_PATH}: {path}")
    return bare


def message_digest(message: bytes) -> bytes:
    """What is signed of a personal message. Source: EIP-191."""
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def connect() -> Device:
    """The Ledger on this machine. Raises: ChronoError(LEDGER_AWAY), also without the extra `ledger`.

    ledgereth would open it as well, but keeps it for ever after, also when it is unplugged.
    """
    try:
        import ledgereth  # noqa: F401 - without it the device is of no use
        from ledgerblue.comm import getDongle
        from ledgerblue.commException import CommException
    except ImportError as fault:
        why = f"its libraries are not installed ({fault}): pip install 'project-chrono[ledger]'"
        raise ChronoError(LEDGER_AWAY, why=why) from None
    try:
        return cast("Device", getDongle())
    except CommException as fault:
        raise ChronoError(LEDGER_AWAY, why=fault.message) from fault
    except OSError as fault:
        why = f"it does not let itself be opened ({fault}); close other wallets; on Linux, install Ledger's udev rules"
        raise ChronoError(LEDGER_AWAY, why=why) from fault


@contextmanager
def _told_by_name() -> Iterator[None]:
    """Whatever the libraries raise inside becomes a reason; ledgereth's own names know the old status words only."""
    from ledgereth.exceptions import LedgerError

    try:
        yield
    except LedgerError as fault:
        raise _reason_of(fault.__cause__) from fault
    except OSError as fault:
        raise ChronoError(LEDGER_AWAY, why="it was unplugged") from fault
    except (IndexError, ValueError, struct.error) as fault:
        raise ChronoError(LEDGER_AWAY, why=f"it gives no proper answer: {fault}") from fault
    except BaseException as fault:
        # ledgereth raises Exception itself for a short answer, ledgerblue BaseException itself for a failed write.
        if type(fault) not in (Exception, BaseException):
            raise
        raise ChronoError(LEDGER_AWAY, why=f"it gives no proper answer: {fault}") from fault


def _reason_of(fault: BaseException | None) -> ChronoError:
    status = getattr(fault, "sw", _SILENT)
    if status == _SILENT:
        return ChronoError(LEDGER_AWAY, why=f"it gives no proper answer: {fault}")
    if status in _AWAY:
        return ChronoError(LEDGER_AWAY, why=_AWAY[status])
    return ChronoError(LEDGER_DECLINED, why=_DECLINED.get(status, f"status {status:04x}"))


def _fault_of(account: Address) -> ChronoError:
    return ChronoError(SIGNER_FAULT, account=f"0x{account.hex()}", why="the Ledger signed something else")
