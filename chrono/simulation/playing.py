"""A tape played as if it happened now: in a loop, re-timed, at any speed."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from chrono.clock import MS_NS, SECOND_NS, US_NS, Clock
from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.quote import Quote, Trade
from chrono.market.tapes import Event, Tape, merged
from chrono.simulation.market import Sink

BEAT_NS = 100 * MS_NS
ASLEEP_NS = 10 * SECOND_NS
"""A player this far behind (the machine slept) goes on from now instead of catching up."""


Keep = Callable[[Sequence[Trade]], None]
"""Takes single trades, to be kept behind. Returns at once. Fits: ingest.venues.behind.Behind.add."""


async def play(tape: Tape, clock: Clock, sink: Sink, speed: float = 1.0, *, keep: Keep | None = None) -> None:
    """Hand the tape's quotes to `sink` when they are due, from the start again at its end, until cancelled.

    Times become now; a quote keeps its delay between the venue and receipt. Trades of one venue, market and
    microsecond become one quote; `keep` gets every single one.
    Raises: ChronoError(BAD_TAPE) when the tape gives nothing.
    """
    while True:
        played = 0
        started_ns, first_ns = clock.now_ns(), 0
        for events in _beats(merged([tape]), int(BEAT_NS * speed)):
            batch = quotes_of(events)
            first_ns = first_ns or batch[0].received_at_ns
            due_ns = started_ns + int((batch[-1].received_at_ns - first_ns) / speed)
            await clock.sleep_until(due_ns)
            started_ns += max(clock.now_ns() - due_ns - ASLEEP_NS, 0)
            await sink([_retimed(quote, first_ns, started_ns, speed) for quote in batch])
            if keep is not None:
                keep([_dealt_now(one, first_ns, started_ns, speed) for one in events if isinstance(one, Trade)])
            played += len(batch)
        if not played:
            raise ChronoError(BAD_TAPE, file=str(tape.path), found="no quotes", expected="at least one")
        await clock.sleep(BEAT_NS / SECOND_NS)


def quotes_of(events: list[Event]) -> list[Quote]:
    """The events as quotes: trades of one venue, market and microsecond are one quote of their last price and
    their whole amount, since a quote's identity has no room for more.
    """
    quotes: dict[tuple[str, str, int], Quote] = {}
    for event in events:
        quote = _spelled(event) if isinstance(event, Trade) else event
        key = (quote.venue, quote.market, quote.quoted_at_ns)
        before = quotes.setdefault(key, quote)
        if before is not quote and before.volume is not None and quote.volume is not None:
            quotes[key] = msgspec.structs.replace(before, price=quote.price, volume=before.volume + quote.volume)
    return list(quotes.values())


def _spelled(trade: Trade) -> Quote:
    at_ns, known_ns = trade.traded_at_ns, trade.received_at_ns
    return Quote(trade.venue, trade.market, trade.price, trade.amount, at_ns, known_ns)


def _beats(events: Iterator[Event], span_ns: int) -> Iterator[list[Event]]:
    """Events in batches that became known within `span_ns` of tape time; never an empty one."""
    batch: list[Event] = []
    for event in events:
        if batch and event.received_at_ns - batch[0].received_at_ns >= span_ns:
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch


def _retimed(quote: Quote, first_ns: int, started_ns: int, speed: float) -> Quote:
    received_at_ns = _now_of(quote.received_at_ns, first_ns, started_ns, speed)
    quoted_at_ns = (received_at_ns - (quote.received_at_ns - quote.quoted_at_ns)) // US_NS * US_NS
    return msgspec.structs.replace(quote, quoted_at_ns=quoted_at_ns, received_at_ns=received_at_ns)


def _dealt_now(trade: Trade, first_ns: int, started_ns: int, speed: float) -> Trade:
    received_at_ns = _now_of(trade.received_at_ns, first_ns, started_ns, speed)
    traded_at_ns = (received_at_ns - (trade.received_at_ns - trade.traded_at_ns)) // US_NS * US_NS
    return msgspec.structs.replace(trade, traded_at_ns=traded_at_ns, received_at_ns=received_at_ns)


def _now_of(received_at_ns: int, first_ns: int, started_ns: int, speed: float) -> int:
    return started_ns + int((received_at_ns - first_ns) / speed) // US_NS * US_NS
