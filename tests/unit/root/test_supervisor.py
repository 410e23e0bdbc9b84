"""A crashed part comes back, alone."""

import asyncio
import itertools

import pytest

from chrono.clock import ManualClock, SystemClock
from chrono.supervisor import Supervisor


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_part_that_something_else_cancelled_is_started_again() -> None:
    clock = ManualClock(10**18)
    supervisor = Supervisor(clock, jitter=lambda: 0.0)
    runs: list[int] = []

    async def waits() -> None:
        runs.append(1)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(runs) == 1:
            answer.cancel()  # as a client does that closes
        await answer

    supervisor.start("window", waits)
    await settle()
    assert supervisor.states["window"].failure == "cancelled from within"
    clock.advance(101_000_000)
    await settle()
    assert (len(runs), supervisor.states["window"].running) == (2, True)
    await supervisor.stop()
    assert len(runs) == 2


async def test_a_part_that_crashes_is_restarted_after_its_backoff() -> None:
    clock = ManualClock(10**18)
    supervisor = Supervisor(clock, jitter=lambda: 0.0)
    runs: list[int] = []

    async def crashes_once() -> None:
        runs.append(clock.now_ns())
        if len(runs) == 1:
            raise RuntimeError("planted")
        await asyncio.Event().wait()

    supervisor.start("window", crashes_once)
    await settle()
    assert not supervisor.states["window"].running
    assert supervisor.states["window"].failure == "RuntimeError: planted"
    clock.advance(99_000_000)
    await settle()
    assert len(runs) == 1
    clock.advance(2_000_000)
    await settle()
    assert len(runs) == 2
    assert supervisor.states["window"].running
    assert supervisor.states["window"].restarts == 1
    await supervisor.stop()


async def test_the_backoff_doubles_up_to_its_limit_and_starts_anew_after_a_steady_run() -> None:
    clock = ManualClock(10**18)
    supervisor = Supervisor(clock, jitter=lambda: 0.0)
    began: list[int] = []
    steady = asyncio.Event()

    async def crashes() -> None:
        began.append(clock.now_ns())
        if len(began) == 12:
            await steady.wait()
        raise RuntimeError("planted")

    supervisor.start("part", crashes)
    for _ in range(2000):
        await settle()
        clock.advance(100_000_000)
    gaps = [(b - a) / 1e9 for a, b in itertools.pairwise(began)]
    assert gaps[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.11)
    assert max(gaps) == pytest.approx(30.0, abs=0.11)
    assert len(began) >= 11
    while len(began) < 12:
        await settle()
        clock.advance(100_000_000)
    clock.advance(61 * 10**9)
    steady.set()
    await settle()
    before = len(began)
    clock.advance(110_000_000)
    await settle()
    assert len(began) == before + 1
    await supervisor.stop()


async def test_the_others_go_on_while_one_crashes() -> None:
    supervisor = Supervisor(SystemClock())
    ticks = 0
    enough = asyncio.Event()

    async def crashes() -> None:
        raise RuntimeError("planted")

    async def works() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            if ticks == 100:
                enough.set()
            await asyncio.sleep(0)

    supervisor.start("bad", crashes)
    supervisor.start("good", works)
    await asyncio.wait_for(enough.wait(), 60)
    assert supervisor.states["good"].restarts == 0
    assert supervisor.states["bad"].restarts >= 1
    await supervisor.stop()


async def test_a_part_that_returns_counts_as_crashed() -> None:
    clock = ManualClock(10**18)
    supervisor = Supervisor(clock)

    async def returns() -> None:
        return

    supervisor.start("part", returns)
    await settle()
    assert supervisor.states["part"].failure == "returned"
    await supervisor.stop()


async def test_a_name_is_supervised_once() -> None:
    supervisor = Supervisor(SystemClock())

    async def waits() -> None:
        await asyncio.Event().wait()

    supervisor.start("part", waits)
    with pytest.raises(ValueError, match="supervised already"):
        supervisor.start("part", waits)
    await supervisor.stop()
