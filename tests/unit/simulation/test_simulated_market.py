"""The simulated market: seeded, deterministic, and faulty only on demand."""

import asyncio
import math
from decimal import Decimal

import msgspec
import pytest

from chrono.clock import MS_NS, SECOND_NS, US_NS, ManualClock
from chrono.ingest.batch import read_batch
from chrono.market.names import is_market, is_venue
from chrono.settings import Ingest
from chrono.simulation.faults import Fault, FaultKind
from chrono.simulation.market import SimulatedMarket, rounded
from chrono.simulation.venues import ASSETS, all_books

START = 1_760_000_000 * SECOND_NS
SECONDS = 120


class EnoughError(Exception):
    """What a sink raises to end a runner."""


def market(seed=7):
    return SimulatedMarket(seed, START)


def quotes(seed=7, seconds=SECONDS, faults=()):
    simulated = market(seed)
    for fault in faults:
        simulated.inject(fault)
    return simulated.quotes_until(START + seconds * SECOND_NS)


def fault(kind, venue=None, of=None, start=30, end=90, factor=10.0):
    return Fault(kind, venue, of, START + start * SECOND_NS, START + end * SECOND_NS, factor)


def key(quote):
    return (quote.venue, quote.market, quote.quoted_at_ns)


def test_the_same_seed_gives_the_same_quotes():
    assert quotes(1) == quotes(1)


def test_another_seed_gives_others():
    assert quotes(1) != quotes(2)


def test_the_steps_in_which_it_is_asked_change_nothing():
    simulated, pieces = market(), []
    for milliseconds in range(0, SECONDS * 1000 + 1, 37):
        pieces += simulated.quotes_until(START + milliseconds * MS_NS)
    pieces += simulated.quotes_until(START + SECONDS * SECOND_NS)
    assert pieces == quotes()


def test_quotes_come_in_order_of_receipt_and_never_before_they_were_said():
    said = quotes()
    received = [quote.received_at_ns for quote in said]
    assert received == sorted(received)
    assert all(START <= quote.quoted_at_ns < quote.received_at_ns for quote in said)
    assert max(received) <= START + SECONDS * SECOND_NS


def test_no_quote_is_given_twice_and_times_are_whole_microseconds():
    said = quotes()
    assert len({key(quote) for quote in said}) == len(said)
    assert all(quote.quoted_at_ns % US_NS == 0 and quote.received_at_ns % US_NS == 0 for quote in said)


def test_it_says_20_to_60_quotes_a_second():
    assert 20 * SECONDS <= len(quotes()) <= 60 * SECONDS


def test_nobody_can_take_a_simulated_venue_for_a_real_one():
    assert {quote.worker_id for quote in quotes()} == {"simulated"}
    assert all(quote.venue.startswith("sim-") and is_venue(quote.venue) for quote in quotes())


def test_every_asset_has_three_venues_and_every_currency_three_in_dollars():
    venues: dict[str, set[str]] = {}
    for book in all_books():
        assert is_market(book.market)
        venues.setdefault(book.base.name, set()).add(book.venue.name)
        if book.quote == "USD" and book.base.name in {"USDT", "USDC", "EUR"}:
            venues.setdefault(book.market, set()).add(book.venue.name)
    assert len(ASSETS) == 20
    assert len({book.venue.name for book in all_books()}) >= 8
    assert all(len(names) >= 3 for names in venues.values())
    assert {"USDT/USD", "USDC/USD", "EUR/USD"} <= set(venues)


def test_every_book_quotes_within_ten_seconds():
    assert {(q.venue, q.market) for q in quotes(seconds=10)} == {(b.venue.name, b.market) for b in all_books()}


def test_the_ingest_door_takes_what_it_says():
    for quote in quotes(seconds=3):
        feed = {
            "symbol": quote.market,
            "price": str(quote.price),
            "volume": str(quote.volume),
            "source": quote.venue,
            "timestamp": quote.quoted_at_ns // MS_NS,
            "metadata": msgspec.json.decode(quote.metadata),
        }
        body = msgspec.json.encode({"worker_id": quote.worker_id, "feeds": [feed]})
        batch = read_batch(body, received_at_ns=quote.received_at_ns, rules=Ingest(), worker_id="")
        assert (len(batch.quotes), batch.faults) == (1, [])


def test_venues_agree_on_a_price_within_half_a_percent():
    newest: dict[str, dict[str, float]] = {}
    for quote in quotes():
        newest.setdefault(quote.market, {})[quote.venue] = float(quote.price)
    for prices in newest.values():
        assert max(prices.values()) / min(prices.values()) < 1.005


def test_prices_move():
    prices = {q.price for q in quotes() if (q.venue, q.market) == ("sim-coinbase", "BTC/USD")}
    assert len(prices) > 10


def test_a_month_of_walking_stays_in_sight_of_the_start():
    simulated = market()
    for day in range(1, 31):
        simulated.leap(START + day * 86_400 * SECOND_NS)
    simulated_btc = [
        float(quote.price)
        for quote in simulated.quotes_until(START + (30 * 86_400 + 20) * SECOND_NS)
        if quote.market == "BTC/USD"
    ]
    assert all(67_000 / 2 < price < 67_000 * 2 for price in simulated_btc)


# faults


def test_a_fault_at_one_book_changes_nothing_elsewhere():
    struck = ("sim-kraken", "BTC/USD")
    for kind in (FaultKind.FROZEN, FaultKind.SILENT, FaultKind.LAGGING, FaultKind.WRONG):
        faulty = quotes(faults=[fault(kind, *struck)])
        others = [quote for quote in faulty if (quote.venue, quote.market) != struck]
        assert others == [quote for quote in quotes() if (quote.venue, quote.market) != struck], kind


def of_book(said, venue="sim-kraken", market="BTC/USD", *, struck):
    inside = (START + 30 * SECOND_NS, START + 90 * SECOND_NS)
    book = [quote for quote in said if (quote.venue, quote.market) == (venue, market)]
    return [quote for quote in book if (inside[0] <= quote.quoted_at_ns < inside[1]) == struck]


def test_a_frozen_book_repeats_its_last_price_with_fresh_times():
    said = quotes(faults=[fault(FaultKind.FROZEN, "sim-kraken")])
    before = [q for q in of_book(said, struck=False) if q.quoted_at_ns < START + 30 * SECOND_NS][-1]
    assert {quote.price for quote in of_book(said, struck=True)} == {before.price}
    assert of_book(said, struck=False) == of_book(quotes(), struck=False)


def test_a_silent_book_says_nothing_and_comes_back():
    said = quotes(faults=[fault(FaultKind.SILENT, "sim-kraken")])
    assert of_book(said, struck=True) == []
    assert [key(q) for q in of_book(said, struck=False)] == [key(q) for q in of_book(quotes(), struck=False)]


def test_a_lagging_book_arrives_late_with_its_true_times():
    said = of_book(quotes(faults=[fault(FaultKind.LAGGING, "sim-kraken", factor=20)]), struck=True)
    true = {key(quote): quote for quote in of_book(quotes(seconds=200), struck=True)}
    assert said
    for quote in said:
        assert quote.price == true[key(quote)].price
        assert quote.received_at_ns == true[key(quote)].received_at_ns + 20 * SECOND_NS


def test_a_wrong_book_is_wrong_by_its_factor():
    said = of_book(quotes(faults=[fault(FaultKind.WRONG, "sim-kraken", factor=10)]), struck=True)
    true = of_book(quotes(), struck=True)
    ratios = [float(wrong.price / right.price) for wrong, right in zip(said, true, strict=True)]
    assert all(math.isclose(ratio, 10, rel_tol=1e-5) for ratio in ratios)


def test_a_depeg_moves_the_coin_at_every_venue_and_every_book_quoted_in_it():
    said = quotes(faults=[fault(FaultKind.DEPEG, of="USDC/USD", factor=0.9)])
    true = {key(quote): quote for quote in quotes()}
    moved = {"USDC/USD": 0.9, "BTC/USDC": 1 / 0.9, "BTC/USD": 1.0, "USDT/USD": 1.0}
    for quote in said:
        inside = START + 30 * SECOND_NS <= quote.quoted_at_ns < START + 90 * SECOND_NS
        if inside and quote.market in moved:
            ratio = float(quote.price / true[key(quote)].price)
            assert math.isclose(ratio, moved[quote.market], rel_tol=1e-4), quote


# running


async def test_running_hands_over_what_it_would_have_said_and_nothing_twice():
    clock, simulated, handed = ManualClock(START), market(), []

    async def sink(batch):
        assert batch
        handed.extend(batch)
        if clock.now_ns() >= START + 20 * SECOND_NS:
            raise EnoughError

    running = asyncio.create_task(simulated.run(clock, sink))
    while not running.done():
        clock.advance(50 * MS_NS)
        await asyncio.sleep(0)
    with pytest.raises(EnoughError):
        running.result()
    assert handed == quotes(seconds=(clock.now_ns() - START) // SECOND_NS + 1)[: len(handed)]
    assert len(handed) > 400


async def test_after_a_sleep_of_the_machine_it_goes_on_from_now():
    clock, simulated, handed = ManualClock(START), market(), []

    async def sink(batch):
        handed.append(batch)

    running = asyncio.create_task(simulated.run(clock, sink))
    await asyncio.sleep(0)
    clock.advance(8 * 3600 * SECOND_NS)
    for _ in range(100):
        await asyncio.sleep(0)
        clock.advance(100 * MS_NS)
    running.cancel()
    late = [quote for batch in handed for quote in batch if quote.received_at_ns > START + 60 * SECOND_NS]
    assert 100 < len(late) < 1000
    assert min(quote.quoted_at_ns for quote in late) >= START + 8 * 3600 * SECOND_NS


@pytest.mark.parametrize(
    ("number", "written"),
    [(67234.5678, "67234.57"), (0.0178123456, "0.01781235"), (1.00019999, "1.000200"), (1234567.8, "1234567.80")],
)
def test_prices_are_written_with_seven_digits(number, written):
    assert rounded(number) == Decimal(written)
