"""A stop that meets a duty which has just crashed waits until it is there again, and for what it owes then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chrono.clock import SystemClock
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.networks import COSTON2
from chrono.provider import voter
from chrono.provider.snapshots import Snapshots
from chrono.provider.voter import Crossing, Voter
from chrono.voting.judging import Owed
from chrono.voting.reports import Reports

OWED = Owed(7, SubmissionFunction.SUBMIT2, FTSO, 1)


class Crashing:
    """Stands for the provider: the first one falls when it is asked to stop, the second one still owes something."""

    made = 0

    def __init__(self, *_: Any) -> None:
        type(self).made += 1
        self.falls = self.made == 1
        self.fallen = asyncio.Event()
        self.states: dict[str, object] = {}

    async def run(self) -> None:
        await self.fallen.wait()
        raise ValueError("it broke")

    async def drain(self, within_s: float) -> list[Owed]:
        assert 0 < within_s <= 30
        if self.falls:
            self.fallen.set()
            await asyncio.Event().wait()
        return [OWED]


@asynccontextmanager
async def begin(_: Crossing) -> AsyncIterator[Any]:
    yield None  # nothing looks at it here


@asynccontextmanager
async def refused(_: Crossing) -> AsyncIterator[Any]:
    raise ValueError("the journal is on another disk")
    yield


def voter_of(begins: Any) -> Voter:
    clock = SystemClock()
    return Voter(begins, COSTON2, clock, snapshots=Snapshots(clock), reports=Reports())


async def test_what_a_crashed_duty_owes_is_asked_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voter, "Provider", Crashing)
    ours = voter_of(begin)
    async with ours.started():
        async with asyncio.timeout(60):
            while not Crashing.made:
                await asyncio.sleep(0.001)
            assert await ours.drain(30.0) == [OWED]
    assert Crashing.made == 2


async def test_a_duty_that_never_comes_back_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voter, "AWAY_S", 0.3)
    ours = voter_of(refused)
    async with ours.started(), asyncio.timeout(60):
        assert await ours.drain(30.0) == []
