"""How records lie in the journal's file: `mark(4) || length(4) || checksum(4) || record`, one behind the other. No I/O.

The checksum is over length and record. The mark lets a reader find the next record behind damaged bytes.
"""

import struct
from typing import Final
from zlib import crc32

from msgspec import Struct

MARK: Final = b"\xc7jr\x01"
MOST_RECORD: Final = 1 << 20
_HEAD: Final = struct.Struct(">4sII")


class Scanned(Struct, frozen=True):
    """What a file holds."""

    records: tuple[bytes, ...]
    sound_bytes: int
    """Up to where it can be read."""
    torn_bytes: int
    """How much behind that is no whole record."""
    damaged: bool
    """Whether something between two records cannot be read."""


def frame(record: bytes) -> bytes:
    """A record as it stands in the file. Raises: ValueError for an empty one, or one of more than 1 MiB."""
    if not 0 < len(record) <= MOST_RECORD:
        raise ValueError(f"a record has 1 to {MOST_RECORD} bytes, not {len(record)}")
    return _HEAD.pack(MARK, len(record), _checksum(record)) + record


def scan(data: bytes) -> Scanned:
    """All records that can be read."""
    records: list[bytes] = []
    at = sound = 0
    damaged = False
    while at < len(data):
        record = _record(data, at)
        if record is not None:
            records.append(record)
            at += _HEAD.size + len(record)
            sound = at
            continue
        following = _next(data, at + 1)
        if following is None:
            break
        damaged, at = True, following
    return Scanned(tuple(records), sound, len(data) - sound, damaged)


def _record(data: bytes, at: int) -> bytes | None:
    if len(data) - at < _HEAD.size:
        return None
    mark, length, checksum = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    if mark != MARK or not 0 < length <= min(MOST_RECORD, len(data) - start):
        return None
    record = data[start : start + length]
    return record if _checksum(record) == checksum else None


def _next(data: bytes, at: int) -> int | None:
    """Where the next whole record begins."""
    at = data.find(MARK, at)
    while at >= 0:
        if _record(data, at) is not None:
            return at
        at = data.find(MARK, at + 1)
    return None


def _checksum(record: bytes) -> int:
    return crc32(record, crc32(len(record).to_bytes(4, "big")))
