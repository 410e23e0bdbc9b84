"""MEXC's pushes in MEXC's own wire format, made from the JSON spelling of them (as recorders keep them).

Written against the public schema, apart from the reader under test: field numbers stand here once more.
"""

from typing import Any


def number(value: int) -> bytes:
    """A varint; negative numbers take ten bytes, as protobuf writes them."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def text(field: int, value: bytes | str) -> bytes:
    """A field of bytes: absent when empty, as proto3 writes it."""
    raw = value.encode() if isinstance(value, str) else value
    return number(field << 3 | 2) + number(len(raw)) + raw if raw else b""


def count(field: int, value: object) -> bytes:
    """A field of a whole number: absent when zero."""
    return number(field << 3) + number(int(str(value))) if value else b""


def message(field: int, body: bytes) -> bytes:
    """A message within a message; told also when it is empty."""
    return number(field << 3 | 2) + number(len(body)) + body


def _deal(row: dict[str, Any]) -> bytes:
    return (
        text(1, row.get("price", ""))
        + text(2, row.get("quantity", ""))
        + count(3, row.get("tradeType"))
        + count(4, row.get("time"))
        + text(5, row.get("tradeId", ""))
    )


def _level(row: dict[str, Any]) -> bytes:
    return text(1, row["price"]) + text(2, row["quantity"])


def frame(push: dict[str, Any]) -> bytes:
    """The frame of a push: its channel, its body, its symbol and its times."""
    out = text(1, push.get("channel", ""))
    if (deals := push.get("publicAggreDeals")) is not None:
        rows = b"".join(message(1, _deal(row)) for row in deals.get("deals", []))
        out += message(314, rows + text(2, deals.get("eventType", "")))
    if (quote := push.get("publicAggreBookTicker")) is not None:
        told = [quote.get(key, "") for key in ("bidPrice", "bidQuantity", "askPrice", "askQuantity")]
        out += message(315, b"".join(text(at, value) for at, value in enumerate(told, 1)))
    if (book := push.get("publicAggreDepths")) is not None:
        sides = ((1, "asks"), (2, "bids"))
        rows = b"".join(message(at, _level(row)) for at, name in sides for row in book.get(name, []))
        out += message(313, rows + text(3, book.get("eventType", "")))
    return out + text(3, push.get("symbol", "")) + count(5, push.get("createTime")) + count(6, push.get("sendTime"))
