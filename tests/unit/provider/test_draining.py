"""The end of a process that votes: what is owed is done before it, whatever else fails."""

import asyncio
from typing import Any

import pytest

from chrono.errors import PORT_TAKEN, ChronoError
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.provider.draining import OWED_S, Stopping, drain, owing
from chrono.voting.judging import Owed

OWED = Owed(7, SubmissionFunction.SUBMIT2, FTSO, 1)


class Voter:
    """Owes a reveal until it is told that it is done."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.drained: list[float] = []

    async def owed(self) -> list[Owed]:
        return [] if self.done.is_set() else [OWED]

    async def drain(self, within_s: float) -> list[Owed]:
        self.drained.append(within_s)
        await self.done.wait()
        return []


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_start_that_fails_ends_when_nothing_is_owed_any_more() -> None:
    voter: Any = Voter()

    async def fails() -> None:
        async with owing(voter, Stopping()):
            raise ChronoError(PORT_TAKEN, port=3000)

    starting = asyncio.create_task(fails())
    await settle()
    assert (voter.drained, starting.done()) == ([OWED_S], False)
    voter.done.set()
    with pytest.raises(ChronoError) as failed:
        await starting
    assert failed.value.reason is PORT_TAKEN


async def test_a_process_without_a_voter_fails_at_once() -> None:
    with pytest.raises(ChronoError):
        async with owing(None, Stopping()):
            raise ChronoError(PORT_TAKEN, port=3000)


async def test_what_ends_well_drains_by_itself() -> None:
    voter: Any = Voter()
    async with owing(voter, Stopping()):
        pass
    assert voter.drained == []


async def test_asked_twice_it_ends_with_what_is_owed() -> None:
    voter: Any = Voter()
    stopping = Stopping()
    stopping.ask()
    ending = asyncio.create_task(drain(voter, stopping))
    await settle()
    assert not ending.done()
    stopping.ask()
    await settle()
    assert ending.done()
    assert voter.drained == [OWED_S]
