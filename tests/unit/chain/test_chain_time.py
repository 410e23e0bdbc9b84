"""The chain's time: what steps of the wall clock, sleep, lagging and lying nodes do to it (nothing, or too little)."""

import asyncio

import pytest

from chrono.chain.answers import Head
from chrono.chain.time import ChainClock
from chrono.clock import SECOND_NS, ManualClock
from tests.fakes.chain_time import START_S, TimedNode, TimedWorld

CLOSE_S = 1.2
"""Block times are whole seconds and come late by a poll: nearer nobody can know, and no margin is smaller."""


@pytest.mark.parametrize("step_s", [-120, -11, -3, 3, 11, 120])
def test_a_step_of_the_wall_clock_does_not_move_the_schedule(step_s: int) -> None:
    world = TimedWorld()
    world.go(60)
    before = world.error_s
    world.machine.wrong_ns += step_s * SECOND_NS
    world.go(120)
    assert world.error_s == before
    assert world.clock.skew_ns == pytest.approx(step_s * SECOND_NS, abs=CLOSE_S * SECOND_NS)


@pytest.mark.parametrize(
    ("wrong_s", "skewed", "forbids"),
    [
        (0, False, False),
        (0.5, False, False),
        (-0.5, False, False),
        (3.6, True, False),
        (-3.6, True, False),
        (8, True, False),
        (12, True, True),
        (-12, True, True),
        (120, True, True),
        (-120, True, True),
    ],
)
def test_a_wall_clock_that_is_wrong_at_the_start_is_found_out(wrong_s: float, skewed: bool, forbids: bool) -> None:
    world = TimedWorld(wrong_s=wrong_s)
    world.go(30)
    assert abs(world.error_s) < CLOSE_S
    assert world.is_skewed is skewed
    assert world.forbids_commits is forbids


@pytest.mark.parametrize(
    ("wrong_s", "lie_s", "late"), [(-11, 0, True), (-4, -60, True), (0, 14, False), (11, 0, False)]
)
def test_two_nodes_show_at_once_that_our_time_is_late(wrong_s: float, lie_s: int, late: bool) -> None:
    world = TimedWorld(TimedNode("n0", lie_s=lie_s), TimedNode("n1"), TimedNode("n2"), block_s=0.1, wrong_s=wrong_s)
    assert world.clock.late_ns is None
    world.go(1)
    assert (world.clock.late_ns > 2 * SECOND_NS) is late


@pytest.mark.parametrize("slept_s", [15, 60, 120, 3600])
def test_the_first_block_after_a_sleep_puts_the_time_right(slept_s: int) -> None:
    world = TimedWorld()
    world.go(60)
    world.sleep(slept_s)
    # The wall clock knows already, so nothing is committed before the first block is heard.
    assert world.forbids_commits
    world.go(1)
    assert abs(world.error_s) < 3
    assert not world.forbids_commits
    world.go(10)
    assert abs(world.error_s) < CLOSE_S
    assert not world.is_skewed


def test_a_short_sleep_is_made_good_by_the_blocks_that_follow() -> None:
    world = TimedWorld()
    world.go(60)
    world.sleep(6)
    assert world.is_skewed
    world.go(10)
    assert abs(world.error_s) < CLOSE_S


def test_a_chain_without_transactions_for_minutes_moves_nothing() -> None:
    world = TimedWorld(block_s=200.0, seed=3)
    world.go(1800)
    assert world.error_s == 0.0


def test_blocks_that_repeat_their_time_move_nothing() -> None:
    world = TimedWorld(block_s=0.2)
    world.go(300)
    assert world.error_s == 0.0


def test_a_proposer_whose_clock_is_ahead_moves_nothing() -> None:
    world = TimedWorld()
    world.go(60)
    world.proposer_s = 9
    world.go(1)
    world.proposer_s = 0  # and the blocks after it repeat its time until that is over
    world.go(30)
    assert world.error_s == 0.0


def test_a_node_that_lags_by_half_a_minute_moves_nothing() -> None:
    world = TimedWorld(TimedNode("n0"), TimedNode("n1"), TimedNode("n2", late_s=30.0))
    world.go(300)
    assert world.error_s == 0.0


@pytest.mark.parametrize("lie_s", [-120, 120])
@pytest.mark.parametrize("others", [1, 2])
def test_one_node_that_lies_about_time_moves_nothing(lie_s: int, others: int) -> None:
    world = TimedWorld(TimedNode("liar", lie_s=lie_s), *(TimedNode(f"n{place}") for place in range(others)))
    world.go(300)
    assert world.error_s == 0.0


@pytest.mark.parametrize("lie_s", [-120, 120])
def test_a_liar_that_is_left_alone_moves_nothing(lie_s: int) -> None:
    world = TimedWorld(TimedNode("liar", lie_s=lie_s), TimedNode("n1"), TimedNode("n2"))
    world.go(60)
    world.nodes[1].away = world.nodes[2].away = True
    world.go(300)
    assert world.error_s == 0.0


def test_the_only_node_decides() -> None:
    world = TimedWorld(TimedNode("n0"), wrong_s=-90.0)
    world.go(30)
    assert abs(world.error_s) < CLOSE_S


def test_a_head_that_was_there_before_us_says_only_that_it_is_not_earlier() -> None:
    machine = ManualClock(START_S * SECOND_NS)
    clock = ChainClock(machine, ["n0"])
    clock.told("n0", Head(5, b"", b"", START_S - 300))
    assert clock.now_ns() == START_S * SECOND_NS
    clock.told("n0", Head(6, b"", b"", START_S + 300))
    assert clock.now_ns() == (START_S + 300) * SECOND_NS


def test_heads_that_are_pushed_tell_the_time_without_any_poll() -> None:
    machine = ManualClock(START_S * SECOND_NS)
    clock = ChainClock(machine, ["n0"])
    for number in range(6):
        machine.advance(20 * SECOND_NS)
        clock.told("n0", Head(number, b"", b"", machine.now_ns() // SECOND_NS - 5), pushed=True)
    assert clock.skew_ns == pytest.approx(5 * SECOND_NS, abs=SECOND_NS)


async def test_a_sleeper_wakes_when_the_time_is_corrected_past_its_hour() -> None:
    machine = ManualClock(START_S * SECOND_NS)
    clock = ChainClock(machine, ["n0"])
    sleeper = asyncio.create_task(clock.sleep_until((START_S + 60) * SECOND_NS))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.told("n0", Head(6, b"", b"", START_S + 61))
    async with asyncio.timeout(60):
        await sleeper


async def test_a_sleeper_sleeps_on_when_the_time_is_corrected_backwards() -> None:
    world = TimedWorld(TimedNode("n0"), wrong_s=30.0)
    due_ns = (START_S + 60) * SECOND_NS
    sleeper = asyncio.create_task(world.clock.sleep_until(due_ns))
    for _ in range(3):
        world.go(15)
        for _ in range(6):
            await asyncio.sleep(0)
    assert not sleeper.done()  # 45 s passed, which is what the wrong clock took for more than 60
    world.go(20)
    async with asyncio.timeout(60):
        await sleeper
    assert world.clock.now_ns() >= due_ns


async def test_a_time_that_is_past_is_not_waited_for() -> None:
    clock = ChainClock(ManualClock(START_S * SECOND_NS), ["n0"])
    await clock.sleep_until(START_S * SECOND_NS)
