"""Who is believed, when nodes lie, lag, die, speak garbage or serve another chain."""

import itertools

import pytest
import structlog

from chrono.chain.answers import Head
from chrono.chain.standing import NodeState, PoolRules, Standings
from chrono.clock import SECOND_NS
from chrono.errors import NODE_GARBLED, NODE_SILENT, NODE_WRONG_CHAIN

T0_S = 1_700_000_000
NAMES = ("a", "b", "c")
ALIVE, LATE, GONE = NodeState.ALIVE, NodeState.OUT_OF_SYNC, NodeState.UNREACHABLE


def head(number: int, time_s: int | None = None) -> Head:
    told = T0_S + number if time_s is None else time_s
    return Head(number, number.to_bytes(32, "big"), (number - 1).to_bytes(32, "big"), told)


def at(number: int, *, ms: int = 0) -> int:
    """Wall time at which block `number` is the newest: one block a second."""
    return (T0_S + number) * SECOND_NS + ms * 1_000_000


@pytest.fixture
def three() -> Standings:
    standings = Standings(NAMES, PoolRules())
    for name in NAMES:
        standings.told(name, head(100), at(100))
    return standings


def test_three_that_agree_are_alive(three: Standings) -> None:
    assert three.alive == list(NAMES)
    assert three.head == head(100)


@pytest.mark.parametrize("liar", NAMES)
def test_a_node_that_claims_blocks_that_nobody_can_have_is_left_out_and_makes_nobody_late(
    three: Standings, liar: str
) -> None:
    three.told(liar, head(500_000, T0_S + 101), at(101))
    honest = [name for name in NAMES if name != liar]
    for name in honest:
        three.told(name, head(101), at(101))
    assert three.state(liar) is NodeState.GARBLED
    assert three.alive == honest
    assert three.head == head(101)
    assert liar not in three.readers()
    assert liar in three.senders()


def test_a_node_that_claims_blocks_of_the_future_is_left_out(three: Standings) -> None:
    three.told("b", head(400, T0_S + 400), at(101))
    assert three.state("b") is NodeState.GARBLED


def test_a_node_that_falls_behind_is_out_of_sync_until_it_has_caught_up(three: Standings) -> None:
    for number in range(101, 107):
        three.told("a", head(number), at(number))
        three.told("b", head(number), at(number))
        three.told("c", head(100), at(number))
        assert three.state("c") is (LATE if number > 105 else ALIVE)
    assert three.readers() == ["a", "b", "c"]
    three.told("c", head(106), at(106))
    assert three.state("c") is ALIVE


def test_two_that_lag_together_do_not_make_the_third_a_liar(three: Standings) -> None:
    for number in range(101, 400):
        three.told("a", head(number), at(number))
        three.told("b", head(100), at(number))
        three.told("c", head(100), at(number))
    assert [three.state(name) for name in NAMES] == [ALIVE, LATE, LATE]
    assert three.head == head(399)


def test_all_heads_stuck_are_out_of_sync_after_ten_seconds(three: Standings) -> None:
    for seconds in range(1, 12):
        for name in NAMES:
            three.told(name, head(100), at(100 + seconds))
        assert bool(three.alive) is (seconds <= 10)
    assert sorted(three.readers()) == list(NAMES)


def test_on_a_chain_that_mines_when_told_an_old_block_is_no_fault() -> None:
    standings = Standings(("only",), PoolRules(stale_s=None))
    standings.told("only", head(1), at(10_000))
    assert standings.alive == ["only"]


def test_another_chain_is_asked_nothing_and_gets_nothing_until_it_is_ours(three: Standings) -> None:
    three.failed("a", NODE_WRONG_CHAIN, at(100))
    assert "a" not in three.readers()
    assert "a" not in three.senders()
    three.told("a", head(101), at(101))
    assert three.state("a") is ALIVE


def test_all_on_another_chain_leaves_nobody(three: Standings) -> None:
    for name in NAMES:
        three.failed(name, NODE_WRONG_CHAIN, at(100))
    assert (three.readers(), list(three.senders())) == ([], [])


def test_a_dead_node_is_alive_again_with_its_next_head(three: Standings) -> None:
    three.failed("b", NODE_SILENT, at(100))
    assert three.state("b") is GONE
    three.told("b", head(101), at(101))
    assert three.state("b") is ALIVE


def test_garbage_is_quarantined_and_twice_as_long_the_next_time(three: Standings) -> None:
    three.failed("a", NODE_GARBLED, at(100))
    three.told("a", head(129), at(129))
    assert three.state("a") is NodeState.GARBLED
    three.told("a", head(130), at(130))
    assert three.state("a") is ALIVE
    three.failed("a", NODE_GARBLED, at(130))
    three.told("a", head(189), at(189))
    assert three.state("a") is NodeState.GARBLED
    three.told("a", head(190), at(190))
    assert three.state("a") is ALIVE


def test_where_all_spoke_garbage_the_first_that_speaks_properly_is_heard_again(three: Standings) -> None:
    for name in "abc":
        three.failed(name, NODE_GARBLED, at(100))
    three.told("b", head(105), at(105))
    assert three.head == head(105)
    assert three.state("b") is ALIVE
    three.told("c", head(106), at(106))
    assert three.state("c") is NodeState.GARBLED


def test_after_an_hour_without_garbage_the_next_is_the_first_again(three: Standings) -> None:
    """One bad answer a week must not come to ten minutes each after a month."""
    for offence in range(8):
        began_s = 100 + 7200 * offence
        three.failed("a", NODE_GARBLED, at(began_s))
        three.told("a", head(129), at(began_s + 29))
        assert three.state("a") is NodeState.GARBLED
        three.told("a", head(130), at(began_s + 30))
        assert three.state("a") is not NodeState.GARBLED


def test_a_head_that_was_heard_long_ago_neither_counts_nor_proves_a_lie(three: Standings) -> None:
    three.told("a", head(200, T0_S + 200), at(200))
    three.told("b", head(200, T0_S + 200), at(200))
    assert three.head == head(200)
    assert three.alive[:2] == ["a", "b"]


def test_when_nobody_is_trusted_whoever_may_be_back_is_asked(three: Standings) -> None:
    three.failed("a", NODE_SILENT, at(100))
    three.failed("b", NODE_SILENT, at(100))
    three.failed("c", NODE_WRONG_CHAIN, at(100))
    assert three.readers() == ["a", "b"]


@pytest.mark.parametrize("order", list(itertools.permutations(NAMES)))
def test_with_a_liar_a_laggard_and_a_dead_one_the_laggard_is_asked_and_all_are_sent_to(
    three: Standings, order: tuple[str, str, str]
) -> None:
    liar, laggard, dead = order
    three.failed(dead, NODE_SILENT, at(108))
    three.told(liar, head(500_000, T0_S + 108), at(108))
    three.told(laggard, head(103), at(108))
    assert three.readers() == [laggard]
    assert set(three.senders()) == set(NAMES)


def test_where_two_must_agree_a_former_liar_is_asked_when_there_is_no_other(three: Standings) -> None:
    three.failed("a", NODE_GARBLED, at(100))
    assert three.readers(2) == ["b", "c"]
    three.failed("b", NODE_SILENT, at(100))
    assert three.readers() == ["c"]
    assert three.readers(2) == ["c", "b", "a"]


def test_a_node_that_never_answered_is_told_once_with_its_reason() -> None:
    standings = Standings(NAMES, PoolRules())
    assert standings.why("a") == "not asked yet"
    with structlog.testing.capture_logs() as told:
        standings.failed("a", NODE_SILENT, at(100))
        standings.failed("a", NODE_SILENT, at(101))
    assert standings.why("a") == NODE_SILENT.code
    assert [(line["event"], line["node"], line["log_level"]) for line in told] == [("node_state", "a", "warning")]


def test_a_node_that_comes_up_is_no_warning() -> None:
    with structlog.testing.capture_logs() as told:
        standings = Standings(NAMES, PoolRules())
        standings.told("a", head(100), at(100))
    assert {line["log_level"] for line in told} == {"info"}
    assert told[-1]["state"] == "alive"
