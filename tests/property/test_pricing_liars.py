"""No single venue of five or more can take a price out of what the honest ones say, by whatever books it speaks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.desk import VENUES, Desk, quote

LIAR = "cedar"
ROUNDING = 1e-10  # prices leave with twelve digits

crowd = st.integers(5, 7)
anywhere = st.one_of(
    st.sampled_from(["1e-12", "0.01", "0.5", "10", "99", "101", "1000", "100000", "1e15"]),
    st.floats(1e-9, 1e12).map(lambda price: f"{price:.6g}"),
)
lies = st.lists(
    st.tuples(anywhere, st.floats(-4.9, 179), st.sampled_from([None, "1e-9", "1", "1e12"])), min_size=1, max_size=20
)


def around(middle: float) -> st.SearchStrategy[list[str]]:
    """What five to seven venues say, within half a percent of `middle`."""
    price = st.floats(middle * 0.995, middle * 1.005).map(lambda value: f"{value:.8g}")
    return crowd.flatmap(lambda n: st.lists(price, min_size=n, max_size=n))


def spoken(desk: Desk, market: str, prices: list[str], said) -> tuple[float, float]:
    """Have every venue but the liar say its price, and the liar its lies. Returns the honest range."""
    fair = {venue: price for venue, price in zip(VENUES, prices, strict=False) if venue != LIAR}
    desk.window.add([quote(market, venue, price) for venue, price in fair.items()])
    desk.window.add([quote(market, LIAR, price, age_s=age, volume=volume) for price, age, volume in said])
    return min(map(float, fair.values())), max(map(float, fair.values()))


def within(price: Decimal, low: float, high: float) -> bool:
    return low * (1 - ROUNDING) <= float(price) <= high * (1 + ROUNDING)


@given(around(100), lies)
def test_a_liar_cannot_take_a_direct_price_out_of_the_honest_range(prices, said):
    desk = Desk()
    low, high = spoken(desk, "BTC/USD", prices, said)
    assert within(desk.price("BTC/USD").price, low, high)


@pytest.mark.parametrize("peg", [1.0, 0.9])
@given(books=around(100), edge=around(1.0), said=lies, said_of_edge=lies)
def test_a_liar_cannot_take_a_converted_price_out_of_what_honest_books_and_edges_make(
    peg, books, edge, said, said_of_edge
):
    desk = Desk()
    low, high = spoken(desk, "BTC/USDT", books, said)
    rates = [f"{float(rate) * peg:.8g}" for rate in edge]
    low_rate, high_rate = spoken(desk, "USDT/USD", rates, said_of_edge)
    assert within(desk.price("BTC/USD").price, low * low_rate, high * high_rate)


@given(around(100), around(1.0), lies, lies, st.integers(0, 4))
def test_a_liar_cannot_hide_among_direct_and_converted_books(prices, edge, said, said_of_edge, direct):
    desk = Desk()
    low_rate, high_rate = spoken(desk, "USDT/USD", edge, said_of_edge)
    # Some honest venues quote dollars, the others Tether; the liar quotes both.
    fair = [(venue, price) for venue, price in zip(VENUES, prices, strict=False) if venue != LIAR]
    books = [("BTC/USD" if place < direct else "BTC/USDT", *one) for place, one in enumerate(fair)]
    desk.window.add([quote(market, venue, price) for market, venue, price in books])
    for market in ("BTC/USD", "BTC/USDT"):
        desk.window.add([quote(market, LIAR, price, age_s=age, volume=volume) for price, age, volume in said])
    rates = {"BTC/USD": (1.0, 1.0), "BTC/USDT": (low_rate, high_rate)}
    lowest = min(float(price) * rates[market][0] for market, _, price in books)
    highest = max(float(price) * rates[market][1] for market, _, price in books)
    assert within(desk.price("BTC/USD").price, lowest, highest)


@given(around(100), st.floats(0.5, 1.5), st.integers(3, 7))
def test_a_depegged_coin_converts_by_its_own_price_whatever_that_is(books, peg, n):
    desk = Desk()
    desk.all_say("USDT/USD", f"{peg:.8f}", n=n)
    low, high = spoken(desk, "BTC/USDT", books, [(books[0], 1, None)])
    assert within(
        desk.price("BTC/USD").price,
        min(low, float(books[0])) * peg * 0.9999999,
        max(high, float(books[0])) * peg * 1.0000001,
    )


@given(around(100), around(1.0))
def test_what_is_told_of_a_market_does_not_depend_on_the_order_of_arrival(prices, edge):
    one, other = Desk(), Desk()
    said = [quote("BTC/USDT", venue, price) for venue, price in zip(VENUES, prices, strict=False)]
    said += [quote("USDT/USD", venue, price) for venue, price in zip(VENUES, edge, strict=False)]
    one.window.add(said)
    other.window.add(reversed(said))
    first, second = one.price("BTC/USD"), other.price("BTC/USD")
    assert first.evidence.derivation() == second.evidence.derivation()
