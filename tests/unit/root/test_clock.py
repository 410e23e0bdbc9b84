"""Time that moves only when told."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chrono.clock import ManualClock, SystemClock, to_rfc3339


async def test_a_sleeper_wakes_when_its_time_is_reached_and_not_before() -> None:
    clock = ManualClock(1_000)
    sleeper = asyncio.ensure_future(clock.sleep_until(2_000))
    await asyncio.sleep(0)
    clock.set(1_999)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.set(2_000)
    await asyncio.sleep(0)
    assert sleeper.done()


async def test_a_cancelled_sleeper_does_not_hinder_the_clock() -> None:
    clock = ManualClock(0)
    sleeper = asyncio.ensure_future(clock.sleep_until(5))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.sleep(0)
    clock.advance(10)
    assert clock.now_ns() == clock.monotonic_ns() == 10


def test_manual_time_does_not_go_back() -> None:
    clock = ManualClock(10)
    with pytest.raises(ValueError, match="forward"):
        clock.set(9)


async def test_system_time_sleeps_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    before = clock.now_ns()
    await clock.sleep_until(before + 10_000_000)
    assert clock.now_ns() - before >= 10_000_000
    assert clock.monotonic_ns() > 0


async def test_a_wall_clock_that_is_set_back_does_not_make_a_sleep_longer() -> None:
    clock = SystemClock()
    sleeper = asyncio.ensure_future(clock.sleep(0.01))
    await asyncio.sleep(0)
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
        await asyncio.wait_for(sleeper, 30)


async def test_manual_sleep_is_over_when_the_clock_has_moved_by_so_much() -> None:
    clock = ManualClock(5)
    sleeper = asyncio.ensure_future(clock.sleep(1e-6))
    await asyncio.sleep(0)
    clock.advance(999)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.sleep(0)
    assert sleeper.done()


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_760_013_296_789_999_999, "2025-10-09T12:34:56.789Z"),
        (1_760_013_296_000_000_000, "2025-10-09T12:34:56.000Z"),
    ],
)
def test_times_are_cut_to_milliseconds_never_rounded_up(at_ns: int, text: str) -> None:
    assert to_rfc3339(at_ns) == text
