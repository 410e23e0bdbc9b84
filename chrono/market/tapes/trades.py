"""Tapes of trades as table: one row per fill, several venues in one file.

Columns: `ts_us` (venue's time) and `local_ts_us` (receipt) in microseconds since 1970, `exchange`, `symbol` in the
venue's own spelling, `price`, `amount`, and, where known, `side` of the taker.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from chrono.clock import US_NS
from chrono.market.names import Market, Venue, is_venue
from chrono.market.quote import Quote, Trade
from chrono.market.spelling import pair_of
from chrono.market.tapes.columns import Ordered, positive
from chrono.market.tapes.numbers import Decimals
from chrono.market.tapes.tape import Event, Selection, Survey

if TYPE_CHECKING:
    import polars as pl

REQUIRED = ("ts_us", "local_ts_us", "exchange", "symbol", "price", "amount")


class _Book:
    """One venue's market, and where it stands on the tape."""

    __slots__ = ("market", "perpetual", "sequence", "traded_at_ns", "venue")

    def __init__(self, venue: Venue, market: Market, *, perpetual: bool) -> None:
        self.venue, self.market, self.perpetual = venue, market, perpetual
        self.traded_at_ns = -1
        self.sequence = 0

    def number(self, traded_at_ns: int) -> int:
        """0 for the venue's first trade of this microsecond, then 1, 2, …"""
        self.sequence = self.sequence + 1 if traded_at_ns == self.traded_at_ns else 0
        self.traded_at_ns = traded_at_ns
        return self.sequence


class TradesTape:
    """A table of trades. A row of a spot book becomes a Trade, known when it was received.

    A perpetual's amounts are contracts, not units of the base, so its rows become quotes of unknown volume, one
    per microsecond (the first), and only when the selection asks for perpetuals.
    """

    layout = "trades"

    def __init__(self, path: Path, table: "pl.LazyFrame", selection: Selection) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()
        self.faults: list[str] = []
        self._selection = selection
        self._rows = Ordered(path, _normal(table), ("exchange", "symbol"), selection)
        self._decimals = Decimals()

    def survey(self) -> Survey:
        """Books and times; reads three columns of the file."""
        survey = Survey()
        for batch in self._rows.batches("known_ns", "exchange", "symbol"):
            survey.spread(batch["known_ns"].min(), batch["known_ns"].max(), batch.height)  # type: ignore[arg-type]
            for exchange, symbol in batch.select("exchange", "symbol").unique().iter_rows():
                book = self._book(exchange, symbol)
                if isinstance(book, _Book):
                    survey.add(book.venue, book.market, taken=self._left_out(book) is None)
        return survey

    def slices(self) -> Iterator[list[Event]]:
        """Every trade, in order of receipt."""
        self.skipped.clear()
        if lost := self._rows.lost():
            self.skipped["no_time_or_name"] = lost
        books: dict[tuple[str, str], _Book | str] = {}
        for slice_ in self._rows.slices():
            yield self._events(slice_, books)

    def _events(self, slice_: "pl.DataFrame", books: dict[tuple[str, str], _Book | str]) -> list[Event]:
        events: list[Event] = []
        decimals, skipped = self._decimals, self.skipped
        for known_ns, ts_ns, exchange, symbol, side, price, amount in zip(*slice_.get_columns(), strict=True):
            book = books.get((exchange, symbol))
            if book is None:
                book = books[exchange, symbol] = self._taken(exchange, symbol)
            if isinstance(book, str):
                skipped[book] += 1
            elif price is None or amount is None or ts_ns is None:
                skipped["bad_number"] += 1
            elif book.perpetual:
                if book.number(ts_ns):
                    skipped["same_microsecond"] += 1
                else:
                    events.append(Quote(book.venue, book.market, decimals[price], None, ts_ns, known_ns))
            else:
                events.append(_trade(book, decimals[price], decimals[amount], side, ts_ns, known_ns))
        return events

    def _taken(self, exchange: str, symbol: str) -> _Book | str:
        """The book, or why its rows are skipped."""
        book = self._book(exchange, symbol)
        return book if isinstance(book, str) else self._left_out(book) or book

    def _book(self, exchange: str, symbol: str) -> _Book | str:
        pair = pair_of(symbol, exchange)
        if pair is None:
            return f"unknown_symbol:{symbol}"
        if not is_venue(exchange):
            return f"bad_venue:{exchange}"
        return _Book(Venue(exchange), pair.market, perpetual=pair.perpetual)

    def _left_out(self, book: _Book) -> str | None:
        if book.perpetual and not self._selection.perpetuals:
            return "perpetual"
        return None if self._selection.takes(book.venue, book.market) else "not_selected"


def _trade(book: _Book, price: Decimal, amount: Decimal, side: str | None, ts_ns: int, known_ns: int) -> Trade:
    return Trade(book.venue, book.market, price, amount, side or "", ts_ns, known_ns, book.number(ts_ns))


def _normal(table: "pl.LazyFrame") -> "pl.LazyFrame":
    """The columns in a fixed order and unit; a number that is no positive finite one becomes null."""
    import polars as pl

    side = pl.col("side").cast(pl.String) if "side" in table.collect_schema() else pl.lit("").alias("side")
    return table.select(
        (pl.col("local_ts_us").cast(pl.Int64, strict=False) * US_NS).alias("known_ns"),
        (pl.col("ts_us").cast(pl.Int64, strict=False) * US_NS).alias("ts_ns"),
        pl.col("exchange").cast(pl.String).str.to_lowercase(),
        pl.col("symbol").cast(pl.String),
        side,
        positive("price"),
        positive("amount"),
    )
