"""`GET /aggregates/consensus` and `/aggregates/explain`: the estimators side by side, and the whole way to a value."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, json

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call
from chrono.api.operations import Operation, Served
from chrono.api.parameters import ROUND, SYMBOL, SYMBOLS, TIMESTAMP, fault, read_query
from chrono.api.ports import ApiParts, StoredConsensus
from chrono.api.remembered import MOST_ASKED, Remembered, consensus_key
from chrono.api.schemas import ConsensusList, ConsensusRow, Explanation
from chrono.api.wording import consensus_row
from chrono.clock import SECOND_NS
from chrono.errors import BAD_REQUEST, NO_DERIVATION, UNKNOWN_MARKET, ChronoError
from chrono.flare.epochs import Timing, VotingRound
from chrono.market.names import Market
from chrono.pricing.estimate import Estimate

RECORD_NS: Final = 60 * SECOND_NS
"""Values are recorded once a minute and at each voting epoch's end, so an older record is not of the time asked."""

_CONSENSUS = (SYMBOLS, TIMESTAMP)
_EXPLAIN = (SYMBOL, ROUND, TIMESTAMP)


class _Time(Struct, frozen=True):
    at_ns: int


class Aggregates:
    """Reads of consensus and of derivations, now and of the past."""

    def __init__(self, parts: ApiParts, timing: Timing, remembered: Remembered) -> None:
        self._parts = parts
        self._remembered = remembered
        self._timing = timing

    async def consensus(self, call: Call) -> Served:
        """Each market's estimators: recorded if there is a record, else computed from the five minutes before."""
        asked = read_query(call.query, _CONSENSUS)
        markets: list[Market] = asked["symbols"]
        at_ns = asked["timestamp"]
        if at_ns is None:
            found = {market: consensus_row(value) for market, value in self._now(markets).items()}
        else:
            found = await self._past_rows(markets, at_ns)
        rows = [found[market] for market in markets if market in found]
        missing = [str(market) for market in markets if market not in found]
        return Answer(call.encoded(ConsensusList(rows, missing, call.latency_ms)), headers=_UNCACHED)

    async def explain(self, call: Call) -> Served:
        """The derivation of one value, byte for byte as it can be recomputed."""
        asked = read_query(call.query, _EXPLAIN)
        if asked["round"] is not None and asked["timestamp"] is not None:
            raise ChronoError(BAD_REQUEST, faults=[fault("timestamp", "beside `round`", "one of the two")])
        derivation = await self._derivation(asked["symbol"], self._asked_ns(asked))
        body = b'{%b"symbol":%b,"round":%b,"hash":"%b","derivation":%b,"latency_ms":%d}' % (
            call.mark,
            json.encode(asked["symbol"]),
            json.encode(asked["round"]),
            hashlib.sha256(derivation).hexdigest().encode(),
            derivation,
            call.latency_ms,
        )
        return Answer(body, headers=_UNCACHED)

    def _asked_ns(self, asked: Mapping[str, Any]) -> int | None:
        if asked["round"] is None:
            return None if asked["timestamp"] is None else int(asked["timestamp"])
        pinned = self._parts.rounds.pinned(asked["round"])
        return VotingRound(asked["round"], self._timing).commit_window.end_ns if pinned is None else pinned.at_ns

    def _now(self, markets: Sequence[Market]) -> Mapping[Market, Estimate]:
        return self._parts.board.estimate_now(markets)

    async def _past_rows(self, markets: Sequence[Market], at_ns: int) -> dict[Market, ConsensusRow]:
        """Rows of a past time, those that other instances have told already included."""
        settled = self._remembered.settled(at_ns)
        keys = [consensus_key(market, at_ns) for market in markets] if settled else []
        told = await self._remembered.get(keys, _ROW)
        rows = {market: row for market, row in zip(markets, told, strict=False) if row is not None}
        rest = [market for market in markets if market not in rows]
        found = await self._past(rest, at_ns) if rest else {}
        for market, value in found.items():
            rows[market] = consensus_row(value)
            if settled and len(markets) <= MOST_ASKED:
                await self._remembered.put(consensus_key(market, at_ns), json.encode(rows[market]))
        return rows

    async def _past(self, markets: Sequence[Market], at_ns: int) -> Mapping[Market, StoredConsensus]:
        stored = await self._parts.consensus.at(markets, at_ns, RECORD_NS)
        rest = [market for market in markets if market not in stored]
        if not rest:
            return stored
        computed = await self._parts.estimate_at(rest, at_ns)
        return {**stored, **computed.resolved}

    async def _derivation(self, market: Market, at_ns: int | None) -> bytes:
        if at_ns is None:
            estimate = self._now([market]).get(market)
            if estimate is None:
                raise ChronoError(UNKNOWN_MARKET, field="symbol", received=market)
            return estimate.evidence.derivation()
        if at_ns > self._parts.clock.now_ns():
            raise ChronoError(NO_DERIVATION, symbol=market, fault="the time asked for is not over yet")
        stored = await self._parts.consensus.derivation(market, at_ns)
        if stored is not None and at_ns - json.decode(stored, type=_Time).at_ns <= RECORD_NS:
            return stored
        computed = (await self._parts.estimate_at([market], at_ns)).resolved.get(market)
        if computed is None:
            raise ChronoError(NO_DERIVATION, symbol=market)
        return computed.evidence.derivation()


def operations(parts: ApiParts, timing: Timing, remembered: Remembered) -> list[Operation]:
    """The operations of this file."""
    aggregates = Aggregates(parts, timing, remembered)
    return [
        Operation(
            method="GET",
            path="/aggregates/consensus",
            id="consensus",
            tag="Aggregates",
            summary="Every estimator of each market, now or at a past time",
            callers=Callers.PUBLIC,
            serve=aggregates.consensus,
            answers={200: ConsensusList},
            errors=(503,),
            query=_CONSENSUS,
        ),
        Operation(
            method="GET",
            path="/aggregates/explain",
            id="explain",
            tag="Aggregates",
            summary="The whole derivation of a value, and its hash",
            callers=Callers.PUBLIC,
            serve=aggregates.explain,
            answers={200: Explanation},
            errors=(404, 503),
            query=_EXPLAIN,
        ),
    ]


_ROW: Final = json.Decoder(ConsensusRow)
_UNCACHED: Final = ((b"cache-control", b"no-store"),)
