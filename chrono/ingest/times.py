"""The times that senders write, as nanoseconds in whole microseconds: the store's precision."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from chrono.clock import MS_NS, SECOND_NS, US_NS

LATEST_NS: Final = 253_402_300_800 * SECOND_NS
"""The end of the year 9999, where RFC 3339 ends. Exclusive."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_REST = re.compile(r"(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))", re.ASCII)
_SECOND_LENGTH: Final = 19
_TEXT_LENGTH: Final = 35
_DAY_MINUTES: Final = 24 * 60

# What almost every sender writes after the seconds; a look-up is four times faster than taking it apart.
_USUAL_REST: Final = {f".{ms:03d}Z": ms * MS_NS for ms in range(1000)} | {"Z": 0, "+00:00": 0}


def wire_time_ns(value: object) -> int | None:
    """The instant, from RFC 3339 text or epoch milliseconds (an integer); None when it is neither.

    Finer digits than microseconds are cut. A leap second is refused, as no venue sends one.
    """
    if type(value) is str:
        second_ns = _second_ns(value[:_SECOND_LENGTH])
        rest_ns = _USUAL_REST.get(value[_SECOND_LENGTH:])
        if rest_ns is None:
            rest_ns = _rest_ns(value[_SECOND_LENGTH:_TEXT_LENGTH]) if len(value) <= _TEXT_LENGTH else None
        at_ns = None if second_ns is None or rest_ns is None else second_ns + rest_ns
    elif type(value) is int:
        at_ns = value * MS_NS
    else:
        return None
    return at_ns if at_ns is not None and 0 <= at_ns < LATEST_NS else None


@lru_cache(maxsize=4096)
def _second_ns(text: str) -> int | None:
    """`2025-10-09T12:34:56` as nanoseconds. The seconds of one batch are few, so they are remembered."""
    if _SECOND.fullmatch(text) is None:
        return None
    try:
        stamp = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return round((stamp.replace(tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND_NS


def _rest_ns(rest: str) -> int | None:
    """What follows the seconds: a fraction, and Z or an offset that is taken off."""
    found = _REST.fullmatch(rest)
    if found is None:
        return None
    fraction, sign, hours, minutes = found.groups()
    fraction_ns = int(fraction.ljust(9, "0")) // US_NS * US_NS if fraction else 0
    if sign is None:
        return fraction_ns
    away = int(hours) * 60 + int(minutes)
    if away >= _DAY_MINUTES or int(minutes) >= 60:
        return None
    return fraction_ns - (away if sign == "+" else -away) * 60 * SECOND_NS
