"""RLP, as far as transactions need it: byte strings and lists of them. Source: Ethereum Yellow Paper, appendix B.

Reading is strict: an encoding that another length or a shorter form could give is refused, so the bytes of a
transaction are the only ones that mean it.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from chrono.flare.abi import Malformed

Item: TypeAlias = "bytes | Sequence[Item]"
"""A byte string, or a list of items."""

_STRING: Final = 0x80
_LIST: Final = 0xC0
_SHORT: Final = 55
"""Up to this length, the first byte says it."""
_DEEPEST: Final = 4
"""A transaction's access list is three lists deep."""


def encode(item: Item) -> bytes:
    """The item's bytes."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < _STRING else _head(_STRING, len(item)) + item
    body = b"".join(map(encode, item))
    return _head(_LIST, len(body)) + body


def number(value: int) -> bytes:
    """A number as transactions hold it: big-endian without leading zeros, 0 as nothing. Raises: OverflowError."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The one item that `data` holds. Raises: Malformed, also for bytes behind it."""
    item, end = _item(data, 0, len(data), _DEEPEST)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes stand behind the item", end)
    return item


def decode_number(item: Item) -> int:
    """The number in a byte string. Raises: Malformed for a list, or leading zeros."""
    if not isinstance(item, bytes) or item[:1] == b"\0":
        raise Malformed("a number is a byte string without leading zeros")
    return int.from_bytes(item, "big")


def _head(base: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes([base + length])
    size = number(length)
    return bytes([base + _SHORT + len(size)]) + size


def _item(data: bytes, at: int, end: int, deeper: int) -> tuple[Item, int]:
    """The item at `at`, and where the next one begins."""
    if at >= end:
        raise Malformed("an item is missing", at)
    first = data[at]
    if first < _STRING:
        return data[at : at + 1], at + 1
    base = _LIST if first >= _LIST else _STRING
    start, stop = _extent(data, at, end, first - base)
    if base == _STRING:
        if stop - start == 1 and data[start] < _STRING:
            raise Malformed("one small byte stands for itself", at)
        return data[start:stop], stop
    if not deeper:
        raise Malformed("lists in lists in lists", at)
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, deeper - 1)
        items.append(item)
    return items, stop


def _extent(data: bytes, at: int, end: int, length: int) -> tuple[int, int]:
    """Where the body begins and ends."""
    start = at + 1
    if length > _SHORT:
        size = length - _SHORT
        told = data[start : start + size]
        length = int.from_bytes(told, "big")
        start += size
        if len(told) != size or told[0] == 0 or length <= _SHORT:
            raise Malformed("a length in more bytes than it needs", at)
    if start + length > end:
        raise Malformed(f"{length} bytes are told, {max(0, end - start)} are left", at)
    return start, start + length
