"""What the audit says of single books, on maps of a few venues."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from chrono.market.audit import audit, candidates
from chrono.market.audit_words import Heard, Kind, Listing, Round, Told
from chrono.market.map import MarketMap
from chrono.market.names import Venue

HOUR_NS = 3600 * 10**9
VENUES = ("aa", "bb", "cc", "dd")
PLAIN = 'BTCUSD = "USD"'


def map_of(**books: str) -> MarketMap:
    """BTC and ETH in USD at each venue; `books` replaces a venue's line of BTC."""
    lines = ['[BTC]\nname = "B"\nfeed = "BTC/USD"\ndecimals = 2\nformerly = ["XBT"]\n[BTC.books]']
    lines += [f"{venue} = {{ {books.get(venue, PLAIN)} }}" for venue in VENUES]
    lines += ['[ETH]\nname = "E"\nfeed = "ETH/USD"\ndecimals = 3\n[ETH.books]']
    lines += [f'{venue} = {{ ETHUSD = "USD" }}' for venue in VENUES]
    return MarketMap.read("\n".join(lines))


def listing(symbol: str, *, active: bool = True) -> Listing:
    return Listing(symbol, symbol[:3], symbol[3:], active)


def heard(venue: str, *btc: str, symbol: str = "BTCUSD", listed: tuple[Listing, ...] | None = None, **more) -> Heard:
    """A venue with these prices of BTC, an hour apart, and a moving ETH."""
    listings = (listing("BTCUSD"), listing("ETHUSD")) if listed is None else listed
    rounds = []
    for number, price in enumerate(btc):
        prices = {symbol: Told(Decimal(price), more.get("quoted_at_ns"))} if price else {}
        rounds.append(Round((10 + number) * HOUR_NS, {**prices, "ETHUSD": Told(Decimal(3000 + number))}))
    return Heard(Venue(venue), listings, tuple(rounds), more.get("trouble", ""))


def world(*odd: Heard, prices: tuple[str, ...] = ("100", "101")) -> list[Heard]:
    named = {one.venue: one for one in odd}
    return [named.get(Venue(venue)) or heard(venue, *prices) for venue in VENUES]


def kinds(map_: MarketMap, said: list[Heard], **how) -> list[tuple[str, str]]:
    return [(one.kind.value, one.venue) for one in audit(map_, said, **how).findings]


def test_venues_that_agree_have_no_findings() -> None:
    report = audit(map_of(), world())
    assert (report.findings, report.books, report.priced) == ((), 8, 8)


@pytest.mark.parametrize(
    ("prices", "kind"),
    [
        (("0.004", "0.00396"), "inverted"),
        (("2500", "2525"), "tenfold"),
        (("2.5", "2.525"), "tenfold"),
        (("93", "95"), "wrong_asset"),
        (("250", "250"), "frozen"),
        (("257", "257"), "frozen"),
        (("225", "225"), "frozen"),
    ],
)
def test_a_price_unlike_the_others_is_explained(prices: tuple[str, str], kind: str) -> None:
    peers = ("250", "255") if kind == "frozen" else ("250", "252.5")
    assert kinds(map_of(), world(heard("aa", *prices), prices=peers)) == [(kind, "aa")]


def test_a_jump_in_one_round_alone_is_no_fault_of_the_map() -> None:
    assert kinds(map_of(), world(heard("aa", "1000", "101"))) == []
    assert kinds(map_of(), world(heard("aa", "100", "1010"))) == []


def test_a_price_that_rests_while_nothing_moves_is_no_fault() -> None:
    assert kinds(map_of(), world(heard("aa", "100", "100"), prices=("100", "100.1"))) == []


def test_a_price_that_is_old_by_its_own_time_is_frozen_though_the_market_hardly_moved() -> None:
    old = heard("aa", "100", "100", quoted_at_ns=1 * HOUR_NS)
    assert kinds(map_of(), world(old, prices=("100", "100.1"))) == [("frozen", "aa")]


def test_a_book_that_is_gone_is_renamed_only_to_an_unmapped_active_book_in_its_quote() -> None:
    eth = listing("ETHUSD")
    assert kinds(map_of(), world(heard("aa", "", "", listed=(eth,)))) == [("unlisted", "aa")]
    assert kinds(map_of(), world(heard("aa", "", "", listed=(eth, listing("XBTUSD"))))) == [("renamed", "aa")]
    assert kinds(map_of(), world(heard("aa", "", "", listed=(eth, listing("XBTEUR"))))) == [("unlisted", "aa")]
    inactive = (eth, listing("XBTUSD", active=False))
    assert kinds(map_of(), world(heard("aa", "", "", listed=inactive))) == [("unlisted", "aa")]


def test_a_book_that_is_listed_and_not_traded_is_inactive() -> None:
    listed = (listing("BTCUSD", active=False), listing("ETHUSD"))
    assert kinds(map_of(), world(heard("aa", "100", "101", listed=listed))) == [("inactive", "aa")]


@pytest.mark.parametrize(
    ("base", "quote", "kind"),
    [("USD", "BTC", "inverted"), ("BTC", "EUR", "wrong_quote"), ("WBTC", "USD", "wrong_asset"), ("xbt", "usd", None)],
)
def test_a_list_that_means_another_pair_speaks_before_the_price(base: str, quote: str, kind: str | None) -> None:
    listed = (Listing("BTCUSD", base, quote, True), listing("ETHUSD"))
    assert kinds(map_of(), world(heard("aa", "100", "101", listed=listed))) == ([(kind, "aa")] if kind else [])


def test_books_that_their_list_speaks_against_are_no_measure_for_others() -> None:
    listed = (Listing("BTCUSD", "WBTC", "USD", True), listing("ETHUSD"))
    said = world(*(heard(venue, "5", "5.1", listed=listed) for venue in ("aa", "bb")))
    assert kinds(map_of(), said) == [("wrong_asset", "aa"), ("wrong_asset", "bb")]


def test_a_book_without_a_price_is_told_when_its_venue_tells_others() -> None:
    assert kinds(map_of(), world(heard("aa", "", ""))) == [("unpriced", "aa")]


def test_a_venue_that_cannot_be_read_is_one_finding_and_not_one_for_each_book() -> None:
    silent = Heard(Venue("aa"), None, (), "no answer")
    assert kinds(map_of(), world(silent)) == [("unheard", "aa")]


def test_two_venues_that_differ_without_a_third_are_disputed() -> None:
    said = [one for one in world(heard("aa", "50", "50.5")) if one.venue in ("aa", "bb")]
    assert kinds(map_of(), said) == [("disputed", "aa")]


def test_findings_are_narrowed_to_the_feeds_asked_for() -> None:
    said = world(heard("aa", "1000", "1010"))
    assert kinds(map_of(), said, feeds=["ETH/USD"]) == []
    assert audit(map_of(), said, feeds=["ETH/USD"]).books == 4


def test_an_addition_is_proposed_at_the_price_of_the_others_only() -> None:
    fresh = map_of()
    assets = {**fresh.assets}
    assets["BTC"] = MarketMap.read(
        '[BTC]\nname = "B"\nfeed = "BTC/USD"\ndecimals = 2\n[BTC.books]\n'
        + "\n".join(f'{venue} = {{ BTCUSD = "USD" }}' for venue in VENUES[1:])
    ).assets["BTC"]
    map_ = MarketMap(assets, fresh.spelled)
    report = audit(map_, world())
    assert [(one.kind, one.venue, one.is_fault) for one in report.findings] == [(Kind.MISSING, "aa", False)]
    assert report.findings[0].remedy == 'add BTCUSD = "USD" to [BTC.books] aa'
    assert kinds(map_, world(heard("aa", "37", "38"))) == []  # a ticker that another coin has there


def test_the_prices_of_what_could_be_added_are_asked_for_too() -> None:
    map_ = map_of(aa='OTHER = "EUR"')
    told = candidates(map_, heard("ee", "100"))
    assert set(told) == {"BTCUSD", "ETHUSD"}
    assert set(candidates(map_, Heard(Venue("aa"), None, ()))) == {"OTHER", "ETHUSD"}


def test_the_price_of_a_symbol_that_is_not_listed_any_more_is_not_asked_for() -> None:
    # Binance and Kraken refuse a whole request for one unknown symbol.
    assert candidates(map_of(aa='OTHER = "EUR"'), heard("aa", "100")) == ["ETHUSD"]


def test_a_wrong_quote_is_known_by_what_the_price_is_in() -> None:
    euros = 'BTCEUR = "EUR"'
    map_ = map_of(bb=euros, cc=euros)
    listed = (listing("BTCEUR"), listing("ETHUSD"))
    said = world(
        heard("bb", "80", "81", symbol="BTCEUR", listed=listed),
        heard("cc", "80", "81", symbol="BTCEUR", listed=listed),
        heard("dd", "80", "81"),
    )
    more = Heard(Venue("ee"), (listing("BTCUSD"),), tuple(Round(0, {"BTCUSD": Told(Decimal(p))}) for p in (100, 101)))
    assert ("wrong_quote", "dd") in kinds(_with(map_, "ee"), [*said, more])


def _with(map_: MarketMap, venue: str) -> MarketMap:
    own = MarketMap.read(f'[BTC]\nname = "B"\n[BTC.books]\n{venue} = {{ BTCUSD = "USD" }}').assets["BTC"]
    btc = map_.assets["BTC"]
    return MarketMap({**map_.assets, "BTC": replace(btc, books=(*btc.books, *own.books))}, map_.spelled)
