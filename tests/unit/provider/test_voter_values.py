"""Which round the values are taken for: the one that the chain is in, whatever the machine's own clock shows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.flare.networks import COSTON2
from chrono.pricing.estimate import Estimate
from chrono.provider import voter
from chrono.provider.snapshots import Snapshots
from chrono.provider.voter import Crossing, Voter
from chrono.voting.reports import Reports

ROUND = 1_000_000
START_NS = (COSTON2.timing.first_start_s + ROUND * COSTON2.timing.epoch_s) * SECOND_NS


class OnChain:
    """Stands for the provider: it knows what time it is on the chain, six seconds before the round's end."""

    now_ns = START_NS + 84 * SECOND_NS

    def __init__(self, *_: Any) -> None:
        self.states: dict[str, object] = {}

    async def run(self) -> None:
        await asyncio.Event().wait()


class Answers:
    """The value provider's answers: which rounds were asked for, and which were given by the voter."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.adopted: list[int] = []

    def pinned(self, round_id: int) -> None:
        self.asked.append(round_id)

    def adopt(self, round_id: int, at_ns: int, estimates: Sequence[Estimate]) -> None:
        self.adopted.append(round_id)


async def test_values_are_of_the_chain_s_round_though_the_machine_is_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voter, "Provider", OnChain)
    begun: list[Crossing] = []

    @asynccontextmanager
    async def begin(crossing: Crossing) -> AsyncIterator[Any]:
        begun.append(crossing)
        yield None  # nothing looks at it here

    ahead, answers = ManualClock(OnChain.now_ns + 9 * SECOND_NS), Answers()
    ours = Voter(begin, COSTON2, ahead, snapshots=Snapshots(ahead), reports=Reports())
    ours.agree_with(answers)  # type: ignore[arg-type]  # as much of it as is asked
    async with ours.started(), asyncio.timeout(60):
        while ours._provider is None:
            await asyncio.sleep(0.001)
        begun[0].values([])
        while not answers.adopted:
            await asyncio.sleep(0.001)
    assert (answers.asked, answers.adopted) == ([ROUND], [ROUND])
