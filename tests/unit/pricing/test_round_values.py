"""What Flare's clients are told: the order, the length, the gaps, and the same answer twice."""

from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS
from chrono.flare.feeds import COMMODITY, CRYPTO, CUSTOM, FOREX, FeedId
from chrono.pricing.board import EVERY_NS
from chrono.pricing.rounds import RoundValues
from tests.fakes.desk import AT_NS, COSTON2, Desk

BTC, ETH, XYZ = (FeedId(CRYPTO, f"{base}/USD") for base in ("BTC", "ETH", "XYZ"))
NOW = COSTON2.round_at(AT_NS)
ROUND = NOW.id
COMMIT_NS = NOW.commit_window.start_ns + 75 * SECOND_NS
END_NS = NOW.commit_window.end_ns


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.board.refresh(AT_NS)
    return desk


def at(desk: Desk, at_ns: int) -> Desk:
    """Let the board run until `at_ns`."""
    while desk.clock.now_ns() < at_ns:
        desk.clock.set(min(desk.clock.now_ns() + EVERY_NS, at_ns))
        desk.board.refresh(desk.clock.now_ns())
    return desk


def test_values_come_in_the_order_asked_with_gaps_for_what_has_none(desk: Desk):
    desk.all_say("BTC/USD", 100)
    desk.all_say("ETH/USD", 10)
    assert desk.rounds.values(0, [ETH, XYZ, BTC, ETH]) == [Decimal(10), None, Decimal(100), Decimal(10)]
    assert desk.rounds.values(0, []) == []


@pytest.mark.parametrize("age_s", [1, 61])
def test_what_is_not_fit_to_vote_with_has_no_value_and_costs_the_others_nothing(desk: Desk, age_s: int):
    desk.all_say("BTC/USD", 100)
    desk.say("ETH/USD", {"ash": 10, "birch": 10} if age_s == 1 else dict.fromkeys("abcde", 10), age_s=age_s)
    assert desk.rounds.values(ROUND, [ETH, BTC]) == [None, Decimal(100)]
    at(desk, COMMIT_NS)
    desk.all_say("BTC/USD", 100)
    assert desk.rounds.values(ROUND, [ETH, BTC])[0] is None


@pytest.mark.parametrize("feed", [FeedId(CUSTOM, "BTC/USD"), FeedId(CRYPTO, "BTC"), FeedId(CRYPTO, "")])
def test_a_feed_that_is_no_market_has_no_value(desk: Desk, feed: FeedId):
    desk.all_say("BTC/USD", 100)
    assert desk.rounds.values(0, [feed, BTC]) == [None, Decimal(100)]


def test_feeds_of_all_priced_categories_are_answered(desk: Desk):
    desk.all_say("EUR/USD", "1.1")
    desk.all_say("XAU/USD", 4000)
    assert desk.rounds.values(0, [FeedId(FOREX, "EUR/USD"), FeedId(COMMODITY, "XAU/USD")]) == [
        Decimal("1.1"),
        Decimal(4000),
    ]


def test_round_zero_and_rounds_before_their_commit_instant_are_told_the_newest(desk: Desk):
    desk.all_say("BTC/USD", 100)
    for round_id in (0, ROUND, ROUND + 1, ROUND + 10**6):
        assert desk.rounds.values(round_id, [BTC]) == [Decimal(100)]
        assert desk.rounds.pinned(round_id) is None
    at(desk, AT_NS + 50 * SECOND_NS)
    desk.all_say("BTC/USD", 200)
    assert desk.rounds.values(ROUND, [BTC]) == [Decimal(200)]


def test_a_round_asked_again_after_its_commit_gives_the_same_answer(desk: Desk):
    desk.all_say("BTC/USD", 100)
    at(desk, COMMIT_NS)
    desk.all_say("BTC/USD", 200)
    pinned = desk.rounds.values(ROUND, [BTC])
    assert pinned == [Decimal(200)]
    assert desk.rounds.pinned(ROUND).at_ns == COMMIT_NS
    for later_s in (1, 10, 60, 200):
        at(desk, COMMIT_NS + later_s * SECOND_NS)
        desk.all_say("BTC/USD", 300 + later_s)
        desk.all_say("ETH/USD", 10)
        assert desk.rounds.values(ROUND, [BTC, ETH]) == [Decimal(200), None]
    assert desk.rounds.values(0, [BTC]) != [Decimal(200)]


def test_the_pin_starts_exactly_at_the_commit_instant(desk: Desk):
    desk.all_say("BTC/USD", 100)
    at(desk, COMMIT_NS - 1)
    desk.rounds.values(ROUND, [BTC])
    assert desk.rounds.pinned(ROUND) is None
    at(desk, COMMIT_NS)
    desk.rounds.values(ROUND, [BTC])
    assert desk.rounds.pinned(ROUND) is not None


def test_a_round_that_nobody_asked_for_is_pinned_with_what_was_recorded_at_its_end(desk: Desk):
    at(desk, END_NS - SECOND_NS)
    desk.all_say("BTC/USD", 100)
    at(desk, END_NS + 40 * SECOND_NS)
    desk.all_say("BTC/USD", 500)
    assert desk.rounds.values(ROUND, [BTC, ETH]) == [Decimal(100), None]
    assert desk.rounds.pinned(ROUND).at_ns == END_NS


def test_the_record_at_the_end_does_not_displace_what_was_pinned(desk: Desk):
    at(desk, COMMIT_NS)
    desk.all_say("BTC/USD", 100)
    desk.rounds.values(ROUND, [BTC])
    at(desk, END_NS - SECOND_NS)
    desk.all_say("BTC/USD", 900)
    at(desk, END_NS + SECOND_NS)
    assert desk.rounds.values(ROUND, [BTC]) == [Decimal(100)]


def test_a_past_round_of_which_nothing_is_known_has_no_values(desk: Desk):
    desk.all_say("BTC/USD", 100)
    assert desk.rounds.values(ROUND - 1, [BTC, ETH]) == [None, None]
    assert desk.rounds.values(1, [BTC]) == [None]


def test_the_last_hundred_rounds_are_kept():
    desk = Desk()
    rounds = RoundValues(desk.board, COSTON2, desk.clock, keep=3)
    for n in range(6):
        desk.clock.set(COMMIT_NS + n * 90 * SECOND_NS)
        desk.all_say("BTC/USD", 100 + n)
        rounds.values(ROUND + n, [BTC])
    desk.clock.advance(90 * SECOND_NS)
    told = [rounds.values(ROUND + n, [BTC])[0] for n in range(6)]
    assert told[:3] == [None] * 3
    assert None not in told[3:]


def test_the_estimates_behind_a_pin_are_told_with_their_derivations(desk: Desk):
    told = []
    desk.rounds.on_pinned(lambda round_id, estimates: told.append((round_id, list(estimates))))
    desk.all_say("BTC/USD", 100)
    at(desk, COMMIT_NS)
    desk.all_say("BTC/USD", 100)
    desk.say("ETH/USD", {"ash": 10})
    value = desk.rounds.values(ROUND, [BTC])[0]
    desk.rounds.values(ROUND, [BTC])
    ((round_id, estimates),) = told
    assert round_id == ROUND
    assert {estimate.market for estimate in estimates} == {"BTC/USD", "ETH/USD"}
    (of_btc,) = (estimate for estimate in estimates if estimate.market == "BTC/USD")
    assert of_btc.price == value
    assert of_btc.at_ns == desk.rounds.pinned(ROUND).at_ns
    assert f'"price":"{value}"'.encode() in of_btc.evidence.derivation()


def test_a_pinned_value_is_priced_at_the_moment_it_is_asked_for(desk: Desk):
    at(desk, COMMIT_NS)
    desk.all_say("BTC/USD", 100, age_s=0)
    assert desk.rounds.values(ROUND, [BTC]) == [Decimal(100)]
