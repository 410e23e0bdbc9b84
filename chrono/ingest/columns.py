"""A whole batch judged as columns: what nearly every batch is, in two thirds of the time that single feeds take.

Nothing is decided here: a column with anything unusual in it sends the batch to the judge of single feeds.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Any, Final, TypeVar

from chrono.ingest.feed import MARKET_LENGTH, VENUE_LENGTH, Feed, market_of, venue_of
from chrono.ingest.judge import Terms
from chrono.ingest.metadata import all_metadata
from chrono.ingest.numerals import Numeral
from chrono.ingest.times import wire_time_ns
from chrono.market.quote import Quote

Name = TypeVar("Name", bound=str)
Match = Callable[[str], re.Match[str] | None]

_PLAIN: Final[frozenset[type]] = frozenset({str, int, Numeral})
_prices = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,18})?\n)*", re.ASCII).fullmatch
_volumes = re.compile(r"(?:[0-9]{1,18}(?:\.[0-9]{1,18})?\n)*", re.ASCII).fullmatch


def all_quotes(feeds: Sequence[Feed], terms: Terms, worker_id: str) -> list[Quote] | None:
    """The feeds as quotes when all of them are good and plain; None when they must be judged one by one."""
    prices = _decimals([feed.price for feed in feeds], _prices)
    volumes = _some_decimals([feed.volume for feed in feeds])
    if prices is None or volumes is None or not all(prices):
        return None
    markets = _names([feed.symbol for feed in feeds], MARKET_LENGTH, market_of)
    venues = _names([feed.source for feed in feeds], VENUE_LENGTH, venue_of)
    if markets is None or venues is None:
        return None
    times = [wire_time_ns(feed.timestamp) for feed in feeds]
    attached = all_metadata([feed.metadata for feed in feeds]) if _timely(times, terms) else None
    if attached is None:
        return None
    about: Iterable[Any] = (times, repeat(terms.received_at_ns), repeat(worker_id), attached)
    return list(map(Quote, venues, markets, prices, volumes, *about))


def _names(texts: Sequence[str], most: int, name_of: Callable[[str], Name | None]) -> list[Name] | None:
    if max(map(len, texts)) > most:
        return None
    found = [name for name in map(name_of, texts) if name is not None]
    return found if len(found) == len(texts) else None


def _decimals(values: Sequence[object], pattern: Match) -> list[Decimal] | None:
    """Every value as a Decimal, its digits checked in one go; None when one is not plain digits."""
    if not _PLAIN.issuperset(map(type, values)):
        return None
    texts = list(map(str, values))
    lines = "\n".join([*texts, ""])
    # A line feed within a text would make two numbers of it.
    if lines.count("\n") != len(texts) or pattern(lines) is None:
        return None
    return list(map(Decimal, texts))


def _some_decimals(values: Sequence[object]) -> Sequence[Decimal | None] | None:
    told = [value for value in values if value is not None]
    found = _decimals(told, _volumes)
    if found is None or len(found) == len(values):
        return found
    rest = iter(found)
    return [None if value is None else next(rest) for value in values]


def _timely(times: Sequence[int | None], terms: Terms) -> bool:
    known = [at_ns for at_ns in times if at_ns is not None]
    return len(known) == len(times) and terms.oldest_ns <= min(known) and max(known) <= terms.newest_ns
