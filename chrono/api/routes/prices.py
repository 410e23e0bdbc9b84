"""`GET /prices/latest` and `GET /api/v1/price/{symbol}`: our newest values, from memory."""

from collections.abc import Sequence
from typing import Any, Final

from chrono.api.access import Callers
from chrono.api.answers import Call, encoded
from chrono.api.limits import Allowance
from chrono.api.operations import Operation, Served
from chrono.api.parameters import (
    MAX_STALENESS_MS,
    SOURCE,
    SYMBOL_PATTERN,
    SYMBOLS,
    NotOfForm,
    fault,
    read_query,
    symbol,
)
from chrono.api.ports import ApiParts
from chrono.api.priced import Row, Rows, priced, tag_of
from chrono.api.schemas import CacheState, LatestPrices, RateLimit, SinglePrice
from chrono.api.wording import confidence_text, plain
from chrono.clock import SECOND_NS, to_rfc3339
from chrono.errors import BAD_REQUEST, STALE_VALUE, UNKNOWN_MARKET, ChronoError
from chrono.market.names import Market, Venue

PRICE_TTL_S: Final = 300
"""Life of `price:{BASE}:latest`. Source: api.md, "Redis, when it is configured"."""

_LATEST = (SYMBOLS, MAX_STALENESS_MS, SOURCE)


class Prices:
    """Reads of the newest values. `window_s`: a value older than this is stale."""

    def __init__(self, parts: ApiParts, window_s: int) -> None:
        self._parts = parts
        self._rows = Rows(window_s)

    async def latest(self, call: Call) -> Served:
        """The newest price of each market asked for."""
        asked = read_query(call.query, _LATEST)
        markets: list[Market] = asked["symbols"]
        rows, cached = self._of_venue(markets, asked["source"]) if asked["source"] else self._of_board(markets)
        found = [(market, row) for market, row in zip(markets, rows, strict=True) if row is not None]
        now_ns = call.clock.now_ns()
        if asked["max_staleness_ms"] is not None:
            _refuse_stale(found, asked["max_staleness_ms"], now_ns)
        missing = encoded([market for market, row in zip(markets, rows, strict=True) if row is None])
        parts = [row.parts(now_ns) for _, row in found]
        tag = tag_of(*(head + tail for head, _, tail in parts), missing)
        data = b",".join([b"".join(part) for part in parts])
        told = b"true" if cached else b"false"
        tail = b'],"missing":%b,"cached":%b,"latency_ms":%d}' % (missing, told, call.latency_ms)
        return priced(call, tag, (b"{", call.mark, b'"data":[', data, tail))

    async def single(self, call: Call) -> Served:
        """One market in the short form."""
        market = _market_of(call.path_parameter("symbol"))
        read_query(call.query, ())
        shown = self._parts.board.latest(market)
        estimate = self._parts.board.estimate_now([market]).get(market)
        hit = estimate is shown
        if estimate is None:
            raise ChronoError(UNKNOWN_MARKET, field="symbol", received=market, expected="a market of /metadata/markets")
        age_s = max(0, call.clock.now_ns() - estimate.at_ns) // SECOND_NS
        body = SinglePrice(
            symbol=market,
            price=plain(estimate.price),
            timestamp=to_rfc3339(estimate.at_ns),
            sources=len(estimate.sources),
            confidence=confidence_text(estimate.confidence),
            cache=CacheState(hit, max(0, PRICE_TTL_S - age_s) if hit else PRICE_TTL_S),
            rate_limit=_limit(call.allowance),
        )
        tag = tag_of(body.price.encode(), body.timestamp.encode(), str(body.sources).encode())
        return priced(call, tag, (call.encoded(body),))

    def _of_board(self, markets: Sequence[Market]) -> tuple[list[Row | None], bool]:
        board = self._parts.board
        shown = [board.latest(market) for market in markets]
        # What was ingested a moment ago counts already; where nothing came in, this is the value shown.
        newest = board.estimate_now(markets)
        found = [newest.get(market) for market in markets]
        cached = all(before is now for before, now in zip(shown, found, strict=True))
        return [None if estimate is None else self._rows.of_estimate(estimate) for estimate in found], cached

    def _of_venue(self, markets: Sequence[Market], venue: Venue) -> tuple[list[Row | None], bool]:
        quotes = [self._parts.window.newest(market, venue) for market in markets]
        return [None if quote is None else self._rows.of_quote(quote) for quote in quotes], True


def operations(parts: ApiParts, window_s: int) -> list[Operation]:
    """The operations of this file."""
    prices = Prices(parts, window_s)
    return [
        Operation(
            method="GET",
            path="/prices/latest",
            id="latestPrices",
            tag="Prices",
            summary="The newest price of each market: our consensus, or one venue's last quote",
            callers=Callers.PUBLIC,
            serve=prices.latest,
            answers={200: LatestPrices},
            errors=(503,),
            query=_LATEST,
            cacheable=True,
            example=_LATEST_EXAMPLE,
        ),
        Operation(
            method="GET",
            path="/api/v1/price/{symbol:path}",
            id="singlePrice",
            tag="Prices",
            summary="Our consensus for one market; BTC, BTC/USD and BTC%2FUSD are one",
            callers=Callers.PUBLIC,
            serve=prices.single,
            answers={200: SinglePrice},
            path_schema={"symbol": {"type": "string", "pattern": SYMBOL_PATTERN, "example": "BTC/USD"}},
            cacheable=True,
            versioned=True,
        ),
    ]


def _market_of(text: str) -> Market:
    text = text.strip("/")
    try:
        return symbol(text)
    except NotOfForm as refused:
        raise ChronoError(BAD_REQUEST, faults=[fault("symbol", text, str(refused))]) from refused


def _refuse_stale(found: Sequence[tuple[Market, Row]], most_ms: int, now_ns: int) -> None:
    stale = {market: row.age_ms(now_ns) for market, row in found if row.age_ms(now_ns) > most_ms}
    if stale:
        raise ChronoError(STALE_VALUE, field="max_staleness_ms", received=most_ms, staleness_ms=stale)


def _limit(allowance: Allowance | None) -> RateLimit:
    if allowance is None:
        return RateLimit(None, None, None)
    return RateLimit(allowance.limit, allowance.remaining, to_rfc3339(allowance.reset_ns))


_LATEST_EXAMPLE: Final[Any] = {
    "data": [
        {
            "symbol": "BTC/USD",
            "price": "67234.56",
            "volume": "1234.567890",
            "source": "aggregated",
            "timestamp": "2025-10-09T12:34:56.789Z",
            "staleness_ms": 120,
            "quality": "ok",
            "sources": 5,
            "confidence": "0.9500",
        }
    ],
    "missing": ["XYZ/USD"],
    "cached": True,
    "latency_ms": 1,
}
