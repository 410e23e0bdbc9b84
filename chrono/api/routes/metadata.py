"""`GET /metadata/feeds`, `/metadata/venues` and `/metadata/markets`: what is listed, and how it does."""

import asyncio
from typing import Any, Final

from msgspec import DecodeError, json

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, Header
from chrono.api.operations import Operation, Served
from chrono.api.parameters import read_query
from chrono.api.ports import ApiParts, ReadVenue
from chrono.api.schemas import FeedList, FeedRow, MarketList, MarketRow, MarketSource, VenueList, VenueRow
from chrono.api.venues import Venues, VenueState, age_ms
from chrono.clock import MS_NS, to_rfc3339
from chrono.flare.feeds import CRYPTO, FOREX, NAME_BYTES, FeedId
from chrono.market.names import Market, base_of, quote_of
from chrono.pricing.estimate import Estimate

_CURRENCIES: Final = frozenset(
    {"AUD", "BRL", "CAD", "CHF", "CNY", "EUR", "GBP", "HKD", "INR", "JPY", "KRW", "MXN", "SGD", "TRY", "USD"}
)
_CACHE: Final[tuple[Header, ...]] = ((b"cache-control", b"max-age=1"),)


class Metadata:
    """Reads of what is listed."""

    def __init__(self, parts: ApiParts, venues: Venues) -> None:
        self._parts = parts
        self._venues = venues
        self._made: dict[Market, tuple[Estimate, dict[str, Any]]] = {}

    async def feeds(self, call: Call) -> Served:
        """Every feed that we can value."""
        read_query(call.query, ())
        rows = [self._feed(market) for market in self._parts.board.listed() if len(market.encode()) <= NAME_BYTES]
        return Answer(call.encoded(FeedList(rows)), headers=_CACHE)

    async def venues(self, call: Call) -> Served:
        """Every venue that Chrono reads, and every other that has spoken through the ingest door."""
        read_query(call.query, ())
        now_ns = call.clock.now_ns()
        rows = {row.venue: row for row in (_told_row(state, now_ns) for state in self._venues.states())}
        # What we read ourselves is judged by its connection, which knows more than its quotes tell.
        rows |= {row.venue: row for row in (_read_row(venue, now_ns) for venue in self._parts.read_venues())}
        return Answer(call.encoded(VenueList([rows[venue] for venue in sorted(rows)])), headers=_CACHE)

    async def markets(self, call: Call) -> Served:
        """What each market's value is made from."""
        read_query(call.query, ())
        rows = []
        for market in self._parts.board.listed():
            estimate = self._parts.board.latest(market)
            if estimate is not None:
                rows.append(_market_row(estimate, self._derivation(estimate), call.clock.now_ns()))
                # A derivation takes a fraction of a millisecond; other requests go between them.
                await asyncio.sleep(0)
        return Answer(call.encoded(MarketList(rows)), headers=_CACHE)

    def _feed(self, market: Market) -> FeedRow:
        estimate = self._parts.board.latest(market)
        forex = base_of(market) in _CURRENCIES and quote_of(market) in _CURRENCIES
        category = FOREX if forex else CRYPTO
        return FeedRow(
            feed_id=FeedId(category, market).hex,
            symbol=market,
            category=category,
            decimals=self._parts.decimals.get(market),
            sources=0 if estimate is None else len(estimate.sources),
            quality=None if estimate is None else estimate.quality.value,
        )

    def _derivation(self, estimate: Estimate) -> dict[str, Any]:
        made = self._made.get(estimate.market)
        if made is not None and made[0] is estimate:
            return made[1]
        told = _decoded(estimate.evidence.derivation())
        self._made[estimate.market] = estimate, told
        return told


def operations(parts: ApiParts, venues: Venues) -> list[Operation]:
    """The operations of this file."""
    metadata = Metadata(parts, venues)
    told = (
        ("feeds", metadata.feeds, FeedList, "Every feed that we can value, as Flare names it"),
        ("venues", metadata.venues, VenueList, "Every venue that has spoken, and its state"),
        ("markets", metadata.markets, MarketList, "What each market's value is made from"),
    )
    return [
        Operation(
            method="GET",
            path=f"/metadata/{name}",
            id=f"{name}Metadata",
            tag="Metadata",
            summary=summary,
            callers=Callers.PUBLIC,
            serve=serve,
            answers={200: answer},
        )
        for name, serve, answer, summary in told
    ]


def _told_row(state: VenueState, now_ns: int) -> VenueRow:
    return VenueRow(
        venue=state.venue,
        state=state.state,  # type: ignore[arg-type]
        since=to_rfc3339(state.since_ns),
        markets=state.markets,
        last_message_ms=age_ms(state.last_message_ns, now_ns),
        clock_offset_ms=None,
        messages_per_s=state.per_s,
    )


def _read_row(venue: ReadVenue, now_ns: int) -> VenueRow:
    return VenueRow(
        venue=venue.venue,
        state=venue.state,  # type: ignore[arg-type]
        since=to_rfc3339(venue.since_ns),
        markets=venue.markets,
        last_message_ms=None if venue.last_heard_ns is None else age_ms(venue.last_heard_ns, now_ns),
        clock_offset_ms=venue.clock_offset_ms,
        messages_per_s=venue.messages_per_s,
    )


def _decoded(derivation: bytes) -> dict[str, Any]:
    try:
        told = json.decode(derivation)
    except DecodeError:
        return {}
    return {name: told.get(name, []) for name in ("sources", "unused")} if isinstance(told, dict) else {}


def _market_row(estimate: Estimate, told: dict[str, Any], now_ns: int) -> MarketRow:
    since_ns = max(0, now_ns - estimate.at_ns)
    sources = [_source(item, since_ns) for item in told.get("sources", [])]
    heaviest = max(sources, key=lambda source: float(source.weight), default=None)
    path = [str(estimate.market)] if heaviest is None else heaviest.path
    return MarketRow(estimate.market, sources, estimate.minimum_sources, path)


def _source(item: dict[str, Any], since_ns: int) -> MarketSource:
    return MarketSource(
        venue=item["venue"],
        symbol=item["book"],
        age_ms=max(0, item["age_ns"] + since_ns) // MS_NS,
        weight=f"{float(item['weight']):.4f}",
        state=item["verdict"],
        path=[item["book"], *(step["edge"] for step in item["path"])],
    )
