"""Silence is explained: what is awaited, and whether that is normal."""

from typing import Any

import pytest

from chrono.cli.silence import _COUNTS as COUNTS
from chrono.cli.silence import SHOWN, Silence, State, explain_silence, live_sources
from chrono.pricing.verdict import USED

OLD = {"status": "healthy", "uptime_seconds": 3600, "services": {"database": "healthy", "redis": "off", "chain": "off"}}
YOUNG = {**OLD, "uptime_seconds": 5}
LIVE = {"venue": "ash", "state": "live", "since": "2025-10-09T12:00:00.000Z"}


def market(symbol: str, used: int, minimum: int = 3) -> dict[str, Any]:
    sources = [{"venue": f"v{n}", "state": "used"} for n in range(used)] + [{"venue": "x", "state": "stale"}]
    return {"symbol": symbol, "sources": sources, "minimum_sources": minimum}


def state(
    health: dict[str, Any] = OLD, *, ready: bool = True, venues: Any = (LIVE,), markets: Any = (), refused: str = ""
) -> State:
    return State(health, ready, list(venues), list(markets), refused)


def only(told: State) -> Silence:
    (silence,) = explain_silence(told)
    return silence


def test_when_nothing_is_missing_it_says_so() -> None:
    assert only(state(markets=[market("BTC/USD", 3)])).what == "nothing is missing"


def test_no_venue_is_normal_just_after_a_start_and_not_later() -> None:
    young, old = only(state(YOUNG, venues=[])), only(state(OLD, venues=[]))
    assert young.what == old.what == "no prices come in"
    assert (young.normal, old.normal) == (True, False)
    assert "POST to /internal/ingest" in old.why
    assert old.then
    assert not young.then


@pytest.mark.parametrize("word", ["dead", "silent", "frozen", "lagging", "refused"])
def test_a_venue_that_does_not_count_is_named_with_its_reason(word: str) -> None:
    told = only(state(venues=[LIVE, {"venue": "birch", "state": word, "since": "12:00"}]))
    assert told.what == f"birch is {word} since 12:00"
    assert not told.normal


@pytest.mark.parametrize("word", ["live", "off"])
def test_a_venue_that_lives_or_is_off_is_no_silence(word: str) -> None:
    assert only(state(venues=[{**LIVE, "state": word}])).what == "nothing is missing"


def test_a_service_that_is_off_is_not_missed_but_one_that_is_ill_is() -> None:
    health = {**OLD, "services": {"database": "unhealthy", "redis": "off"}}
    told = only(state(health))
    assert told.what == "database is unhealthy"
    assert "spool" in told.why


def test_thin_markets_are_counted_and_the_first_are_named() -> None:
    markets = [market(f"M{n}/USD", 1) for n in range(SHOWN + 2)] + [market("BTC/USD", 3)]
    told = only(state(markets=markets))
    assert told.what == f"{SHOWN + 2} of {SHOWN + 3} markets in USD are thin"
    assert "M0/USD (1 of 3)" in told.why
    assert "and 2 more" in told.why


def test_a_book_in_another_currency_may_be_thin() -> None:
    assert only(state(markets=[market("SGB/USDC", 1), market("SGB/USD", 3)])).what == "nothing is missing"


def test_one_venue_counts_once_however_many_books_it_quotes() -> None:
    twice = [{"venue": "ash", "state": "used"}, {"venue": "ash", "state": "used"}]
    assert live_sources({"sources": twice}) == 1


def test_the_word_for_a_source_that_counts_is_the_one_of_pricing() -> None:
    assert COUNTS == USED


def test_what_a_key_is_missing_for_is_said() -> None:
    told = only(state(venues=[], refused="a key is needed"))
    assert told.why == "a key is needed"
    assert "--key" in told.then


def test_a_server_that_is_not_ready_is_never_told_as_well() -> None:
    assert only(state(ready=False)).what == "fresh prices"


@pytest.mark.parametrize("odd", [{}, {"services": 7}, {"services": {"database": {}}}, {"uptime_seconds": "x"}])
def test_odd_answers_do_not_crash_it(odd: dict[str, Any]) -> None:
    assert explain_silence(state(odd, markets=[{"symbol": 7, "sources": "x", "minimum_sources": None}, {}]))
