"""Visiting venues: the words that need no network."""

from decimal import Decimal

import pytest

from chrono.cli.venues import proofs
from chrono.cli.visiting.asking import addresses_of, moved
from chrono.cli.visiting.hearing import joined, price_of, with_round
from chrono.cli.visiting.probing import Outcome, Step, Visit, busy_symbols
from chrono.ingest.venues.words import RefusalKind, Refused, Ticked
from chrono.market.audit_words import Heard, Round
from chrono.market.names import Market, Venue


def ticked(last: str | None, bid: str | None, ask: str | None) -> Ticked:
    return Ticked("X", *(None if one is None else Decimal(one) for one in (last, bid, ask)), None)


@pytest.mark.parametrize(
    ("last", "bid", "ask", "price"),
    [
        ("100", "99", "101", "100"),
        ("50", "99", "101", "100"),
        ("90", "50", "101", "90"),  # offers too far apart to have a middle
        (None, "50", "101", "75.5"),
        ("90", "101", "99", "90"),  # crossed
        (None, "101", "99", None),
        ("90", None, "101", "90"),
        (None, None, None, None),
    ],
)
def test_the_price_of_a_ticker_is_its_middle_or_its_last(last, bid, ask, price) -> None:
    assert price_of(ticked(last, bid, ask)) == (None if price is None else Decimal(price))


def test_a_refusal_in_an_answer_is_trouble_and_no_price() -> None:
    heard = with_round(Heard(Venue("aa"), None, ()), [Refused(RefusalKind.RATE_LIMITED, "slow down")], 5)
    assert heard.trouble == "rate_limited: slow down"
    assert heard.rounds == (Round(5, {}),)


def test_rounds_of_watching_are_kept_in_order_up_to_the_newest() -> None:
    first = [Heard(Venue("aa"), None, (Round(1, {}), Round(2, {})))]
    again = joined(first, [Heard(Venue("aa"), None, (Round(3, {}), Round(4, {})))], most=3)
    assert [one.at_ns for one in again[0].rounds] == [2, 3, 4]


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("wss://a.b:9443/ws?x=1", "ws://127.0.0.1:80/ws?x=1"),
        ("https://a.b/c/d?e=%22", "http://127.0.0.1:80/c/d?e=%22"),
    ],
)
def test_a_url_moves_with_its_path_and_query(url: str, there: str) -> None:
    assert moved(url, "127.0.0.1:80") == there


@pytest.mark.parametrize("text", ["kraken", "kraken=", "=127.0.0.1:1", "kraken=127.0.0.1", "kraken=127.0.0.1:x"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected VENUE=HOST:PORT"):
        addresses_of([text])


def test_a_probe_asks_for_the_busiest_symbols_that_the_venue_has() -> None:
    books = {"DOGE-USD": Market("DOGE/USD"), "ETH-USD": Market("ETH/USD"), "BTC-USD": Market("BTC/USD")}
    assert busy_symbols(books) == ["BTC-USD", "ETH-USD"]
    assert busy_symbols({"DOGE-USD": Market("DOGE/USD")}) == ["DOGE-USD"]


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ({"dns": Outcome.OK, "price": Outcome.OK}, Outcome.OK),
        ({"dns": Outcome.FAILED}, Outcome.FAILED),
        ({"dns": Outcome.OK, "tcp": Outcome.FAILED}, Outcome.FAILED),
        ({"tickers": Outcome.OK, "stream": Outcome.FAILED}, Outcome.PARTLY),
        ({"tickers": Outcome.OK, "stream": Outcome.OK, "price": Outcome.SILENT}, Outcome.SILENT),
        ({"tickers": Outcome.GEO, "stream": Outcome.FAILED}, Outcome.GEO),
        ({"tickers": Outcome.REFUSED, "stream": Outcome.OK}, Outcome.REFUSED),
        ({"tickers": Outcome.OK, "stream": Outcome.SKIPPED}, Outcome.OK),
        ({"dns": Outcome.OFF}, Outcome.OFF),
    ],
)
def test_a_visit_ends_as_its_worst_step_says(steps: dict[str, Outcome], outcome: Outcome) -> None:
    assert Visit("aa", [Step(name, how) for name, how in steps.items()]).outcome is outcome


@pytest.mark.parametrize(
    ("readme", "told"),
    [
        ("- **Recorded**: trades (2021). **From documents only**: errors.\n", ("trades (2021)", "errors")),
        ("- **Recorded**: nothing. **From documents only**: everything.", ("", "everything")),
        ("# A venue\n", ("", "")),
    ],
)
def test_a_readme_says_what_is_proved_on_recordings(readme: str, told: tuple[str, str]) -> None:
    assert proofs(readme) == told
