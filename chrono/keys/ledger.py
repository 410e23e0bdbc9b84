"""Identity and claims on a Ledger: its Ethereum app shows each transaction to a person, who presses.

The exchange is the app's own (commands of class E0), spoken here so that it can be tested without a device. The wire
to a real device comes from `ledgerblue` (the extra `ledger`). Source: the Ethereum app's APDU page; BIP-32, EIP-191.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from chrono.errors import LEDGER_AWAY, LEDGER_DECLINED, SIGNER_FAULT, ChronoError
from chrono.flare.address import Address, parse_address
from chrono.flare.signatures import LOWEST_V, Signature, recover
from chrono.flare.transaction import SignedTransaction, Transaction
from chrono_core import keccak256

DEFAULT_PATH: Final = "44'/60'/0'/0/0"
CLASS: Final = 0xE0
GET_ADDRESS: Final = 0x02
SIGN_TRANSACTION: Final = 0x04
SIGN_MESSAGE: Final = 0x08
FIRST: Final = 0x00
NEXT: Final = 0x80
MOST_DATA: Final = 255
"""Bytes in one command; a longer transaction goes in several."""
DONE: Final = 0x9000
_HARDENED: Final = 0x8000_0000
_SIGNATURE_BYTES: Final = 65

_AWAY: Final = {
    0x5515: "it is locked",
    0x530C: "it is locked",
    0x6804: "it is locked",
    0x6982: "it is locked",
    0x6511: "its Ethereum app is not open",
    0x6D00: "its Ethereum app is not open",
    0x6E00: "its Ethereum app is not open",
}
_DECLINED: Final = {
    0x6985: "the person at the device declined",
    0x6A80: "it does not take this data; allow blind signing in the Ethereum app's settings",
}


class Device(Protocol):
    """The wire to a Ledger. Fits: `connect()`, and the emulated one of the tests."""

    def exchange(self, command: bytes) -> tuple[bytes, int]:
        """Send one command; the answer's data and its status word. Raises: ChronoError(LEDGER_AWAY)."""
        ...


class LedgerSigner:
    """One account of a Ledger. Every signature needs a press, so none of the 90-second duties is done with it."""

    def __init__(self, device: Device, path: str = DEFAULT_PATH) -> None:
        """Raises: ValueError for a path that is none, ChronoError(LEDGER_AWAY)."""
        self._device = device
        self._path = path_bytes(path)
        self.address = self._address(shown=False)

    def show_address(self) -> Address:
        """The address, after the person saw the same one on the device. Raises: as `sign`."""
        return self._address(shown=True)

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The transaction, signed after a press; EIP-1559 only.

        Raises: ChronoError(LEDGER_AWAY, LEDGER_DECLINED), ChronoError(SIGNER_FAULT) for a signature that leads
        elsewhere, ValueError for a legacy transaction.
        """
        if transaction.legacy:
            raise ValueError("the Ledger signs EIP-1559 transactions")
        signature = self._signed(SIGN_TRANSACTION, transaction.unsigned())
        return transaction.signed(self._proved(transaction.signing_hash(), signature))

    def sign_message(self, message: bytes) -> Signature:
        """The message as EIP-191 wraps it, signed after a press. Raises: as `sign`."""
        signature = self._signed(SIGN_MESSAGE, len(message).to_bytes(4, "big") + message)
        return self._proved(message_digest(message), signature)

    def _address(self, *, shown: bool) -> Address:
        answer = self._ask(GET_ADDRESS, int(shown), self._path)
        try:
            at = 1 + answer[0]
            return parse_address("0x" + answer[at + 1 : at + 1 + answer[at]].decode("ascii").removeprefix("0x"))
        except (IndexError, ValueError) as fault:
            raise ChronoError(LEDGER_AWAY, why=f"what it says is no address: {fault}") from fault

    def _signed(self, instruction: int, body: bytes) -> Signature:
        answer = b""
        for place, part in _parts(self._path + body):
            answer = self._ask(instruction, place, part)
        if len(answer) != _SIGNATURE_BYTES:
            raise ChronoError(LEDGER_DECLINED, why=f"{len(answer)} bytes are no signature")
        parity = answer[0] - LOWEST_V if answer[0] >= LOWEST_V else answer[0]
        return Signature(parity + LOWEST_V, answer[1:33], answer[33:])

    def _proved(self, digest: bytes, signature: Signature) -> Signature:
        if recover(digest, signature) != self.address or not signature.is_low_s:
            raise ChronoError(SIGNER_FAULT, account=f"0x{self.address.hex()}", why="the Ledger signed something else")
        return signature

    def _ask(self, instruction: int, parameter: int, data: bytes) -> bytes:
        command = bytes([CLASS, instruction, parameter, 0, len(data)]) + data
        answer, status = self._device.exchange(command)
        if status in _AWAY:
            raise ChronoError(LEDGER_AWAY, why=_AWAY[status])
        if status != DONE:
            raise ChronoError(LEDGER_DECLINED, why=_DECLINED.get(status, f"status {status:04x}"))
        return answer


def path_bytes(path: str) -> bytes:
    """A derivation path as commands hold it: its length, then four bytes each. Raises: ValueError."""
    steps = path.removeprefix("m/").split("/")
    numbers = [int(step.removesuffix("'")) + (_HARDENED if step.endswith("'") else 0) for step in steps]
    if not 1 <= len(numbers) <= 10 or any(not 0 <= each < 1 << 32 for each in numbers):
        raise ValueError(f"a derivation path has 1 to 10 steps, such as {DEFAULT_PATH}: {path}")
    return bytes([len(numbers)]) + b"".join(each.to_bytes(4, "big") for each in numbers)


def message_digest(message: bytes) -> bytes:
    """What is signed of a personal message. Source: EIP-191."""
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def connect() -> Device:
    """The Ledger on this machine. Raises: ChronoError(LEDGER_AWAY), also without the extra `ledger`.

    Not run by the tests: there is no device where they run.
    """
    try:
        from ledgerblue.comm import getDongle
        from ledgerblue.commException import CommException
    except ImportError:
        why = "its library is not installed: pip install 'project-chrono[ledger]'"
        raise ChronoError(LEDGER_AWAY, why=why) from None
    try:
        return _Usb(getDongle(), CommException)
    except CommException as fault:
        raise ChronoError(LEDGER_AWAY, why=str(fault)) from fault


class _Usb:
    """A device as ledgerblue has it: a status other than DONE is an exception there."""

    def __init__(self, dongle: Any, failure: type[Exception]) -> None:
        self._dongle = dongle
        self._failure = failure

    def exchange(self, command: bytes) -> tuple[bytes, int]:
        """Send one command."""
        try:
            return bytes(self._dongle.exchange(command)), DONE
        except self._failure as fault:
            status = getattr(fault, "sw", 0)
            if not status:
                raise ChronoError(LEDGER_AWAY, why=str(fault)) from fault
            return b"", int(status)
        except OSError as fault:
            raise ChronoError(LEDGER_AWAY, why="it was unplugged") from fault


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(data), MOST_DATA):
        yield (NEXT if at else FIRST), data[at : at + MOST_DATA]
