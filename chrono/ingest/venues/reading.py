"""How every parser reads the numbers, times and refusals of a venue, so that no folder invents its own way.

Nothing here raises on what a venue sent: what is no price, no amount or no time is None. A parser catches
`UNREADABLE` around decoding and says `unread(...)`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from chrono.clock import MS_NS, SECOND_NS, US_NS
from chrono.ingest.venues.words import RefusalKind, Refused, Said, Side, Unread

UNREADABLE: Final = (ValueError, RecursionError, ArithmeticError)
"""What decoding other people's bytes may raise: msgspec's errors and UnicodeDecodeError are ValueErrors.

Decimal's own errors are ArithmeticErrors: an exponent of twenty digits makes one while decoding.
"""

EXCERPT_BYTES: Final = 200
LEAST: Final = Decimal("1e-18")
MOST_PRICE: Final = Decimal("1e12")
MOST_AMOUNT: Final = Decimal("1e18")
EARLIEST_NS: Final = 1_000_000_000 * SECOND_NS
LATEST_NS: Final = 4_102_444_800 * SECOND_NS
"""Times outside 2001-09-09 .. 2100-01-01 are no times: mostly a unit mistaken for another."""

_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII).fullmatch
_WHOLE = re.compile(r"[0-9]{1,25}", re.ASCII).fullmatch
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch
_SCALE: Final = {"s": SECOND_NS, "ms": MS_NS, "us": US_NS, "ns": 1}

T = TypeVar("T")
S = TypeVar("S")


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A JSON decoder of `kind` that keeps decimals exact: fields of type Decimal take strings and numbers."""
    return msgspec.json.Decoder(kind, float_hook=Decimal, strict=True)


def number(value: object) -> Decimal | None:
    """An exact finite number from a string, a Decimal or a whole number; None for anything else."""
    if type(value) is str:
        return Decimal(value) if _NUMBER(value) else None
    if type(value) is Decimal:
        return value if value.is_finite() else None
    return Decimal(value) if type(value) is int else None


def price(value: object) -> Decimal | None:
    """A price: above zero, finite, within 1e-18 .. 1e12; None for anything else, also for 0 and an empty string."""
    found = number(value)
    return found if found is not None and LEAST <= found <= MOST_PRICE else None


def amount(value: object) -> Decimal | None:
    """Base units: zero or more, finite, at most 1e18; None for anything else."""
    found = number(value)
    if found is None or not 0 <= found <= MOST_AMOUNT:
        return None
    return found if found >= LEAST else Decimal(0)


def ns_from(value: object, unit: str) -> int | None:
    """Nanoseconds since 1970 UTC from a count of `unit` ("s", "ms", "us", "ns"), whole or with decimals, or text."""
    if type(value) is str and _WHOLE(value):
        value = int(value)
    if type(value) is int:
        at_ns = value * _SCALE[unit]
    else:
        found = number(value)
        if found is None or not 0 < found.adjusted() < 30:
            return None
        at_ns = int(found * _SCALE[unit])
    return at_ns if EARLIEST_NS <= at_ns < LATEST_NS else None


def ns_from_ms(value: object) -> int | None:
    """Nanoseconds from milliseconds: the unit of most venues."""
    if type(value) is int:  # the hot path
        at_ns = value * MS_NS
        return at_ns if EARLIEST_NS <= at_ns < LATEST_NS else None
    return ns_from(value, "ms")


def ns_from_iso(text: object) -> int | None:
    """Nanoseconds from `2026-04-07T00:28:59.662782Z` (also with an offset, or up to nine decimals)."""
    if type(text) is not str or not 19 <= len(text) <= 40 or not text.isascii():
        return None
    whole, point, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789")) if point else 0
    zone = rest[digits:] if point else whole[19:]
    seconds = _seconds_of(whole[:19], zone)
    if seconds is None or (point and not digits):
        return None
    at_ns = seconds * SECOND_NS + (int(rest[:digits].ljust(9, "0")[:9]) if digits else 0)
    return at_ns if EARLIEST_NS <= at_ns < LATEST_NS else None


@lru_cache(maxsize=512)
def _seconds_of(whole: str, zone: str) -> int | None:
    """Seconds since 1970: remembered, because the messages of one second share them."""
    try:
        return int(datetime.fromisoformat(whole + (zone or "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return None


def side(text: object) -> Side:
    """The taker's side from buy/sell, b/s, bid/ask, in any case; empty when it is none of them.

    A venue that tells the maker's side must be turned round in its own folder.
    """
    if type(text) is not str:
        return ""
    word = text.lower()
    if word in ("buy", "b", "bid"):
        return "buy"
    return "sell" if word in ("sell", "s", "ask") else ""


def excerpt(frame: bytes | str) -> str:
    """The beginning of what was received, printable, at most 200 bytes."""
    raw = frame[:EXCERPT_BYTES] if isinstance(frame, bytes) else frame[:EXCERPT_BYTES].encode(errors="replace")
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "." for letter in text)
    return text.encode()[:EXCERPT_BYTES].decode("utf-8", "ignore")


def unread(why: object, frame: bytes | str) -> Unread:
    """What to say of a message, or of a part of one, that could not be read. `why` may be the error itself."""
    return Unread(str(why)[:120], excerpt(frame))


def each(parts: Iterable[msgspec.Raw], one: msgspec.json.Decoder[S], tell: Callable[[S], Said | None]) -> list[Said]:
    """What each part says; a part that is not of its form is told as unread and costs the others nothing.

    For the rows of a bulk answer: decode the list as `list[msgspec.Raw]`, then each row with `one`. `tell` gives
    None for a row that is to be left out silently (a market without a price).
    """
    told: list[Said] = []
    for part in parts:
        try:
            said = tell(one.decode(part))
        except UNREADABLE as why:
            said = unread(why, bytes(part))
        if said is not None:
            told.append(said)
    return told


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header in seconds, whatever its case; None without one."""
    for name, value in headers.items():
        if name.lower() == "retry-after" and _SECONDS(value.strip(" \t")):
            return float(value)
    return None


def http_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an HTTP status alone says, as most venues mean it; None for 2xx. A folder looks at the body first.

    403 and 451 are read as a refusal by region or address: a public request needs no right that we could lack.
    """
    if 200 <= status < 300:
        return None
    kind = RefusalKind.FAULT
    if status == 429:
        kind = RefusalKind.RATE_LIMITED
    elif status == 418:
        kind = RefusalKind.BANNED
    elif status in (403, 451):
        kind = RefusalKind.GEO
    elif status in (400, 404, 405, 410, 414, 422):
        kind = RefusalKind.BAD_REQUEST
    elif status == 503:
        kind = RefusalKind.MAINTENANCE
    return Refused(kind, f"HTTP {status}: {excerpt(body)}"[:EXCERPT_BYTES], retry_after(headers))
