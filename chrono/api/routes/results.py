"""A round's result as Flare's data availability layer reads it: `/data`, `/specific-feed`, `/medianCalculationResults`.

A result that is not there (yet) is a status in a 200, as the reference has it. Votes are kept in memory, so older
rounds have no median results. Source: fsp.md section 5(b).
"""

import re
from typing import Any, Final

from chrono.api import schemas_results as wire
from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, encoded
from chrono.api.operations import Operation, Served
from chrono.api.parameters import MOST_ROUND, fault, read_query, whole_number
from chrono.api.routes.rounds import ROUND_SCHEMA
from chrono.api.told_rounds import ToldRounds
from chrono.clock import SECOND_NS
from chrono.errors import BAD_REQUEST, ChronoError
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import FTSO
from chrono.flare.results import FeedResult, RoundResult
from chrono.flare.round.electorate import Electorate
from chrono.flare.round.outcome import Outcome
from chrono.voting.reports import RoundReport

DRIFT_NS: Final = SECOND_NS
"""So long after the reveal deadline it is still too early: the caller's clock is not ours."""

FEED_ID_PATTERN: Final = "^(0x)?[0-9a-fA-F]{42}$"
_is_feed_id: Final = re.compile(FEED_ID_PATTERN.removesuffix("$"), re.ASCII).fullmatch
_TOO_EARLY: Final = "TOO_EARLY"
_NOT_AVAILABLE: Final = "NOT_AVAILABLE"


class Results:
    """Reads of results."""

    def __init__(self, rounds: ToldRounds) -> None:
        self._rounds = rounds

    async def data(self, call: Call) -> Served:
        """The whole tree of a round."""
        round_id = _round(call)
        if self._is_early(call, round_id):
            return _given(wire.RoundData(_TOO_EARLY))
        result = await self._result(round_id)
        return _given(wire.RoundData(_NOT_AVAILABLE) if result is None else _data(result))

    async def feed(self, call: Call) -> Served:
        """One feed of a round, with its proof."""
        round_id, feed = _round(call), _feed_id(call.path_parameter("feed_id"))
        if self._is_early(call, round_id):
            return _given(wire.FeedProof(_TOO_EARLY))
        result = await self._result(round_id)
        found = None if result is None else result.of(feed)
        if result is None or found is None:
            return _given(wire.FeedProof(_NOT_AVAILABLE))
        proof = [_hex(sibling) for sibling in result.proof(found)]
        return _given(wire.FeedProof("OK", wire.FeedWithProof(_body(found), proof)))

    async def medians(self, call: Call) -> Served:
        """Every feed of a round with all votes on it."""
        round_id = _round(call)
        if self._is_early(call, round_id):
            return _given(wire.MedianResults(_TOO_EARLY))
        report = await self._rounds.find(round_id)
        if report is None or report.outcome is None or report.electorate is None or report.result is None:
            return _given(wire.MedianResults(_NOT_AVAILABLE, round_id))
        medians = _medians(report.result, report.outcome, report.electorate)
        return _given(wire.MedianResults("OK", round_id, medians))

    def _is_early(self, call: Call, round_id: int) -> bool:
        return call.clock.now_ns() < self._rounds.at(round_id).reveal_window.end_ns + DRIFT_NS

    async def _result(self, round_id: int) -> RoundResult | None:
        report: RoundReport | None = await self._rounds.find(round_id)
        return None if report is None else report.result


def operations(rounds: ToldRounds) -> list[Operation]:
    """The operations of this file."""
    results = Results(rounds)
    feed_id = {"type": "string", "pattern": FEED_ID_PATTERN, "example": FeedId(1, "BTC/USD").hex}
    return [
        Operation(
            path="/data/{round:str}",
            id="roundData",
            summary="The Merkle tree of a round, every leaf in plain; its status says when there is none",
            serve=results.data,
            answers={200: wire.RoundData},
            path_schema={"round": ROUND_SCHEMA},
            **_SEAM,
        ),
        Operation(
            path="/specific-feed/{feed_id:str}/{round:str}",
            id="feedProof",
            summary="One feed of a round with its Merkle proof; its status says when there is none",
            serve=results.feed,
            answers={200: wire.FeedProof},
            path_schema={"feed_id": feed_id, "round": ROUND_SCHEMA},
            **_SEAM,
        ),
        Operation(
            path="/medianCalculationResults/{round:str}",
            id="medianResults",
            summary="Every feed of a recent round with all votes and weights; its status says when there are none",
            serve=results.medians,
            answers={200: wire.MedianResults},
            path_schema={"round": ROUND_SCHEMA},
            **_SEAM,
        ),
    ]


_SEAM: Final[dict[str, Any]] = {"method": "GET", "tag": "Results", "callers": Callers.SEAM, "errors": (503,)}


def _round(call: Call) -> int:
    read_query(call.query, (), strict=False)
    return whole_number("votingRoundId", call.path_parameter("round"), MOST_ROUND)


def _feed_id(text: str) -> FeedId:
    if _is_feed_id(text) is None:
        raise ChronoError(BAD_REQUEST, faults=[fault("feedId", text, "0x and 42 hex digits")])
    return FeedId.from_bytes(bytes.fromhex(text.removeprefix("0x")))


def _given(answer: wire.RoundData | wire.FeedProof | wire.MedianResults) -> Answer:
    return Answer(encoded(answer))


def _data(result: RoundResult) -> wire.RoundData:
    random = wire.TreeNode(result.voting_round_id, f"0x{result.random.value:x}", is_secure=result.random.is_secure)
    return wire.RoundData(
        "OK",
        FTSO,
        result.voting_round_id,
        _hex(result.root),
        result.random.is_secure,
        [random, *(_leaf(feed) for feed in result.feeds)],
    )


def _leaf(feed: FeedResult) -> wire.TreeNode:
    return wire.TreeNode(
        feed.voting_round_id,
        feed.value,
        id=feed.feed.id.hex,
        turnout_bips=feed.turnout_bips,
        decimals=feed.feed.decimals,
    )


def _body(feed: FeedResult) -> wire.FeedBody:
    return wire.FeedBody(feed.voting_round_id, feed.feed.id.hex, feed.value, feed.turnout_bips, feed.feed.decimals)


def _medians(result: RoundResult, outcome: Outcome, electorate: Electorate) -> list[wire.MedianData]:
    voters = [voter.submit_address for voter in electorate.voters]
    told = [outcome.valid.get(voter) for voter in voters]
    weights = [str(weight) for weight in electorate.weights]
    return [
        wire.MedianData(
            voting_round_id=result.voting_round_id,
            feed=wire.PlainFeed(found.feed.id.hex, found.feed.decimals),
            voters_submit_addresses=[_hex(voter) for voter in voters],
            feed_values=[_plain(None if read is None else read.values[place], found.feed) for read in told],
            data=_summary(found),
            weights=weights,
            total_voting_weight=str(electorate.total_weight),
        )
        for place, found in enumerate(result.feeds)
    ]


def _summary(found: FeedResult) -> wire.MedianSummary:
    median = found.median
    return wire.MedianSummary(
        final_median=_plain(None if median is None else median.value, found.feed),
        quartile1=_plain(None if median is None else median.quartile1, found.feed),
        quartile3=_plain(None if median is None else median.quartile3, found.feed),
        participating_weight=str(0 if median is None else median.participating_weight),
    )


def _plain(value: int | None, feed: Feed) -> wire.PlainValue:
    return wire.PlainValue(value is None, value or 0, feed.decimals)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
