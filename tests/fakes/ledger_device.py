"""A Ledger with its Ethereum app, emulated: it reads commands to the byte, and signs when its person presses.

Written from the app's public page of commands, not from a recording: no device was there. It refuses what that page
does not have, so a client that speaks differently fails here.
"""

from chrono.flare import rlp
from chrono.flare.address import checksummed
from chrono.flare.signatures import address_of, sign
from chrono_core import keccak256

OK, DECLINED, LOCKED, NO_APP, BAD_DATA, BAD_PARAMETER = 0x9000, 0x6985, 0x5515, 0x6511, 0x6A80, 0x6B00


class LedgerDevice:
    """One device. `presses` is what its person does; `locked`, `app_open` and `blind` are how it is set."""

    def __init__(self, secrets: dict[bytes, bytes]) -> None:
        """`secrets`: private keys by path, as commands hold it."""
        self._secrets = secrets
        self._waiting: tuple[int, bytes, bytes] | None = None
        self.presses = True
        self.locked = False
        self.app_open = True
        self.blind = True
        self.shown: list[tuple[str, object]] = []
        self.lengths: list[int] = []

    def exchange(self, command: bytes) -> tuple[bytes, int]:
        """One command: class, instruction, two parameters, length, data."""
        assert len(command) == 5 + command[4], "the length of the data is told in the fifth byte"
        self.lengths.append(command[4])
        kind, instruction, first, second = command[:4]
        if self.locked:
            return b"", LOCKED
        if kind != 0xE0 or not self.app_open:
            return b"", NO_APP
        if second != 0:
            return b"", BAD_PARAMETER
        data = command[5:]
        if instruction == 0x02:
            return self._address(first, data)
        if instruction in (0x04, 0x08):
            return self._stream(instruction, first, data)
        return b"", 0x6D00

    def _address(self, shown: int, data: bytes) -> tuple[bytes, int]:
        if data not in self._secrets or shown > 1:
            return b"", BAD_DATA
        text = checksummed(address_of(self._secrets[data]))
        if shown:
            self.shown.append(("address", text))
            if not self.presses:
                return b"", DECLINED
        public = bytes([4]) + bytes(64)
        return bytes([len(public)]) + public + bytes([40]) + text[2:].encode(), OK

    def _stream(self, instruction: int, first: int, data: bytes) -> tuple[bytes, int]:
        if first == 0x00:
            end = 1 + 4 * data[0]
            if data[:end] not in self._secrets:
                return b"", BAD_DATA
            self._waiting = (instruction, self._secrets[data[:end]], data[end:])
        elif first == 0x80 and self._waiting is not None and self._waiting[0] == instruction:
            self._waiting = (*self._waiting[:2], self._waiting[2] + data)
        else:
            return b"", BAD_PARAMETER
        _, secret, body = self._waiting
        return self._message(secret, body) if instruction == 0x08 else self._transaction(secret, body)

    def _message(self, secret: bytes, body: bytes) -> tuple[bytes, int]:
        length, message = int.from_bytes(body[:4], "big"), body[4:]
        if len(message) < length:
            return b"", OK
        digest = keccak256(b"\x19Ethereum Signed Message:\n" + str(length).encode() + message)
        return self._signed(secret, digest, "message", message, 27)

    def _transaction(self, secret: bytes, body: bytes) -> tuple[bytes, int]:
        if body[:1] != b"\x02":
            return b"", BAD_DATA
        try:
            fields = rlp.decode(body[1:])
        except rlp.Malformed as fault:
            return b"", OK if "are left" in fault.what or "missing" in fault.what else BAD_DATA
        if len(fields) != 9:
            return b"", BAD_DATA
        if fields[7] and not self.blind:
            return b"", BAD_DATA
        return self._signed(secret, keccak256(body), "transaction", fields[5], 0)

    def _signed(self, secret: bytes, digest: bytes, kind: str, what: object, v: int) -> tuple[bytes, int]:
        self._waiting = None
        self.shown.append((kind, what))
        if not self.presses:
            return b"", DECLINED
        signature = sign(digest, secret)
        return bytes([signature.v - 27 + v]) + signature.r + signature.s, OK
