"""The four verdicts, each by what shows it and by what does not."""

from decimal import Decimal

from chrono.clock import SECOND_NS
from chrono.ingest.venues.peers import Peers
from chrono.ingest.venues.spec import Heartbeat
from chrono.ingest.venues.stalls import REMEDIES, Lag, Liveness, Standing, Verdict
from chrono.market.names import Market, Venue

S = SECOND_NS
BTC = Market("BTC/USD")


def liveness():
    return Liveness(Heartbeat(every_s=20.0, silent_after_s=10.0), quiet_s=30.0)


def test_each_verdict_has_a_remedy_of_its_own():
    assert set(REMEDIES) == set(Verdict)
    assert len(set(REMEDIES.values())) == 4


def test_a_socket_that_says_nothing_is_dead():
    watch = liveness()
    watch.follow(Heartbeat(every_s=20.0, silent_after_s=10.0), 0)
    assert watch.judge(10 * S - 1) is None
    assert watch.judge(10 * S) is Verdict.DEAD


def test_a_socket_that_beats_without_prices_is_silent():
    watch = liveness()
    watch.heard_ns = 29 * S
    assert watch.judge(30 * S - 1) is None
    assert watch.judge(30 * S) is Verdict.SILENT
    watch.priced(31 * S)
    assert watch.verdict is None


def lagging(lag_s, *, words=5, start=100, late_s=10.0):
    lag = Lag(late_s)
    lag.clear(0)
    lag.judge(5 * S)
    for n in range(words):
        at_ns = (start + n) * S
        lag.heard(at_ns, at_ns - int(lag_s * S))
    lag.judge(15 * S)
    return lag


def test_times_behind_ours_by_more_than_the_threshold_lag():
    assert not lagging(9.9).is_late
    assert lagging(10.1).is_late
    assert lagging(12.0).offset_ms == -12_000
    assert lagging(-0.5).offset_ms == 500


def test_one_prompt_word_shows_that_only_some_words_were_old():
    lag = Lag(10.0)
    lag.clear(0)
    lag.judge(5 * S)
    for behind in (3600, 3000, 1, 100):
        lag.heard(100 * S, (100 - behind) * S)
    assert not lag.judge(15 * S)


def test_too_few_times_show_nothing():
    assert not lagging(60.0, words=2).is_late


def test_what_comes_first_after_a_subscription_may_be_old():
    lag = Lag(10.0)
    lag.clear(0)
    for _ in range(50):
        lag.heard(100 * S, 10 * S)
    assert not lag.judge(5 * S)
    assert not lag.judge(15 * S)


def test_a_lagging_clock_recovers_with_its_first_prompt_word():
    lag = lagging(20.0)
    lag.heard(200 * S, 199 * S)
    assert not lag.judge(16 * S)


def test_a_lagging_clock_stays_so_while_nothing_is_heard():
    lag = lagging(20.0)
    assert lag.judge(30 * S)
    assert lag.judge(60 * S)


def standing(bid="100", ask="101"):
    book = Standing(90.0)
    book.offered(Decimal(bid), Decimal(ask), 0)
    return book


def test_offers_that_rest_in_a_resting_market_are_not_frozen():
    book = standing()
    for second in range(1, 200):
        book.offered(Decimal(100), Decimal(101), second * S)
        assert not book.judge(second * S, Decimal("100.5"))


def test_offers_that_rest_while_the_peers_move_are_frozen():
    book = standing()
    book.judge(1 * S, Decimal("100.5"))
    assert not book.judge(89 * S, Decimal(110))
    assert book.judge(90 * S, Decimal(110))
    book.offered(Decimal(109), Decimal(111), 91 * S)
    assert not book.judge(92 * S, Decimal(110))


def test_peers_that_moved_and_came_back_show_nothing():
    book = standing()
    book.judge(1 * S, Decimal("100.5"))
    book.judge(50 * S, Decimal(110))
    assert not book.judge(91 * S, Decimal("100.6"))


def test_a_book_that_lies_apart_from_its_peers_by_habit_is_not_frozen():
    book = standing()
    book.judge(1 * S, Decimal(110))
    assert not book.judge(100 * S, Decimal(110))


def test_offers_around_the_moved_price_are_not_contradicted():
    book = standing("95", "115")
    book.judge(1 * S, Decimal(100))
    assert not book.judge(100 * S, Decimal(110))


def test_too_few_peers_show_nothing():
    book = standing()
    book.judge(1 * S, None)
    assert not book.judge(100 * S, None)


def test_own_trades_beyond_resting_offers_show_that_they_are_frozen():
    book = standing()
    book.dealt(Decimal(105))
    book.dealt(Decimal(105))
    assert not book.judge(89 * S, None)
    assert book.judge(90 * S, None)


def test_own_trades_at_the_offers_show_that_they_stand():
    book = standing()
    for price in ("105", "101", "100", "105"):
        book.dealt(Decimal(price))
    assert not book.judge(100 * S, None)


def test_the_peers_are_the_median_of_at_least_two_fresh_others():
    peers = Peers()
    peers.hear(Venue("a"), BTC, Decimal(100), 0)
    assert peers.of_others(BTC, Venue("x"), 0) is None
    peers.hear(Venue("b"), BTC, Decimal(102), 0)
    peers.hear(Venue("c"), BTC, Decimal(900), 0)
    assert peers.of_others(BTC, Venue("x"), 0) == Decimal(102)
    assert peers.of_others(BTC, Venue("c"), 0) == Decimal(100)
    assert peers.of_others(BTC, Venue("x"), 61 * S) is None
    assert peers.of_others(Market("A/B"), Venue("x"), 0) is None
