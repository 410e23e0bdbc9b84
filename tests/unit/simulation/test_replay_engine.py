"""A replay knows at each step what had been received by then, and nothing more."""

import json
from decimal import Decimal

import pytest

from chrono.clock import MS_NS, SECOND_NS, ManualClock
from chrono.errors import ChronoError
from chrono.market.tapes import Selection, open_tape
from chrono.settings import Pricing
from chrono.simulation.driving import drive
from chrono.simulation.replay import Replay, with_minimum
from chrono.simulation.sinks import Nowhere

THEN_MS = 1_760_013_296_000
VENUES = ("a", "b", "c")


def feed(venue, price, at_ms, *, market="BTC/USD", received_ms=None):
    received = {} if received_ms is None else {"received_at": THEN_MS + received_ms}
    return {"symbol": market, "price": price, "source": venue, "timestamp": THEN_MS + at_ms, "volume": 1} | received


def everybody(price, at_ms, market="BTC/USD"):
    return [feed(venue, price, at_ms, market=market) for venue in VENUES]


def replay_of(folder, *feeds, selection=Selection(), rules=Pricing(), **options):  # noqa: B008
    path = folder / "feeds.ndjson"
    path.write_text("\n".join(json.dumps(line) for line in feeds))
    return Replay([open_tape(path, selection)], rules, **options)


def rows_of(replay):
    return [row for step in replay.steps() for row in replay.rows(step)]


def test_every_step_has_one_row_per_market(tmp_path):
    feeds = everybody(100, 0) + everybody(50, 400, "ETH/USD") + everybody(100, 5000)
    replay = replay_of(tmp_path, *feeds)
    assert [(row.ts[17:23], row.market) for row in rows_of(replay)] == [
        (f"{56 + second}.000"[:6] if second < 4 else f"0{second - 4}.000", market)
        for second in range(6)
        for market in ("BTC/USD", "ETH/USD")
    ]


def test_a_quote_counts_from_its_receipt_on_never_earlier(tmp_path):
    late = [feed(venue, 200, 1000, received_ms=3000) for venue in VENUES]
    replay = replay_of(tmp_path, *everybody(100, 0), *late)
    assert [Decimal(row.price) for row in rows_of(replay)] == [100, 100, 100, 200]


@pytest.mark.parametrize(("known_ms", "prices"), [(1000, [100, 200, 200]), (1001, [100, 100, 200])])
def test_what_is_known_at_the_very_instant_of_a_step_counts_in_it(tmp_path, known_ms, prices):
    replay = replay_of(tmp_path, *everybody(100, 0), *everybody(200, known_ms), *everybody(200, 1500))
    assert [Decimal(row.price) for row in rows_of(replay)] == prices


def test_steps_lie_on_whole_multiples_of_the_beat(tmp_path):
    replay = replay_of(tmp_path, *everybody(100, 300), *everybody(100, 2100), every_ns=500 * MS_NS)
    assert [step.at_ns % (500 * MS_NS) for step in replay.steps()] == [0] * 5
    assert replay.first_ns == (THEN_MS + 500) * MS_NS
    assert replay.last_ns == (THEN_MS + 2500) * MS_NS


def test_too_few_sources_give_no_price_and_say_why(tmp_path):
    feeds = [feed("a", 100, 0), feed("b", 100, 0)]
    (row,) = rows_of(replay_of(tmp_path, *feeds))
    assert (row.price, row.reason, row.sources, row.min_sources) == (None, "too_few_sources", 2, 3)


def test_a_lower_minimum_is_lowered_knowingly_and_shows_in_the_row(tmp_path):
    feeds = [feed("a", 100, 0), feed("b", 100, 0)]
    (row,) = rows_of(replay_of(tmp_path, *feeds, rules=with_minimum(Pricing(), 2)))
    assert (Decimal(row.price), row.reason, row.sources, row.min_sources) == (100, None, 2, 2)
    assert with_minimum(Pricing(), None) == Pricing()


def test_a_liar_is_excluded_by_name_and_moves_nothing(tmp_path):
    feeds = [*everybody(100, 0), feed("d", 100, 0), feed("liar", 1000, 0)]
    (row,) = rows_of(replay_of(tmp_path, *feeds))
    assert (Decimal(row.price), row.excluded, row.used) == (100, "liar:outlier", "a;b;c;d")


def test_a_book_whose_conversion_has_no_price_is_excluded_with_the_reason(tmp_path):
    feeds = [*everybody(100, 0), feed("tether", 100, 0, market="BTC/USDT")]
    (row,) = rows_of(replay_of(tmp_path, *feeds))
    assert Decimal(row.price) == 100
    assert "tether:unpriced_edge" in row.excluded


def test_direct_books_left_out_the_price_comes_by_conversion_alone(tmp_path):
    feeds = everybody(90, 0) + everybody(100, 0, "BTC/USDT") + everybody(0.5, 0, "USDT/USD")
    replay = replay_of(tmp_path, *feeds, markets=["BTC/USD"], selection=Selection(without=("BTC/USD",)))
    (row,) = rows_of(replay)
    assert float(row.price) == pytest.approx(50)


def test_a_market_that_nobody_quotes_has_rows_that_say_so(tmp_path):
    (row,) = rows_of(replay_of(tmp_path, *everybody(100, 0), markets=["DOGE/USD"]))
    assert (row.price, row.reason) == (None, "unknown_market")


def test_a_price_goes_stale_when_its_venues_fall_silent(tmp_path):
    replay = replay_of(tmp_path, *everybody(100, 0), *everybody(50, 400_000, "ETH/USD"), markets=["BTC/USD"])
    rows = rows_of(replay)
    assert rows[1].price is not None
    assert rows[-1].price is None
    assert {row.reason for row in rows[200:]} == {"no_sources"}


def test_a_selection_that_takes_nothing_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(ChronoError, match="BTC/USD"):
        replay_of(tmp_path, *everybody(100, 0), selection=Selection(without=("BTC/USD",)))


def test_the_order_of_the_files_changes_nothing(tmp_path):
    for name, lines in (("1", everybody(100, 0)), ("2", [feed("d", 101, 0), feed("e", 102, 700)])):
        (tmp_path / name).write_text("\n".join(json.dumps(line) for line in lines))
    orders = [("1", "2"), ("2", "1")]
    one, two = (Replay([open_tape(tmp_path / name) for name in order], Pricing()) for order in orders)
    assert rows_of(one) == rows_of(two)


class Fails(Nowhere):
    """A sink whose disk is full."""

    abandoned = False

    def write(self, rows):
        raise OSError("disk full")

    def abandon(self):
        self.abandoned = True


async def test_a_sink_that_fails_is_abandoned_and_the_failure_told(tmp_path):
    sink = Fails()
    with pytest.raises(OSError, match="disk full"):
        await drive(replay_of(tmp_path, *everybody(100, 0)), sink, ManualClock())
    assert sink.abandoned


class Waits(ManualClock):
    """A clock that jumps to whatever is waited for, and keeps the times."""

    def __init__(self):
        super().__init__(5 * SECOND_NS)
        self.waited = []

    async def sleep_until(self, at_ns):
        self.waited.append(at_ns)
        self.set(max(at_ns, self.now_ns()))


async def test_at_twice_the_speed_each_step_waits_for_half_of_its_time(tmp_path):
    clock, seen = Waits(), []
    replay = replay_of(tmp_path, *everybody(100, 0), *everybody(100, 3000))
    summary = await drive(replay, Nowhere(), clock, speed=2.0, on_step=seen.append)
    assert clock.waited == [5 * SECOND_NS + n * SECOND_NS // 2 for n in range(4)]
    assert len(seen) == summary.rows == 4
