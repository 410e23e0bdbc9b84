"""`GET /rounds`, `/rounds/{id}`, `/provider` and `/provider/rewards`: what the voter did, and how it stands."""

from typing import Final

from msgspec import structs

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, Header
from chrono.api.operations import Operation, Served
from chrono.api.parameters import BEFORE, MOST_ROUND, ROUNDS_LIMIT, read_query, whole_number
from chrono.api.ports import ApiParts
from chrono.api.round_words import provider_row, reward_list, round_detail, round_row
from chrono.api.schemas_rounds import Provider, RewardList, RoundDetail, RoundPage
from chrono.api.told_rounds import ToldRounds
from chrono.errors import NO_PROVIDER, REWARD_DATA_UNREAD, UNKNOWN_ROUND, ChronoError
from chrono.voting.provider_report import ProviderReport

_CACHE: Final[tuple[Header, ...]] = ((b"cache-control", b"max-age=1"),)
ROUND_SCHEMA: Final = {"type": "integer", "minimum": 0, "maximum": MOST_ROUND, "example": 1_128_701}


class Rounds:
    """Reads of rounds and of the provider."""

    def __init__(self, parts: ApiParts, rounds: ToldRounds) -> None:
        self._book = parts.reports
        self._rounds = rounds

    async def page(self, call: Call) -> Served:
        """Rounds, the newest first, their feeds counted."""
        asked = read_query(call.query, (ROUNDS_LIMIT, BEFORE))
        found = await self._rounds.page(asked["limit"], asked["before"])
        now_ns = call.clock.now_ns()
        rows = [round_row(one.report, one.score, one.root, one.random, now_ns=now_ns) for one in found]
        following = rows[-1].round if len(rows) == asked["limit"] else None
        return Answer(call.encoded(RoundPage(rows, len(rows), following, call.latency_ms)), headers=_CACHE)

    async def one(self, call: Call) -> Served:
        """One round with each of its feeds."""
        read_query(call.query, ())
        round_id = whole_number("id", call.path_parameter("id"), MOST_ROUND)
        report = await self._rounds.find(round_id)
        if report is None:
            raise ChronoError(UNKNOWN_ROUND, round=round_id)
        detail = round_detail(report, now_ns=call.clock.now_ns(), latency_ms=call.latency_ms)
        return Answer(call.encoded(detail), headers=_CACHE)

    async def provider(self, call: Call) -> Served:
        """The provider as it stands."""
        read_query(call.query, ())
        told = self._provider()
        current = None if told.round is None else self._book.round(told.round.id)
        return Answer(call.encoded(provider_row(told, current)), headers=_CACHE)

    async def rewards(self, call: Call) -> Served:
        """What is known of the provider's rewards. Where nobody looked for them, that is said: none is no news then."""
        read_query(call.query, ())
        self._provider()
        told = self._book.rewards
        if told is None:
            raise ChronoError(REWARD_DATA_UNREAD)
        return Answer(call.encoded(reward_list(told)), headers=_CACHE)

    def _provider(self) -> ProviderReport:
        told = self._book.provider
        if told is None:
            raise ChronoError(NO_PROVIDER)
        return told


def operations(parts: ApiParts, rounds: ToldRounds) -> list[Operation]:
    """The operations of this file."""
    served = Rounds(parts, rounds)
    plain = Operation(
        method="GET",
        path="/rounds",
        id="rounds",
        tag="Voting rounds",
        summary="Voting rounds, the newest first: what we sent, what it cost, how many values were in which band",
        callers=Callers.PUBLIC,
        serve=served.page,
        answers={200: RoundPage},
        errors=(503,),
        query=(ROUNDS_LIMIT, BEFORE),
    )
    return [
        plain,
        structs.replace(
            plain,
            path="/rounds/{id:str}",
            id="round",
            summary="One voting round: each of our values beside the network's median and quartiles",
            serve=served.one,
            answers={200: RoundDetail},
            query=(),
            path_schema={"id": ROUND_SCHEMA},
        ),
        structs.replace(
            plain,
            path="/provider",
            id="provider",
            summary="The provider: registered, weight, passes, balances, owed reveals, and what it waits for",
            serve=served.provider,
            answers={200: Provider},
            errors=(404,),
            query=(),
        ),
        structs.replace(
            plain,
            path="/provider/rewards",
            id="providerRewards",
            summary="The provider's rewards by reward epoch and claim type, as published, verified and open on chain",
            serve=served.rewards,
            answers={200: RewardList},
            errors=(404,),
            query=(),
        ),
    ]
