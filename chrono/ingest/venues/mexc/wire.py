"""The protobuf wire format, as far as MEXC's public pushes need it: read only, bounded, never beyond the frame.

The numbers of the fields are those of MEXC's public schema (README.md). A field that is not asked for is skipped.
"""

from typing import Final

MOST_FIELDS: Final = 20_000
"""Fields of one message. A push of 10 ms holds some dozens; a frame of a megabyte of empty fields is refused."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


Field = tuple[int, int, int]
"""A field's number and where its bytes begin and end; or its number, its value, and NO_BYTES."""

NO_BYTES: Final = -1


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at`, and where the next thing begins. Raises: WireError beyond `end`, or after ten bytes."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found, at
    raise WireError("a number that does not end")


def fields(data: bytes, at: int = 0, end: int | None = None) -> list[Field]:
    """The fields of a message between `at` and `end`, in order. Raises: WireError for anything malformed.

    Fields of 32 and 64 fixed bits are skipped.
    """
    found: list[Field] = []
    end = len(data) if end is None else end
    while at < end:
        tag, at = (data[at], at + 1) if data[at] < 0x80 else varint(data, at, end)
        kind = tag & 7
        if kind in (_BYTES, _VARINT):
            value, at = (data[at], at + 1) if at < end and data[at] < 0x80 else varint(data, at, end)
            if kind == _VARINT:
                found.append((tag >> 3, value, NO_BYTES))
            else:
                found.append((tag >> 3, at, at + value))
                at += value
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise WireError("groups are not read")
        if len(found) > MOST_FIELDS:
            raise WireError("too many fields")
    if at > end:
        raise WireError("a field longer than its message")
    return found
