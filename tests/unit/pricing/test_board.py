"""When the board prices anew, whom it tells, and what it goes on doing when somebody fails."""

import asyncio
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import NO_SOURCES, STALE_VALUE
from chrono.pricing.board import AGEING_NS, AT_ONCE_NS, EVERY_NS, MINUTE_NS, PART
from chrono.pricing.estimate import Estimate, Quality
from chrono.telemetry import (
    ANOMALIES,
    FEED_SOURCES,
    FEED_STALENESS,
    MARKET_FAILURES,
    SOURCE_DEVIATION,
    STABLE_PEG,
    SUBSCRIBER_FAILURES,
    WINDOW_POINTS,
)
from tests.fakes.desk import AT_NS, COSTON2, VENUES, Desk


class Hearer:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[list[Estimate]] = []

    def __call__(self, estimates) -> None:
        self.told.append(list(estimates))

    @property
    def markets(self) -> list[list[str]]:
        return [[estimate.market for estimate in told] for told in self.told]


@pytest.fixture
def desk() -> Desk:
    """A desk whose board has begun, so that the next boundary is one that it lived through."""
    desk = Desk()
    desk.board.refresh(AT_NS)
    return desk


@pytest.fixture
def hearer(desk: Desk) -> Hearer:
    hearer = Hearer()
    desk.board.on_estimates(hearer)
    return hearer


@pytest.fixture
def recorder(desk: Desk) -> Hearer:
    recorder = Hearer()
    desk.board.on_record(recorder)
    return recorder


def tick(desk: Desk, ns: int = EVERY_NS) -> list[Estimate]:
    desk.clock.advance(ns)
    return desk.board.refresh(desk.clock.now_ns())


def test_what_was_quoted_is_on_the_board_after_the_next_pass(desk: Desk, hearer: Hearer):
    desk.all_say("BTC/USD", 100)
    assert desk.board.latest("BTC/USD") is None
    tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(100)
    assert hearer.markets == [["BTC/USD"]]


def test_only_changed_markets_are_priced_again(desk: Desk):
    desk.all_say("BTC/USD", 100)
    desk.all_say("ETH/USD", 10)
    tick(desk)
    ether = desk.board.latest("ETH/USD")
    desk.all_say("BTC/USD", 101, age_s=0)
    tick(desk)
    assert desk.board.latest("ETH/USD") is ether
    assert desk.board.latest("BTC/USD").at_ns == desk.clock.now_ns()


def test_a_value_that_did_not_change_is_not_told_again(desk: Desk, hearer: Hearer):
    desk.all_say("BTC/USD", 100)
    tick(desk)
    desk.all_say("BTC/USD", 100, age_s=0)
    tick(desk)
    assert len(hearer.told) == 1


def test_what_goes_through_a_moved_edge_is_priced_again(desk: Desk, hearer: Hearer):
    desk.all_say("USDT/USD", 1)
    desk.all_say("BTC/USDT", 100)
    desk.all_say("ETH/USD", 10)
    tick(desk)
    desk.all_say("USDT/USD", "0.9", age_s=0)
    tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(90)
    assert hearer.markets[-1] == ["BTC/USD", "USDT/USD"]


def test_an_edge_that_stands_still_leaves_what_goes_through_it_alone(desk: Desk):
    desk.all_say("USDT/USD", 1)
    desk.all_say("BTC/USDT", 100)
    tick(desk)
    before = desk.board.latest("BTC/USD")
    desk.all_say("USDT/USD", "1.00000001", age_s=0)
    tick(desk)
    assert desk.board.latest("USDT/USD").at_ns > before.at_ns
    assert desk.board.latest("BTC/USD") is before


def test_a_moved_edge_moves_the_edges_behind_it_and_what_goes_through_those():
    desk = Desk(edges=("USDT/USD", "USDC/USD"))
    desk.all_say("USDT/USD", 1)
    desk.all_say("USDC/USDT", 1)
    desk.all_say("BTC/USDC", 100)
    tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(100)
    desk.all_say("USDT/USD", "0.5", age_s=0)
    tick(desk)
    assert desk.board.latest("USDC/USD").price == Decimal("0.5")
    assert desk.board.latest("BTC/USD").price == Decimal(50)


def test_a_recovered_edge_gives_its_sources_back(desk: Desk):
    desk.all_say("BTC/USDT", 100)
    tick(desk)
    assert desk.board.latest("BTC/USD") is None
    desk.all_say("USDT/USD", 1)
    tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(100)


def test_a_value_turns_stale_though_nothing_arrives(desk: Desk, hearer: Hearer):
    desk.all_say("BTC/USD", 100, age_s=0)
    tick(desk)
    for _ in range(240):
        tick(desk)
    found = desk.board.latest("BTC/USD")
    assert (found.quality, found.reason) == (Quality.STALE, STALE_VALUE)
    assert found.newest_at_ns == AT_NS
    assert found.at_ns - found.newest_at_ns <= 60 * SECOND_NS + EVERY_NS
    assert hearer.told[-1][0].quality is Quality.STALE


def test_a_value_that_no_venue_backs_any_more_is_told_as_stale_and_not_for_votes(desk: Desk):
    desk.all_say("BTC/USD", 100)
    tick(desk)
    desk.clock.advance(200 * SECOND_NS)
    tick(desk)
    found = desk.board.latest("BTC/USD")
    assert (found.price, found.quality, found.reason) == (Decimal(100), Quality.STALE, NO_SOURCES)
    assert (found.votable, found.confidence) == (False, Decimal(0))
    assert desk.board.latest("BTC/USD").newest_at_ns == AT_NS - SECOND_NS


def test_a_market_comes_back_by_itself_after_an_outage(desk: Desk, hearer: Hearer):
    desk.all_say("BTC/USD", 100)
    tick(desk)
    tick(desk, 600 * SECOND_NS)
    desk.all_say("BTC/USD", 100)
    tick(desk)
    assert desk.board.latest("BTC/USD").quality is Quality.OK
    assert [told[0].quality for told in hearer.told] == [Quality.OK, Quality.STALE, Quality.OK]


def test_weights_fade_though_nothing_arrives(desk: Desk):
    desk.all_say("BTC/USD", 100)
    tick(desk)
    before = desk.board.latest("BTC/USD")
    tick(desk, AGEING_NS)
    assert desk.board.latest("BTC/USD").confidence < before.confidence


def test_all_values_are_recorded_at_each_full_minute_and_at_each_epoch_end(desk: Desk, recorder: Hearer):
    desk.all_say("BTC/USD", 100)
    desk.all_say("ETH/USD", 10)
    for _ in range(150 * 4):
        tick(desk)
    first_minute = -(-AT_NS // MINUTE_NS) * MINUTE_NS
    first_end = COSTON2.round_at(AT_NS).commit_window.end_ns
    boundaries = {first_minute + n * MINUTE_NS for n in range(3)} | {first_end, first_end + 90 * SECOND_NS}
    assert [told[0].at_ns for told in recorder.told] == sorted(at for at in boundaries if at <= desk.clock.now_ns())
    assert all(markets == ["BTC/USD", "ETH/USD"] for markets in recorder.markets)


def test_a_record_is_made_for_the_very_instant_when_the_pass_is_a_little_late(desk: Desk, recorder: Hearer):
    desk.all_say("BTC/USD", 100)
    boundary_ns = -(-AT_NS // MINUTE_NS) * MINUTE_NS
    tick(desk, boundary_ns - AT_NS + 3 * MS_NS)
    assert recorder.told[0][0].at_ns == boundary_ns
    tick(desk, MINUTE_NS + 2 * SECOND_NS)
    assert recorder.told[1][0].at_ns == desk.clock.now_ns()


def test_a_board_that_begins_between_two_boundaries_records_nothing_yet():
    desk, recorder = Desk(), Hearer()
    desk.board.on_record(recorder)
    desk.all_say("BTC/USD", 100)
    desk.board.refresh(AT_NS)
    assert recorder.told == []


def test_what_no_venue_backs_is_not_recorded(desk: Desk, recorder: Hearer):
    desk.all_say("BTC/USD", 100)
    tick(desk)
    tick(desk, 300 * SECOND_NS)
    assert desk.board.latest("BTC/USD") is not None
    assert recorder.told == []


def test_a_record_carries_its_derivation(desk: Desk, recorder: Hearer):
    desk.all_say("BTC/USD", 100)
    tick(desk, 100 * SECOND_NS)
    (estimate,) = recorder.told[0]
    assert b'"market":"BTC/USD"' in estimate.evidence.derivation()


def test_readers_see_what_just_came_in_without_waiting_for_the_pass(desk: Desk):
    desk.all_say("BTC/USD", 100)
    assert desk.board.estimate_now(["BTC/USD"])["BTC/USD"].price == Decimal(100)
    desk.clock.advance(AT_ONCE_NS)
    desk.all_say("BTC/USD", 100, age_s=0.001)
    found = desk.board.estimate_now(["BTC/USD"])["BTC/USD"]
    assert found.newest_at_ns == desk.clock.now_ns() - MS_NS


def test_what_readers_saw_first_is_still_told_by_the_next_pass(desk: Desk, hearer: Hearer):
    desk.all_say("BTC/USD", 100)
    desk.board.estimate_now(["BTC/USD"])
    assert hearer.told == []
    tick(desk)
    assert hearer.markets == [["BTC/USD"]]


def test_an_edge_that_readers_asked_for_still_moves_what_goes_through_it(desk: Desk):
    desk.all_say("BTC/USDT", 100)
    tick(desk)
    desk.all_say("USDT/USD", 1)
    desk.board.estimate_now(["USDT/USD"])
    tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(100)


def test_many_readers_do_not_price_a_busy_market_more_often_than_every_few_milliseconds(desk: Desk):
    desk.all_say("BTC/USD", 100)
    first = desk.board.estimate_now(["BTC/USD"])["BTC/USD"]
    desk.clock.advance(AT_ONCE_NS - MS_NS)
    desk.all_say("BTC/USD", 101, age_s=0)
    assert desk.board.estimate_now(["BTC/USD"])["BTC/USD"] is first
    desk.clock.advance(MS_NS)
    assert desk.board.estimate_now(["BTC/USD"])["BTC/USD"] is not first


def test_a_market_that_is_listed_nowhere_is_made_for_whoever_asks(desk: Desk):
    desk = Desk(edges=("EUR/USD",))
    desk.all_say("EUR/USD", "1.25")
    desk.all_say("BTC/USD", 100)
    assert desk.board.estimate_now(["BTC/EUR"])["BTC/EUR"].price == Decimal(80)
    assert "BTC/EUR" not in desk.board.listed()
    assert desk.board.latest("BTC/EUR") is None


def test_a_market_that_nobody_prices_is_missing(desk: Desk):
    assert desk.board.estimate_now(["XYZ/USD"]) == {}


def test_all_books_and_each_base_in_dollars_are_listed(desk: Desk):
    for market in ("BTC/USDT", "ETH/USD", "SOL/EUR", "USDC/USDT"):
        desk.all_say(market, 1)
    assert desk.board.listed() == ["BTC/USDT", "BTC/USD", "ETH/USD", "SOL/EUR", "USDC/USDT", "USDC/USD"]


def test_a_subscriber_that_fails_stops_neither_the_others_nor_the_pass(desk: Desk):
    def broken(_estimates) -> None:
        raise RuntimeError("no room")

    hearer = Hearer()
    desk.board.on_estimates(broken)
    desk.board.on_estimates(hearer)
    counter = SUBSCRIBER_FAILURES.labels(broken.__qualname__)
    before = counter._value.get()
    with capture_logs() as logs:
        for market in ("BTC/USD", "ETH/USD", "SOL/USD"):
            desk.all_say(market, 100)
            tick(desk)
    assert hearer.markets == [["BTC/USD"], ["ETH/USD"], ["SOL/USD"]]
    assert counter._value.get() == before + 3
    assert [line["event"] for line in logs] == ["subscriber_failed"]


def test_a_market_whose_pricing_raises_does_not_stop_the_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.all_say("BTC/USD", 100)
    desk.all_say("BAD/USD", 100)
    paths = desk.pricer.routes.paths

    def planted(target):
        if target == "BAD/USD":
            raise ZeroDivisionError("a fault of the program")
        return paths(target)

    monkeypatch.setattr(desk.pricer.routes, "paths", planted)
    before = MARKET_FAILURES._value.get()
    with capture_logs() as logs:
        tick(desk)
        desk.all_say("BAD/USD", 101, age_s=0)
        tick(desk)
    assert desk.board.latest("BTC/USD").price == Decimal(100)
    assert desk.board.latest("BAD/USD") is None
    assert MARKET_FAILURES._value.get() == before + 2
    assert [(line["event"], line["market"]) for line in logs] == [("market_failed", "BAD/USD")]
    monkeypatch.undo()
    desk.all_say("BAD/USD", 102, age_s=0)
    tick(desk)
    assert desk.board.latest("BAD/USD") is not None


def test_a_clock_that_is_set_back_freezes_neither_the_values_nor_the_records(desk: Desk, recorder: Hearer):
    desk.all_say("BTC/USD", 100)
    boundary_ns = -(-AT_NS // MINUTE_NS) * MINUTE_NS
    desk.board.refresh(boundary_ns)
    desk.all_say("BTC/USD", 100, age_s=150)
    desk.board.refresh(boundary_ns - 120 * SECOND_NS)
    assert desk.board.latest("BTC/USD").at_ns == boundary_ns - 120 * SECOND_NS
    assert [told[0].at_ns - boundary_ns for told in recorder.told] == [0, -120 * SECOND_NS]


def test_the_newest_values_are_shown_as_metrics(desk: Desk):
    desk.all_say("USDT/USD", "0.98")
    desk.all_say("BTC/USDT", 100)
    desk.say("BTC/USD", {"gum": 200}, age_s=0)
    tick(desk, MINUTE_NS - AT_NS % MINUTE_NS)
    assert WINDOW_POINTS._value.get() == 11
    assert STABLE_PEG.labels("USDT")._value.get() == 0.98
    assert FEED_SOURCES.labels("BTC/USD")._value.get() == 5
    # The dropped venue's quote was a second newer, and does not make the value look fresher.
    assert FEED_STALENESS.labels("BTC/USD")._value.get() == (MINUTE_NS - AT_NS % MINUTE_NS) / SECOND_NS + 1
    assert SOURCE_DEVIATION.labels("gum")._value.get() > 10_000
    assert ANOMALIES.labels("gum", "outlier")._value.get() >= 1
    tick(desk, 300 * SECOND_NS)
    assert FEED_SOURCES.labels("BTC/USD")._value.get() == 0


async def test_a_running_board_passes_at_every_quarter_of_a_second(desk: Desk, hearer: Hearer):
    running = asyncio.create_task(desk.board.run())
    for n in range(8):
        await settle()
        desk.all_say(f"M{n}/USD", 100)
        desk.clock.advance(EVERY_NS)
    await settle()
    running.cancel()
    # A pass tells in parts; all of one pass are of one instant.
    assert list(dict.fromkeys(told[0].at_ns - AT_NS for told in hearer.told)) == [n * EVERY_NS for n in range(1, 9)]


async def test_a_value_that_a_reader_had_priced_during_a_pass_is_not_undone_by_it(desk: Desk):
    names = [f"M{n}/USD" for n in range(PART + 1)]
    for name in names:
        desk.all_say(name, 100)
    running = asyncio.create_task(desk.board.run())
    await asyncio.sleep(0)
    last = names[-1]
    assert desk.board.latest(names[0]) is not None
    assert desk.board.latest(last) is None, "the pass is over, so this proves nothing"
    desk.clock.advance(10 * MS_NS)
    desk.all_say(last, 200, age_s=0)
    asked = desk.board.estimate_now([last])[last]
    await settle()
    running.cancel()
    assert desk.board.latest(last) is asked


async def settle() -> None:
    """Let every part of a running pass have its turn."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_forgotten_book_is_forgotten_by_the_board(desk: Desk):
    desk.window._max_books = 1
    desk.say("OLD/USD", {"ash": 1})
    tick(desk)
    desk.clock.advance(2 * 86_400 * SECOND_NS)
    desk.say("NEW/USD", {"ash": 1})
    tick(desk)
    assert desk.board.latest("OLD/USD") is None
    assert desk.board.latest("NEW/USD") is not None


def test_venues_are_told_in_the_order_of_their_names(desk: Desk):
    desk.say("BTC/USD", dict.fromkeys(reversed(VENUES), 100))
    tick(desk)
    assert desk.board.latest("BTC/USD").sources == VENUES
