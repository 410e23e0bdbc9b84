"""The events of the last reward epochs as they came, kept in a file so that a restart reads only what is new.

A file of other contracts, or of another chain, is as none: everything is read again then.
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from chrono.chain.answers import Log
from chrono.chain.kept_file import KeptFile
from chrono.flare.address import Address

_VERSION: Final = 1


class KeptLog(Struct, frozen=True, array_like=True):
    """A log, and the time of its block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    index: int
    block_time_s: int

    @property
    def log(self) -> Log:
        """The log itself."""
        return Log(Address(self.address), self.topics, self.data, self.block_number, self.block_hash, self.index)


class Kept(Struct, frozen=True):
    """All logs of the blocks from the first of time `from_s` up to `last_block`, whose hash proves them all."""

    from_s: int
    last_block: int
    last_hash: bytes
    logs: tuple[KeptLog, ...]


class _File(Struct, frozen=True):
    version: int
    chain_id: int
    key: bytes
    kept: Kept


class HistoryFile:
    """One file of one chain. Nothing is raised for it."""

    def __init__(self, path: Path, chain_id: int) -> None:
        self._file = KeptFile(path, _File, "history")
        self._chain_id = chain_id

    def load(self, key: bytes) -> Kept | None:
        """What is kept under this key; None when that is nothing."""
        found = self._file.load()
        if found is None or (found.version, found.chain_id, found.key) != (_VERSION, self._chain_id, key):
            return None
        return found.kept

    def save(self, key: bytes, kept: Kept) -> None:
        """Put this in the place of what was kept."""
        self._file.save(_File(_VERSION, self._chain_id, key, kept))


class History:
    """The logs in memory, in the order of the chain, to be kept from time to time."""

    def __init__(self) -> None:
        self._logs: dict[tuple[int, int], KeptLog] = {}

    def add(self, logs: Iterable[Log], times_s: dict[int, int]) -> None:
        """Add logs; `times_s` are the times of their blocks, by number."""
        for each in logs:
            self._logs[each.block_number, each.index] = KeptLog(
                each.address,
                each.topics,
                each.data,
                each.block_number,
                each.block_hash,
                each.index,
                times_s[each.block_number],
            )

    def restore(self, kept: Kept) -> None:
        """Take in what was kept."""
        self._logs |= {(each.block_number, each.index): each for each in kept.logs}

    def take_back(self, block_number: int) -> None:
        """Forget the logs from this block on."""
        self._logs = {place: each for place, each in self._logs.items() if each.block_number < block_number}

    def kept(self, from_s: int, last_block: int, last_hash: bytes) -> Kept:
        """Everything since `from_s`, up to a block; what is older is forgotten."""
        self._logs = {place: each for place, each in self._logs.items() if each.block_time_s >= from_s}
        logs = tuple(self._logs[place] for place in sorted(self._logs) if place[0] <= last_block)
        return Kept(from_s, last_block, last_hash, logs)


def key_of(addresses: Iterable[Address], topics: Iterable[bytes]) -> bytes:
    """What a history is of: the contracts whose events it has, and which events."""
    return sha256(b"".join((*sorted(addresses), b"/", *sorted(topics)))).digest()
