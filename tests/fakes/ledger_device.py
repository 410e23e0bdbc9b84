"""A Ledger with its Ethereum app, emulated: it reads commands to the byte, and signs when its person presses.

Written from the app's public page of commands, not from a recording: no device was there. It refuses what that page
does not have, so a client that speaks differently fails here. Nothing of it is ours: keys by eth-keys, hashes by
eth-hash, fields by rlp.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace

import rlp
from eth_hash.auto import keccak
from eth_keys import keys

OK, DECLINED, LOCKED, NO_APP, BAD_DATA, BAD_PARAMETER, NO_COMMAND = (
    0x9000, 0x6985, 0x5515, 0x6511, 0x6A80, 0x6B00, 0x6D00,
)  # fmt: skip
LEDGER = 0x2C97
"""The vendor on the bus."""
REPORT = 64


class LedgerApp:
    """One device. `presses` is what its person does; `locked`, `app_open` and `blind` are how it is set."""

    def __init__(self, secrets: dict[bytes, bytes]) -> None:
        """`secrets`: private keys by path, as commands hold it."""
        self.secrets = secrets
        self._waiting: tuple[int, bytes, bytes] | None = None
        self.presses = True
        self.locked = False
        self.app_open = True
        self.blind = True
        self.shown: list[tuple[object, ...]] = []
        self.lengths: list[int] = []

    def answer(self, command: bytes) -> tuple[bytes, int]:
        """Data and status word for one command: class, instruction, two parameters, length, data."""
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
        return b"", NO_COMMAND

    def _address(self, shown: int, data: bytes) -> tuple[bytes, int]:
        if data not in self.secrets:
            return b"", BAD_DATA
        if shown:
            return b"", BAD_PARAMETER
        public = keys.PrivateKey(self.secrets[data]).public_key
        text = public.to_checksum_address().removeprefix("0x").encode()
        return b"\x41\x04" + public.to_bytes() + bytes([len(text)]) + text, OK

    def _stream(self, instruction: int, first: int, data: bytes) -> tuple[bytes, int]:
        if first == 0x00:
            end = 1 + 4 * data[0]
            if data[:end] not in self.secrets:
                return b"", BAD_DATA
            self._waiting = (instruction, self.secrets[data[:end]], data[end:])
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
        wrapped = b"\x19Ethereum Signed Message:\n" + str(length).encode() + message
        return self._signed(secret, wrapped, ("message", message), lowest=27)

    def _transaction(self, secret: bytes, body: bytes) -> tuple[bytes, int]:
        if body[:1] != b"\x02" or body[1] < 0xC0:
            return b"", BAD_DATA
        width = max(0, body[1] - 0xF7)
        length = int.from_bytes(body[2 : 2 + width], "big") if width else body[1] - 0xC0
        missing = 2 + width + length - len(body)
        if missing:
            return b"", OK if missing > 0 else BAD_DATA
        chain_id, _, _, _, _, to, value, data, _ = rlp.decode(body[1:])
        if data and not self.blind:
            return b"", BAD_DATA
        number = int.from_bytes
        return self._signed(secret, body, ("transaction", number(chain_id, "big"), to, number(value, "big")), lowest=0)

    def _signed(self, secret: bytes, what: bytes, shown: tuple[object, ...], *, lowest: int) -> tuple[bytes, int]:
        self._waiting = None
        self.shown.append(shown)
        if not self.presses:
            return b"", DECLINED
        signature = keys.PrivateKey(secret).sign_msg_hash(keccak(what))
        return bytes([signature.v + lowest]) + signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big"), OK


class HidLedger:
    """The app behind a plug, as hidapi hands it out: reports of 64 bytes on channel 0101, tag 05, numbered.

    `good_for` reports it stays plugged in, counted both ways; `channel` is the one on which it answers.
    """

    def __init__(self, app: LedgerApp, *, good_for: int = 1 << 30, channel: bytes = b"\x01\x01") -> None:
        self._app = app
        self._channel = channel
        self._taken = b""
        self._number = 0
        self._ready: list[bytes] = []
        self.good_for = good_for

    def open_path(self, path: bytes) -> None:
        if not self.good_for:
            raise OSError("open failed")

    def set_nonblocking(self, on: bool) -> None: ...

    def close(self) -> None: ...

    def write(self, report: bytes) -> int:
        if not self.good_for:
            return -1
        self.good_for -= 1
        assert (len(report), bytes(report[:1])) == (1 + REPORT, b"\x00"), "the number of the report, then the report"
        assert struct.unpack(">HBH", report[1:6]) == (0x0101, 0x05, self._number)
        self._taken, self._number = self._taken + bytes(report[6:]), self._number + 1
        length = int.from_bytes(self._taken[:2], "big")
        if len(self._taken) >= 2 + length:
            data, status = self._app.answer(self._taken[2 : 2 + length])
            self._taken, self._number = b"", 0
            self._ready = list(self._reports(data + status.to_bytes(2, "big")))
        return len(report)

    def read(self, length: int) -> list[int]:
        if not self.good_for:
            raise OSError("read error")
        self.good_for -= 1
        assert self._ready, "nothing was asked that is not answered yet"
        return list(self._ready.pop(0))

    def _reports(self, answer: bytes) -> Iterator[bytes]:
        rest, room = len(answer).to_bytes(2, "big") + answer, REPORT - 5
        for number, at in enumerate(range(0, len(rest), room)):
            head = self._channel + struct.pack(">BH", 0x05, number)
            yield (head + rest[at : at + room]).ljust(REPORT, b"\x00")


def bus_with(device: HidLedger | None) -> SimpleNamespace:
    """The module `hid`, with a keyboard, and the Ledger unless there is none."""
    found = [{"vendor_id": 0x1234, "interface_number": 0, "path": b"keyboard"}]
    if device:
        found.append({"vendor_id": LEDGER, "interface_number": 0, "path": b"ledger"})
    return SimpleNamespace(enumerate=lambda vendor, product: found, device=lambda: device)


@contextmanager
def served(app: LedgerApp) -> Iterator[int]:
    """The port on loopback where the app answers as Ledger's emulator does; ledgerblue knows it by its environment."""

    def answer() -> None:
        talk, _ = listening.accept()
        with talk, talk.makefile("rb") as asked:
            while head := asked.read(4):
                data, status = app.answer(asked.read(int.from_bytes(head, "big")))
                talk.sendall(len(data).to_bytes(4, "big") + data + status.to_bytes(2, "big"))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = Thread(target=answer)
        serving.start()
        yield listening.getsockname()[1]
        serving.join(timeout=10)
