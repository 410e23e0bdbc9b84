"""A market map of what the recorded instrument lists hold, with the prices of the simulated market, and planted faults.

The lists are third-party recordings of 2021 and 2022, read where they lie: the map is made anew from them each time.
"""

import ast
import gzip
import re
from collections.abc import Iterator
from decimal import Decimal
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.ingest.venues.roster import NAMES, spec_of
from chrono.market.audit_words import Heard, Kind, Listing, Round, Told
from chrono.market.map import MarketMap
from chrono.market.map_reading import Book
from chrono.market.names import Market, Venue, base_of, quote_of
from chrono.simulation.market import SimulatedMarket, rounded
from chrono.simulation.venues import ASSETS
from tests.fakes.recordings import FOLDER

FILES = {
    "coinbase": "COINBASE",
    "binance": "BINANCE",
    "binanceus": "BINANCE_US",
    "kraken": "KRAKEN",
    "okx": "OKX",
    "gate": "GATEIO",
    "kucoin": "KUCOIN",
    "bitget": "BITGET",
    "htx": "HUOBI",
    "cryptocom": "CRYPTO.COM",
    "bitstamp": "BITSTAMP",
    "bitfinex": "BITFINEX",
    "upbit": "UPBIT",
}
"""Venues whose recorded list names spot pairs with their currencies."""

TICKERS = {asset.name for asset in ASSETS} | {"USDT", "USDC", "EUR"}
QUOTES = ("USD", "USDT", "USDC", "EUR", "KRW")
SPELLED = {"bitfinex": {"ALG": "ALGO", "ATO": "ATOM", "UDC": "USDC", "UST": "USDT"}}
NOW = {"POL": "MATIC", "SGB": "", "FLR": ""}
"""The lists are older than the ticker POL."""

KRW_USD = Decimal("0.00072")
START_NS = 1_790_000_000 * SECOND_NS
APART_S = 1800
ROUNDS = 3

_ASKED = re.compile(rb"^(https?://\S+) -> [0-9.]+: ")


class World(Struct):
    """What an audit is given."""

    map: MarketMap
    heard: dict[Venue, Heard]


def recorded_lists() -> dict[str, list[Listing]]:
    """The list of each venue that has one, as its folder reads it."""
    return {name: list(_listings(name, FILES[name])) for name in NAMES if name in FILES}


def clean_world(seed: int) -> World:
    """The map of the recorded lists, and what the venues would say: nothing is wrong."""
    lists = recorded_lists()
    map_ = MarketMap.read(_map_text(lists), "recorded")
    prices = simulated_prices(seed)
    heard = {}
    for number, (name, listings) in enumerate(lists.items()):
        chance = Random(f"{seed}:{name}")
        rounds = tuple(
            Round(
                START_NS + at * APART_S * SECOND_NS,
                {s: Told(_price(market, said, number, chance)) for s, market in map_.books(name).items()},
            )
            for at, said in enumerate(prices)
        )
        heard[Venue(name)] = Heard(Venue(name), tuple(listings), rounds)
    return World(map_, heard)


def simulated_prices(seed: int) -> list[dict[Market, list[Decimal]]]:
    """For each round what the simulated venues last said of each market."""
    market = SimulatedMarket(seed, START_NS)
    rounds = []
    for at in range(ROUNDS):
        at_ns = START_NS + (at + 1) * APART_S * SECOND_NS
        market.leap(at_ns - 60 * SECOND_NS)
        last = {(quote.market, quote.venue): quote.price for quote in market.quotes_until(at_ns)}
        said: dict[Market, list[Decimal]] = {}
        for (pair, _), price in sorted(last.items()):
            said.setdefault(pair, []).append(price)
        rounds.append(said)
    return rounds


def _listings(name: str, file: str) -> Iterator[Listing]:
    with gzip.open(FOLDER / "cryptofeed" / f"{file}.0.gz", "rb") as lines:
        for line in lines:
            asked = _ASKED.match(line)
            if asked is None:
                continue
            body = line[asked.end() :].strip()
            body = ast.literal_eval(body.decode()) if body[:2] in (b"b'", b'b"') else body
            for found in spec_of(name).rest.parse_instruments(body):
                yield Listing(found.symbol, found.base, found.quote, found.active)
            return


def _map_text(lists: dict[str, list[Listing]]) -> str:
    books: dict[str, dict[str, dict[str, str]]] = {}
    for name, listings in lists.items():
        for listing in sorted(listings, key=lambda one: one.symbol):
            base, quote = (_ours(name, ticker) for ticker in (listing.base, listing.quote))
            at = books.setdefault(base, {}).setdefault(name, {})
            if listing.active and base in TICKERS and quote in QUOTES and base != quote and quote not in at.values():
                at[listing.symbol] = quote
    lines = [
        f"[spelled.{name}]\n" + "".join(f'{k} = "{v}"\n' for k, v in names.items()) for name, names in SPELLED.items()
    ]
    for ticker in sorted(TICKERS & books.keys()):
        head = "" if ticker == "EUR" else f'feed = "{ticker}/USD"\ndecimals = 5\n'
        head += f'now = ["{NOW[ticker]}"]\n' if NOW.get(ticker) else ""
        lines.append(f'[{ticker}]\nname = "{ticker}"\n{head}[{ticker}.books]')
        for name, symbols in books[ticker].items():
            if symbols:
                lines.append(f"{name} = {{ " + ", ".join(f'"{k}" = "{v}"' for k, v in symbols.items()) + " }")
    return "\n".join(lines) + "\n"


def _ours(name: str, ticker: str) -> str:
    spelled = SPELLED.get(name, {}).get(ticker.upper(), ticker.upper())
    return next((ours for ours, now in NOW.items() if now == spelled), spelled)


def _price(market: Market, said: dict[Market, list[Decimal]], number: int, chance: Random) -> Decimal:
    """What venue `number` says: a simulated venue's own price where one quotes the market, else one made of them."""
    if market in said:
        return said[market][number % len(said[market])]
    base, quote = market.split("/")
    noise = Decimal(str(1 + chance.gauss(0.0, 0.0002)))
    return rounded(float(_usd(base, said, number) / _usd(quote, said, number) * noise))


def _usd(ticker: str, said: dict[Market, list[Decimal]], number: int) -> Decimal:
    if ticker in ("USD", "KRW"):
        return Decimal(1) if ticker == "USD" else KRW_USD
    prices = said[Market(f"{ticker}/USD")]
    return prices[number % len(prices)]


# Planted faults


class Planted(Struct):
    """A world with faults, and what must be found: the kind by venue and symbol."""

    world: World
    wanted: dict[tuple[str, str], Kind]


PLAN = (
    *(("frozen", Kind.FROZEN),) * 3,
    *(("unlisted", Kind.UNLISTED),) * 4,
    *(("inactive", Kind.INACTIVE),) * 3,
    *(("renamed", Kind.RENAMED),) * 3,
    *(("unpriced", Kind.UNPRICED),) * 3,
    *(("list_inverted", Kind.INVERTED),) * 1,
    *(("list_quote", Kind.WRONG_QUOTE),) * 2,
    *(("list_asset", Kind.WRONG_ASSET),) * 2,
    *(("price_inverted", Kind.INVERTED),) * 2,
    *(("price_quote", Kind.WRONG_QUOTE),) * 2,
    *(("price_tenfold", Kind.TENFOLD),) * 3,
    *(("price_asset", Kind.WRONG_ASSET),) * 2,
)


def planted_world(seed: int) -> Planted:
    """Thirty faults of every kind, spread by chance over books that enough venues quote."""
    world, chance = clean_world(seed), Random(f"faults:{seed}")
    planter = _Planter(world, simulated_prices(seed)[0], chance)
    for how, kind in PLAN:
        book = planter.choose(how)
        planter.plant(how, book)
        planter.wanted[book.venue, book.symbol] = kind
    return Planted(planter.world, planter.wanted)


class _Planter:
    """Makes one fault after the other. No asset gets more than two, so that its honest venues stay the majority."""

    def __init__(self, world: World, said: dict[Market, list[Decimal]], chance: Random) -> None:
        self.world = world
        self.wanted: dict[tuple[str, str], Kind] = {}
        self._chance = chance
        self._count: dict[str, int] = {}
        self._said = said

    def choose(self, how: str) -> Book:
        good = [book for book in self.world.map.all_books if self._suits(book, how)]
        book = self._chance.choice(sorted(good, key=lambda one: (one.venue, one.symbol)))
        self._count[base_of(book.market)] = self._count.get(base_of(book.market), 0) + 1
        return book

    def _suits(self, book: Book, how: str) -> bool:
        asset = base_of(book.market)
        venues = self.world.map.venues_of(f"{asset}/USD")
        coin = asset not in ("USDT", "USDC", "EUR", "BTC")
        free = self._count.get(asset, 0) < 2 and (book.venue, book.symbol) not in self.wanted
        alone = sum(one.venue == book.venue and base_of(one.market) == asset for one in self.world.map.all_books) == 1
        if not (coin and free and len(venues) >= 6):
            return False
        return alone if how == "renamed" else how != "frozen" or self._moved(book)

    def _moved(self, book: Book) -> bool:
        """Whether a frozen price would show: its market went somewhere."""
        first, *_, last = (one.prices[book.symbol].price for one in self.world.heard[book.venue].rounds)
        return abs(last / first - 1) > Decimal("0.008")

    def plant(self, how: str, book: Book) -> None:
        heard = self.world.heard[book.venue]
        listings = list(heard.listings or ())
        place = next(at for at, one in enumerate(listings) if one.symbol == book.symbol)
        listing = listings[place]
        match how:
            case "unlisted":
                del listings[place]
            case "inactive":
                listings[place] = replace(listing, active=False)
            case "renamed":
                listings[place] = replace(listing, symbol=f"{listing.symbol}NEW")
            case "list_inverted":
                listings[place] = replace(listing, base=listing.quote, quote=listing.base)
            case "list_quote":
                listings[place] = replace(listing, quote="USDC" if quote_of(book.market) != "USDC" else "USDT")
            case "list_asset":
                listings[place] = replace(listing, base="STETH")
        rounds = tuple(self._changed(how, book, one, heard.rounds[0]) for one in heard.rounds)
        self.world.heard[book.venue] = replace(heard, listings=tuple(listings), rounds=rounds)

    def _quoted_by_mistake(self, book: Book) -> Decimal:
        """What another currency costs, which the venue's price is in though its list says otherwise."""
        wrong = "EUR" if len(self.wanted) % 2 and quote_of(book.market) != "EUR" else "BTC"
        return _usd(wrong, self._said, 0) / _usd(quote_of(book.market), self._said, 0)

    def _changed(self, how: str, book: Book, one: Round, first: Round) -> Round:
        prices = dict(one.prices)
        price = prices[book.symbol].price
        match how:
            case "unpriced":
                del prices[book.symbol]
            case "price_inverted":
                prices[book.symbol] = Told(1 / price)
            case "price_quote":
                prices[book.symbol] = Told(price / self._quoted_by_mistake(book))
            case "price_tenfold":
                prices[book.symbol] = Told(price * Decimal(10) ** (1 + len(self.wanted) % 3))
            case "price_asset":
                prices[book.symbol] = Told(price * Decimal("2.37"))
            case "frozen":
                prices[book.symbol] = first.prices[book.symbol]
        return Round(one.at_ns, prices)
