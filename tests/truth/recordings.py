"""Which recordings are measured, which markets lie on them, and who could be left out of each."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, Venue, base_of, is_market, quote_of
from chrono.market.tapes import Selection, Tape, open_tape
from chrono.market.tapes.tape import END_NS
from chrono.settings import Pricing

ENOUGH = 3
"""Sources that must remain for a target to be set."""


class Recording(NamedTuple):
    """One file and how it is read. `without` are books that may not count; `incident`: a day that went wrong.

    The left-out source is a yardstick while its last deal is younger than `fresh_s`. `span`: only this much of it.
    """

    name: str
    file: str
    every_s: int
    fresh_s: int
    perpetuals: bool = False
    without: tuple[str, ...] = ()
    incident: bool = False
    span: tuple[int, int] = (0, END_NS)
    day: str = ""

    @property
    def tape(self) -> str:
        """What it is a recording of: the files of one day are one tape."""
        return self.day or self.name


DEPEG = Recording("USDC depeg 2023-03", "usdc_depeg_2023-03-01_14_1m.parquet", 60, 60, False, ("cryptocompare",), True)
"""The index on it repeats each hour's last price from the hour's first minute on: it knows the future."""

CRASH = "crash 2025-10-10"

RECORDINGS = (
    DEPEG,
    *(
        Recording(f"{CRASH} {base}", f"crash_2025-10-10_trades/{base}.parquet", 1, 15, True, (), True, day=CRASH)
        for base in ("AVAX", "POL", "LINK", "XLM", "BTC", "ETH", "XRP")
    ),
    Recording("lean 2022-12-13", "lean_2022-12-13_btc_trades_1m.parquet", 60, 60),
    Recording("lean Coinbase 2016-2017", "lean_coinbase_2016-2017_trades_1m.parquet", 60, 60),
    Recording("USDe 2025-10", "usde_depeg_2025-10_binance_1m.parquet", 60, 60, incident=True),
)


class Inquiry(NamedTuple):
    """One market of one recording with all sources that speak for it."""

    recording: Recording
    target: Market
    sources: tuple[Venue, ...]

    @property
    def left(self) -> int:
        """How many sources remain when one is left out."""
        return len(self.sources) - 1

    @property
    def thin(self) -> bool:
        """Too few remain for a target."""
        return self.left < ENOUGH

    @property
    def name(self) -> str:
        """What the tables call it."""
        return f"{self.recording.name}: {self.target}"


def opened(recording: Recording, data: Path, *, without: tuple[str, ...] = (), books: tuple[str, ...] = ()) -> Tape:
    """The recording as a tape, without what is left out."""
    selection = Selection(books, (*recording.without, *without), recording.perpetuals, *recording.span)
    return open_tape(data / recording.file, selection)


def inquiries(recording: Recording, data: Path) -> list[Inquiry]:
    """Every market that lies on a recording, and every base in USD where conversions lead there."""
    dealt = _dealt(recording, data)
    books = sorted({market for _, market in dealt})
    graph = QuoteGraph.build(Pricing().edges)
    dollars = [Market(f"{base_of(book)}/USD") for book in books]
    found = []
    for target in dict.fromkeys(sorted([*books, *(market for market in dollars if is_market(market))])):
        sources = speakers(target, dealt, graph)
        if sources and base_of(target) != quote_of(target):
            found.append(Inquiry(recording, target, tuple(sorted(sources))))
    return found


def speakers(target: Market, dealt: Counter[tuple[Venue, Market]], graph: QuoteGraph) -> set[Venue]:
    """The venues that can speak for a market: directly, or through edges that somebody on the tape prices."""
    books = sorted({market for _, market in dealt})
    own_only = target in books and quote_of(target) != "USD" and target not in graph.edges
    found: set[Venue] = set()
    for path in graph.paths(target, [target] if own_only else books):
        if all(speakers(step.edge, dealt, graph) for step in path.steps):
            found |= {venue for venue, market in dealt if market == path.book}
    return found


def _dealt(recording: Recording, data: Path) -> Counter[tuple[Venue, Market]]:
    """The books in which somebody dealt: one that only repeats its price is no source."""
    events = (event for part in opened(recording, data).slices() for event in part)
    return Counter((event.venue, event.market) for event in events)
