"""Whatever befalls the wall clock, the machine and one of the nodes: the chain's time is right again soon after."""

from hypothesis import example, given
from hypothesis import strategies as st

from chrono.chain.time import ChainClock
from chrono.clock import SECOND_NS
from tests.fakes.chain_time import TimedNode, TimedWorld

CLOSE_S = 1.2
RIGHT_S = 2.0
"""A second is left alone (TimeRules.steady_ns), and whole seconds, polled twice in each, hide most of another."""

steps = st.tuples(st.just("step"), st.integers(-120, 120))
sleeps = st.tuples(st.just("sleep"), st.integers(0, 400))
passing = st.tuples(st.just("pass"), st.integers(1, 120))
restarts = st.tuples(st.just("restart"), st.just(0))
outages = st.tuples(st.just("outage"), st.integers(0, 2))
lags = st.tuples(st.just("lag"), st.integers(0, 60))
lies = st.tuples(st.just("lie"), st.integers(-200, 200))
proposers = st.tuples(st.just("proposer"), st.integers(0, 9))
trouble = st.lists(st.one_of(steps, sleeps, passing, restarts, outages, lags, lies, proposers), max_size=12)


def befall(world: TimedWorld, what: str, much: int) -> None:
    """Let one thing happen; lies and lags are those of the first node only."""
    if what == "step":
        world.machine.wrong_ns = much * SECOND_NS
    elif what == "sleep":
        world.sleep(much)
    elif what == "pass":
        world.go(much)
    elif what == "restart":
        world.clock = ChainClock(world.machine, [node.name for node in world.nodes])
    elif what == "outage":
        world.nodes[much].away = not world.nodes[much].away
    elif what == "lag":
        world.nodes[0].late_s = much
    elif what == "lie":
        world.nodes[0].lie_s = much
    else:
        world.proposer_s = much
        world.go(1)
        world.proposer_s = 0


@example(trouble=[("step", -14), ("sleep", 9), ("lag", 14)], seed=3)  # a late wall clock and a late node agree
@example(trouble=[("sleep", 144), ("proposer", 6)], seed=507)
@given(trouble=trouble, seed=st.integers(0, 1000))
def test_two_honest_nodes_put_the_time_right_within_forty_seconds(trouble: list[tuple[str, int]], seed: int) -> None:
    world = TimedWorld(seed=seed)
    for what, much in trouble:
        befall(world, what, much)
    for node in world.nodes[1:]:
        node.away = False
    world.go(40)
    assert abs(world.error_s) < RIGHT_S


@given(steps=st.lists(st.integers(-120, 120), min_size=1, max_size=8), seed=st.integers(0, 1000))
def test_steps_of_the_wall_clock_alone_never_move_the_schedule(steps: list[int], seed: int) -> None:
    world = TimedWorld(seed=seed)
    world.go(20)
    for step_s in steps:
        befall(world, "step", step_s)
        world.go(20)
        assert world.error_s == 0.0
        assert abs(world.clock.skew_ns - step_s * SECOND_NS) <= CLOSE_S * SECOND_NS


@given(lie_s=st.integers(-300, 300), late_s=st.integers(0, 60), seed=st.integers(0, 1000), away=st.booleans())
def test_one_node_alone_never_moves_it(lie_s: int, late_s: int, seed: int, away: bool) -> None:
    world = TimedWorld(TimedNode("n0", lie_s=lie_s, late_s=late_s), TimedNode("n1"), TimedNode("n2"), seed=seed)
    world.go(20)
    world.nodes[1].away = away
    world.go(120)
    assert world.error_s == 0.0


@given(wrong_s=st.floats(-200, 200), seed=st.integers(0, 1000))
def test_a_wrong_wall_clock_is_told_within_half_a_minute_of_the_start(wrong_s: float, seed: int) -> None:
    world = TimedWorld(seed=seed, wrong_s=wrong_s)
    world.go(30)
    if abs(wrong_s) > 2 + CLOSE_S:
        assert world.is_skewed
    if abs(wrong_s) > 10 + CLOSE_S:
        assert world.forbids_commits
    if abs(wrong_s) < 2 - CLOSE_S:
        assert not world.is_skewed
