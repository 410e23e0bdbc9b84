"""Instants as psycopg sends them, and places in a list of rows."""

from datetime import UTC, datetime, timedelta

from chrono.clock import US_NS

After = tuple[int, str]
"""Where a page ended: the time of its last row, nanoseconds, and that row's venue (empty for a candle).

The next page begins behind it, however many rows were added meanwhile.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_datetime(at_ns: int) -> datetime:
    """The instant, cut to the microsecond, exactly; before the year 1 and after 9999 the nearest that exists."""
    try:
        return _EPOCH + timedelta(microseconds=at_ns // US_NS)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if at_ns > 0 else datetime.min.replace(tzinfo=UTC)
