from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.api.limits import WINDOW_NS, Bucket, Limiter, SlidingWindow
from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import CACHE_AWAY, ChronoError

START = 10**18


class SlowTwin:
    """The obvious sliding window: every moment written down, counted anew each time."""

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = {}

    def take(self, buckets: Sequence[Bucket], now: int) -> tuple[bool, int]:
        room = []
        for bucket in buckets:
            inside = [at for at in self.taken.get(bucket.key, []) if now - WINDOW_NS < at <= now]
            room.append(bucket.limit - len(inside))
        if min(room) <= 0:
            return False, 0
        for bucket in buckets:
            self.taken.setdefault(bucket.key, []).append(now)
        return True, min(room) - 1


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, SECOND_NS, 10 * SECOND_NS, WINDOW_NS - 1, WINDOW_NS, WINDOW_NS + 1]),
        st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True),
    ),
    max_size=120,
)


@given(steps, st.lists(st.integers(1, 7), min_size=4, max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_window_lets_in_exactly_what_its_slow_twin_does(
    steps: list[tuple[int, list[int]]], limits: list[int]
) -> None:
    window, twin, now = SlidingWindow(), SlowTwin(), START
    for ahead, names in steps:
        now += ahead
        buckets = [Bucket(str(name), limits[name], "t") for name in names]
        told = window.take(buckets, now)
        assert (told.allowed, told.remaining) == twin.take(buckets, now)


@given(st.integers(1, 20), st.lists(st.integers(0, 2 * SECOND_NS), max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_minute_wherever_it_begins_holds_more_than_the_limit(limit: int, gaps: list[int]) -> None:
    window, now, taken = SlidingWindow(), START, []
    for gap in gaps:
        now += gap
        if window.take([Bucket("a", limit, "t")], now).allowed:
            taken.append(now)
    assert all(sum(1 for at in taken if start <= at < start + WINDOW_NS) <= limit for start in taken)


def test_a_refusal_says_when_the_next_place_is_free_and_then_it_is() -> None:
    window = SlidingWindow()
    bucket = [Bucket("a", 2, "t")]
    window.take(bucket, START)
    window.take(bucket, START + SECOND_NS)
    refused = window.take(bucket, START + 2 * SECOND_NS)
    assert (refused.allowed, refused.remaining, refused.reset_ns) == (False, 0, START + WINDOW_NS)
    assert not window.take(bucket, refused.reset_ns - 1).allowed
    assert window.take(bucket, refused.reset_ns).allowed


def test_a_refused_request_uses_up_nothing_in_any_bucket() -> None:
    window = SlidingWindow()
    wide, narrow = Bucket("wide", 5, "t"), Bucket("narrow", 1, "t")
    assert window.take([wide, narrow], START).allowed
    for _ in range(10):
        assert not window.take([wide, narrow], START).allowed
    assert window.take([wide], START).remaining == 3


def test_the_tightest_limit_is_told() -> None:
    told = SlidingWindow().take([Bucket("key", 1000, "key"), Bucket("host", 30, "host")], START)
    assert (told.limit, told.remaining, told.tier) == (30, 29, "host")


def test_more_callers_than_can_be_told_apart_are_still_limited() -> None:
    window = SlidingWindow(most=100)
    for number in range(100):
        assert window.take([Bucket(f"known-{number}", 5, "t")], START).allowed
    let_in = sum(window.take([Bucket(f"new-{number}", 5, "t")], START).allowed for number in range(5000))
    assert let_in <= 64 * 5
    assert not all(window.take([Bucket("known-0", 5, "t")], START).allowed for _ in range(5))


def test_a_caller_who_has_been_quiet_for_a_minute_makes_room_for_another() -> None:
    window = SlidingWindow(most=10)
    for number in range(10):
        window.take([Bucket(f"old-{number}", 5, "t")], START)
    later = START + WINDOW_NS
    assert all(window.take([Bucket(f"new-{number}", 1, "t")], later).allowed for number in range(10))
    assert len(window._logs) <= 10


def test_a_busy_bucket_holds_no_more_times_than_its_limit() -> None:
    window = SlidingWindow()
    for step in range(20_000):
        window.take([Bucket("a", 100, "t")], START + step * 50_000_000)
    assert len(window._logs["a"]._times) <= 300


class Elsewhere:
    def __init__(self) -> None:
        self.answers: list[tuple[bool, int, int] | ChronoError] = []
        self.asked: list[str] = []

    async def take(self, key: str, limit: int, window_s: int, now_ns: int) -> tuple[bool, int, int]:
        self.asked.append(key)
        answer = self.answers.pop(0)
        if isinstance(answer, ChronoError):
            raise answer
        return answer


async def test_what_other_instances_let_in_counts_too() -> None:
    clock, shared = ManualClock(START), Elsewhere()
    limiter = Limiter(clock, shared)
    shared.answers = [(True, 3, START + 5), (False, 0, START + 7)]
    assert (await limiter.take(Bucket("a", 10, "t"))).remaining == 3
    refused = await limiter.take(Bucket("a", 10, "t"))
    assert (refused.allowed, refused.reset_ns) == (False, START + 7)


async def test_what_redis_refused_is_not_counted_here_either() -> None:
    clock, shared = ManualClock(START), Elsewhere()
    limiter = Limiter(clock, shared)
    shared.answers = [(False, 0, START)] * 20 + [(True, 0, START)]
    for _ in range(20):
        assert not (await limiter.take(Bucket("a", 2, "t"))).allowed
    assert (await limiter.take(Bucket("a", 2, "t"))).allowed


async def test_while_redis_is_away_this_process_limits_by_what_it_has_counted_all_along() -> None:
    clock, shared = ManualClock(START), Elsewhere()
    limiter = Limiter(clock, shared)
    shared.answers = [(True, 5, START)] * 2 + [ChronoError(CACHE_AWAY)] * 5
    allowed = [(await limiter.take(Bucket("a", 3, "t"))).allowed for _ in range(5)]
    assert allowed == [True, True, True, False, False]


async def test_a_failure_of_another_kind_is_not_taken_for_redis_being_away() -> None:
    shared = Elsewhere()
    shared.answers = [ChronoError(CACHE_AWAY._replace(code="other"))]
    with pytest.raises(ChronoError):
        await Limiter(ManualClock(START), shared).take(Bucket("a", 3, "t"))


async def test_redis_is_not_asked_about_what_this_process_refuses_already() -> None:
    shared = Elsewhere()
    limiter = Limiter(ManualClock(START), shared)
    shared.answers = [(True, 0, START)]
    await limiter.take(Bucket("a", 1, "t"))
    await limiter.take(Bucket("a", 1, "t"))
    assert shared.asked == ["a"]
