"""The window against a slow and obvious twin, which keeps everything and sorts when asked."""

from hypothesis import given
from hypothesis import strategies as st

from chrono.clock import SECOND_NS
from chrono.pricing.window import Window
from tests.fakes.desk import AT_NS, quote, trade

KEEP = 6
SPAN_NS = 1_000 * SECOND_NS

said = st.tuples(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["", "0", "2"]))
batches = st.lists(st.lists(said, max_size=6), max_size=12)


class Twin:
    """Every quote in a dict by identity; the newest `KEEP` when asked."""

    def __init__(self) -> None:
        self.points: dict[int, float] = {}

    def add(self, quotes) -> None:
        for one in quotes:
            newest = max(self.points, default=-1)
            price = float(one.price)
            same = newest >= 0 and self.points[newest] == price
            if one.volume == 0 and same and one.quoted_at_ns > newest:
                continue
            self.points.setdefault(one.quoted_at_ns, price)

    def newest(self) -> list[tuple[int, float]]:
        return sorted(self.points.items())[-KEEP:]


@given(batches)
def test_the_newest_points_are_those_of_a_window_that_forgets_nothing(told):
    window, twin = Window(SPAN_NS, points_per_source=KEEP), Twin()
    for batch in told:
        quotes = [quote("BTC/USD", "ash", price, age_s=age, volume=volume or None) for age, price, volume in batch]
        window.add(quotes)
        twin.add(quotes)
        series = window.books("BTC/USD").get("ash")
        if series is None:
            assert not twin.points
            continue
        points = series.between(AT_NS - SPAN_NS, AT_NS)
        held = list(zip(points.times, points.prices, strict=True))
        assert held == sorted(held)
        assert len(series) <= KEEP + max(KEEP // 4, 1)
        # A point that came too late for a full book is the only thing that the two may differ in.
        assert set(held) <= set(twin.points.items())
        assert held[-1] == twin.newest()[-1]


@given(st.lists(said, min_size=1, max_size=30), st.randoms())
def test_the_order_of_arrival_does_not_show(told, random):
    unique = list({age: quote("BTC/USD", "ash", price, age_s=age) for age, price, _ in told}.values())
    one, other = Window(SPAN_NS), Window(SPAN_NS)
    one.add(unique)
    random.shuffle(unique)
    other.add(unique)
    assert one.books("BTC/USD")["ash"].between(0, AT_NS) == other.books("BTC/USD")["ash"].between(0, AT_NS)
    assert one.newest("BTC/USD", "ash") == other.newest("BTC/USD", "ash")


@given(st.lists(said, min_size=1, max_size=30))
def test_a_batch_that_is_sent_again_changes_nothing(told):
    quotes = [quote("BTC/USD", "ash", price, age_s=age) for age, price, _ in told]
    window = Window(SPAN_NS)
    window.add(quotes)
    before = window.books("BTC/USD")["ash"].between(0, AT_NS), window.newest("BTC/USD", "ash")
    window.changed()
    window.add(quotes)
    after = window.books("BTC/USD")["ash"].between(0, AT_NS), window.newest("BTC/USD", "ash")
    assert before == after


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=30, unique=True))
def test_trades_are_all_kept_and_ordered_by_time_and_then_sequence(keys):
    window = Window(SPAN_NS)
    window.add_trades([trade("X/USD", "ash", str(1 + age * 10 + s), age_s=age, sequence=s) for age, s in keys])
    expected = [float(1 + age * 10 + s) for age, s in sorted(keys, key=lambda key: (-key[0], key[1]))]
    assert list(window.books("X/USD")["ash"].prices) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20, unique=True), st.integers(-5, 60), st.integers(0, 60))
def test_a_cut_holds_exactly_the_points_within_it_or_else_the_nearest_before(ages, end_age, length):
    window = Window(SPAN_NS, points_per_source=64)
    window.add([quote("X/USD", "ash", 1 + age, age_s=age) for age in ages])
    end_ns = AT_NS - end_age * SECOND_NS
    start_ns = end_ns - length * SECOND_NS
    points = window.books("X/USD")["ash"].between(start_ns, end_ns)
    times = sorted(AT_NS - age * SECOND_NS for age in ages)
    within = [t for t in times if start_ns <= t <= end_ns]
    before = [t for t in times if t < start_ns][-1:] or times[:1]
    assert list(points.times) == (within or before)
