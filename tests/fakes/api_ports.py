"""The parts that the API calls, in memory: small real classes that a test can fill, age and break."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chrono.api.ports import After, ApiParts
from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import NO_SOURCES, ChronoError
from chrono.flare.epochs import Timing
from chrono.flare.feeds import FeedId
from chrono.ingest.door import IngestDoor
from chrono.ingest.nonces import MemoryNonces
from chrono.ingest.signature import Signatures, SignedRequest
from chrono.market.names import Market, Venue
from chrono.market.quote import Candle, Quote
from chrono.pricing.estimate import Estimate, Estimates, Exclusion, Quality
from chrono.settings import Api, Ingest, Secret, Server, Settings
from chrono.voting.reports import Reports

NOW_NS = 1_760_013_296_789_000_000
"""2025-10-09T12:34:56.789Z."""

INTERNAL_KEY = "chrono_internal_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PUBLIC_KEY = "chrono_public_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
PAID_KEY = "chrono_public_cccccccccccccccccccccccccccccccc"
ADMIN_KEY = "chrono_admin_dddddddddddddddddddddddddddddddd"
KEYS = {"internal": INTERNAL_KEY, "public": PUBLIC_KEY, "paid": PAID_KEY, "admin": ADMIN_KEY}


class FakeEvidence:
    """A derivation of its own."""

    def __init__(self, market: str, at_ns: int) -> None:
        self.told = {
            "at_ns": at_ns,
            "market": market,
            "sources": [
                {
                    "venue": "binance",
                    "book": "BTC/USDT",
                    "age_ns": 5 * SECOND_NS,
                    "weight": "0.25",
                    "verdict": "used",
                    "path": [{"edge": "USDT/USD", "multiply": True}],
                }
            ],
            "unused": [],
        }

    def derivation(self) -> bytes:
        """Canonical JSON."""
        return json.dumps(self.told, sort_keys=True, separators=(",", ":")).encode()


def estimate(market: str = "BTC/USD", price: str = "67234.56", *, at_ns: int = NOW_NS, **changes: Any) -> Estimate:
    """A good value of five venues."""
    number = Decimal(price)
    fields: dict[str, Any] = {
        "market": Market(market),
        "at_ns": at_ns,
        "newest_at_ns": at_ns,
        "price": number,
        "volume": Decimal("1234.5678"),
        "vwap": number,
        "twap": number,
        "median": number,
        "weighted_median": number,
        "mean": number,
        "std_dev": Decimal("1E-8"),
        "spread_bps": Decimal("1.5"),
        "confidence": Decimal("0.95"),
        "quality": Quality.OK,
        "sources": tuple(map(Venue, ("binance", "bybit", "coinbase", "kraken", "okx"))),
        "excluded": (Exclusion(Venue("gate"), "outlier"),),
        "minimum_sources": 3,
        "reason": None,
        "evidence": FakeEvidence(market, at_ns),
    }
    return Estimate(**{**fields, **changes})


def quote(market: str = "BTC/USD", venue: str = "binance", price: str = "67230.1", at_ns: int = NOW_NS) -> Quote:
    """One venue's quote."""
    return Quote(Venue(venue), Market(market), Decimal(price), Decimal("2.5"), at_ns, at_ns, "worker-1", b'{"bid":"1"}')


class FakeBoard:
    """Fits: chrono.api.ports.Board."""

    def __init__(self) -> None:
        self.estimates: dict[Market, Estimate] = {}
        self.computable: dict[Market, Estimate] = {}

    def put(self, *values: Estimate) -> None:
        """Serve these."""
        for value in values:
            self.estimates[value.market] = value

    def latest(self, market: Market) -> Estimate | None:
        """What was put."""
        return self.estimates.get(market)

    def listed(self) -> list[Market]:
        """What was put."""
        return list(self.estimates)

    def estimate_now(self, markets: Sequence[Market]) -> dict[Market, Estimate]:
        """What was put, else what `computable` holds."""
        both = {market: self.estimates.get(market) or self.computable.get(market) for market in markets}
        return {market: found for market, found in both.items() if found is not None}


class FakeWindow:
    """Fits: chrono.api.ports.Window."""

    def __init__(self) -> None:
        self.books: dict[Market, dict[Venue, Quote]] = {}

    def add(self, quotes: Sequence[Quote]) -> None:
        """Take these."""
        for one in quotes:
            self.books.setdefault(one.market, {})[one.venue] = one

    def markets(self) -> list[Market]:
        """Every book."""
        return list(self.books)

    def newest(self, market: Market, venue: Venue) -> Quote | None:
        """One venue's last quote."""
        return self.books.get(market, {}).get(venue)

    def newest_of(self, market: Market) -> Mapping[Venue, Quote]:
        """Every venue's last quote."""
        return self.books.get(market, {})


class FakeStore:
    """Fits: Quotes, Candles and Consensus of chrono.api.ports, and the write of the ingest door."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []
        self.candles: list[Candle] = []
        self.records: dict[Market, Estimate] = {}
        self.failure: ChronoError | None = None
        self.asked: list[dict[str, Any]] = []

    async def write(self, quotes: Sequence[Quote]) -> Counter[str]:
        """Keep these, once each; how many of each venue were there already."""
        self._fail()
        known = {(one.venue, one.market, one.quoted_at_ns) for one in self.quotes}
        new = [one for one in quotes if (one.venue, one.market, one.quoted_at_ns) not in known]
        self.quotes += new
        return Counter(one.venue for one in quotes if one not in new)

    async def range(
        self, market: Market, start_ns: int, end_ns: int, *, venue: Venue | None, limit: int, after: After | None,
        newest_first: bool,
    ) -> Sequence[Quote]:  # fmt: skip
        """Quotes of the span, in order, behind `after`."""
        self._fail()
        rows = [
            one
            for one in self.quotes
            if one.market == market and start_ns <= one.quoted_at_ns < end_ns and venue in (None, one.venue)
        ]
        rows.sort(key=lambda one: (one.quoted_at_ns, one.venue), reverse=newest_first)
        if after is not None:
            places = [(one.quoted_at_ns, str(one.venue)) for one in rows]
            rows = [r for r, at in zip(rows, places, strict=True) if (at < after if newest_first else at > after)]
        return rows[:limit]

    async def at(self, markets: Sequence[Market], at_ns: int, within_ns: int) -> Mapping[Market, Estimate]:
        """Records near the time."""
        self._fail()
        return {
            market: self.records[market]
            for market in markets
            if market in self.records and 0 <= at_ns - self.records[market].at_ns <= within_ns
        }

    async def derivation(self, market: Market, at_ns: int) -> bytes | None:
        """The record's derivation."""
        self._fail()
        record = self.records.get(market)
        return record.evidence.derivation() if record is not None and record.at_ns <= at_ns else None

    async def estimate_at(self, markets: Sequence[Market], at_ns: int) -> Estimates:
        """Computed for the past: what lies five minutes before, at its own last price."""
        self._fail()
        resolved = {}
        for market in markets:
            near = [q for q in self.quotes if q.market == market and 0 <= at_ns - q.quoted_at_ns <= 300 * SECOND_NS]
            if near:
                resolved[market] = estimate(market, str(near[-1].price), at_ns=at_ns)
        return Estimates(resolved, {market: NO_SOURCES for market in markets if market not in resolved})

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class FakeCandles:
    """Fits: chrono.api.ports.Candles."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def range(
        self, market: Market, interval: str, start_ns: int, end_ns: int, *, venue: Venue | None, limit: int,
        after: After | None, newest_first: bool,
    ) -> Sequence[Candle]:  # fmt: skip
        """Candles of the span, in order, behind `after`."""
        self._store.asked.append({"market": market, "interval": interval, "venue": venue, "limit": limit})
        rows = [one for one in self._store.candles if start_ns <= one.opened_at_ns < end_ns]
        rows.sort(key=lambda one: one.opened_at_ns, reverse=newest_first)
        if after is not None:
            rows = [r for r in rows if (r.opened_at_ns < after[0] if newest_first else r.opened_at_ns > after[0])]
        return rows[:limit]


class FakeRounds:
    """Fits: chrono.api.ports.Rounds."""

    def __init__(self, board: FakeBoard) -> None:
        self._board = board
        self.kept: dict[int, dict[str, Decimal | None]] = {}

    def values(self, round_id: int, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        """The board's votable values, pinned per round when asked for a round."""
        pinned = self.kept.setdefault(round_id, {}) if round_id else {}
        return [pinned.setdefault(feed.name, self._now(feed)) for feed in feeds]

    def pinned(self, round_id: int) -> None:
        """None: no round of the fake was pinned at an instant of its own."""

    def _now(self, feed: FeedId) -> Decimal | None:
        value = self._board.latest(Market(feed.name))
        return value.price if value is not None and value.votable else None


class FakeHouse:
    """All parts of the API, with the real ingest door before a store in memory."""

    def __init__(self, *, secrets: Mapping[str, bytes] | None = None, signing_required: bool = False) -> None:
        self.clock = ManualClock(NOW_NS)
        self.board, self.window, self.store = FakeBoard(), FakeWindow(), FakeStore()
        self.rounds = FakeRounds(self.board)
        self.door = IngestDoor(self.store.write, self.clock, Ingest())
        self.door.on_quotes(self.window.add)
        self.signatures = Signatures(secrets or {}, MemoryNonces(self.clock), required=signing_required)
        self.services: dict[str, str] = {"database": "healthy", "redis": "off", "venues": "healthy"}
        self.shared: Any = None
        self.answers: Any = None
        self.environment: str | None = None
        self.read_venues: list[Any] = []
        self.reports = Reports()
        self.recorded: Any = None
        self.network: str | None = None
        self.timing: Timing | None = None
        self.hand: Any = None

    def parts(self) -> ApiParts:
        """What `create_app` takes."""
        return ApiParts(
            clock=self.clock,
            accept=self.door.accept,
            verify=self._verify,
            board=self.board,
            window=self.window,
            quotes=self.store,
            candles=FakeCandles(self.store),
            consensus=self.store,
            estimate_at=self.store.estimate_at,
            rounds=self.rounds,
            volumes=lambda market, _window_ns, _at_ns: {
                venue: one.volume for venue, one in self.window.newest_of(market).items() if one.volume is not None
            },
            health={name: self._probe(name) for name in self.services},
            read_venues=lambda: self.read_venues,
            decimals={Market("BTC/USD"): 2},
            hand=self.hand,
            reports=self.reports,
            recorded_rounds=self.recorded,
            network=self.network,
            timing=self.timing,
            shared_limits=self.shared,
            shared_answers=self.answers,
            environment=self.environment,
        )

    async def _verify(self, request: Any, at_ns: int) -> None:
        signed = SignedRequest(*(getattr(request, name) for name in request.__struct_fields__))
        await self.signatures.verify(signed, at_ns=at_ns)

    def _probe(self, name: str) -> Any:
        async def probe() -> str:
            return self.services[name]

        return probe


def settings(server: dict[str, Any] | None = None, **api: Any) -> Settings:
    """Settings with one key of each class, and limits that no test meets by accident."""
    limits = {
        "rate_limit_internal": 10**6,
        "rate_limit_public_free": 10**6,
        "rate_limit_public_paid": 10**6,
        "rate_limit_address": 10**6,
    }
    keys = {
        "internal_keys": (Secret(INTERNAL_KEY),),
        "public_keys": (Secret(PUBLIC_KEY),),
        "paid_keys": (Secret(PAID_KEY),),
        "admin_keys": (Secret(ADMIN_KEY),),
    }
    return Settings(server=Server(**(server or {})), api=Api(**{**keys, **limits, **api}))
