"""The duty's thread: it lives and dies with the part that runs it, and is asked from outside."""

import asyncio
import threading
from contextlib import suppress

import pytest

from chrono.clock import SystemClock
from chrono.errors import VOTER_AWAY, ChronoError
from chrono.provider.thread import DutyThread
from chrono.supervisor import Supervisor


async def until(asked: "asyncio.Event | threading.Event") -> None:
    async with asyncio.timeout(60):
        while not asked.is_set():
            await asyncio.sleep(0.001)


async def test_the_work_runs_on_another_thread_and_ends_with_its_part() -> None:
    began, ended, threads = threading.Event(), threading.Event(), []

    async def work() -> None:
        threads.append(threading.current_thread())
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    thread = DutyThread(work)
    running = asyncio.create_task(thread.run())
    await until(began)
    assert threads[0] is not threading.main_thread()
    assert thread.running
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert not thread.running


async def test_a_crash_of_the_work_is_the_crash_of_the_part() -> None:
    async def work() -> None:
        raise ValueError("it broke")

    with pytest.raises(ValueError, match="it broke"):
        await DutyThread(work).run()


async def test_a_crashed_duty_is_started_again_and_told_of() -> None:
    began = threading.Event()
    runs: list[int] = []

    async def work() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("it broke")
        began.set()
        await asyncio.Event().wait()

    supervisor = Supervisor(SystemClock(), jitter=lambda: 0.0)
    supervisor.start("voter", DutyThread(work).run)
    await until(began)
    state = supervisor.states["voter"]
    assert (state.running, state.restarts, state.failure) == (True, 1, "ValueError: it broke")
    await supervisor.stop()


async def test_questions_are_answered_in_the_duty_s_loop() -> None:
    began = threading.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    async def which() -> str:
        return threading.current_thread().name

    async def wrong() -> None:
        raise ChronoError(VOTER_AWAY, cause="the test's")

    thread = DutyThread(work)
    with pytest.raises(ChronoError) as away:
        await thread.ask(which)
    assert away.value.reason is VOTER_AWAY
    running = asyncio.create_task(thread.run())
    await until(began)
    assert await thread.ask(which) == "chrono-duty"
    with pytest.raises(ChronoError, match="the test's"):
        await thread.ask(wrong)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    with pytest.raises(ChronoError):
        await thread.ask(which)


async def test_a_duty_that_ends_before_it_has_answered_is_away_and_cancels_nobody() -> None:
    began, asked = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        while not asked.is_set():
            await asyncio.sleep(0.001)
        raise ValueError("it broke")

    async def unanswered() -> None:
        asked.set()
        await asyncio.Event().wait()

    thread = DutyThread(work)
    running = asyncio.create_task(thread.run())
    await until(began)
    async with asyncio.timeout(60):
        with pytest.raises(ChronoError) as away:
            await thread.ask(unanswered)
    assert away.value.reason is VOTER_AWAY
    with pytest.raises(ValueError, match="it broke"):
        await running


async def test_who_is_cancelled_while_asking_is_cancelled() -> None:
    began, asked, gone = threading.Event(), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    async def unanswered() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    thread = DutyThread(work)
    running = asyncio.create_task(thread.run())
    await until(began)
    asking = asyncio.create_task(thread.ask(unanswered))
    await until(asked)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(gone)  # and the question is taken back
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_part_that_is_cancelled_at_once_leaves_no_thread() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    before = threading.active_count()
    for _ in range(20):
        running = asyncio.create_task(DutyThread(work).run())
        await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    async with asyncio.timeout(60):
        while threading.active_count() > before:
            await asyncio.sleep(0.001)
