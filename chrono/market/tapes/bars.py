"""Tapes of one-minute bars as table: what each book did in each minute.

Columns: `ts` (the minute's opening), `source`, `base`, `quote`, `close`, `volume` (base units).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue, is_market, is_venue
from chrono.market.quote import Quote
from chrono.market.tapes.columns import Ordered, positive
from chrono.market.tapes.numbers import Decimals
from chrono.market.tapes.tape import Event, Selection, Survey

if TYPE_CHECKING:
    import polars as pl

REQUIRED = ("ts", "source", "base", "quote", "close", "volume")
BAR_NS = 60 * SECOND_NS


class BarsTape:
    """A table of one-minute bars. A bar becomes a quote of its close at the end of its minute, never earlier.

    A bar without volume says nothing: no trade was made, its close only repeats an older one. It gives no quote,
    so that the age of the last price dealt goes on.
    """

    layout = "one-minute bars"

    def __init__(self, path: Path, table: "pl.LazyFrame", selection: Selection) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()
        self.faults: list[str] = []
        self._selection = selection
        self._rows = Ordered(path, _normal(table), ("source", "market"), selection)
        self._decimals = Decimals()

    def survey(self) -> Survey:
        """Books and times; reads three columns of the file."""
        survey = Survey()
        for batch in self._rows.batches("known_ns", "source", "market"):
            survey.spread(batch["known_ns"].min(), batch["known_ns"].max(), batch.height)  # type: ignore[arg-type]
            for source, market in batch.select("source", "market").unique().iter_rows():
                if is_venue(source) and is_market(market):
                    taken = self._selection.takes(Venue(source), Market(market))
                    survey.add(Venue(source), Market(market), taken=taken)
        return survey

    def slices(self) -> Iterator[list[Event]]:
        """Every dealt bar, in order of its end."""
        self.skipped.clear()
        if lost := self._rows.lost():
            self.skipped["no_time_or_name"] = lost
        verdicts: dict[tuple[str, str], str] = {}
        for slice_ in self._rows.slices():
            yield self._events(slice_, verdicts)

    def _events(self, slice_: "pl.DataFrame", verdicts: dict[tuple[str, str], str]) -> list[Event]:
        events: list[Event] = []
        decimals = self._decimals
        for known_ns, source, market, close, volume in zip(*slice_.get_columns(), strict=True):
            verdict = verdicts.get((source, market))
            if verdict is None:
                verdict = verdicts[source, market] = self._verdict(source, market)
            if verdict or volume is None or close is None:
                self.skipped[verdict or ("no_volume" if volume is None else "bad_number")] += 1
                continue
            venue, price = Venue(source), decimals[close]
            events.append(Quote(venue, Market(market), price, decimals[volume], known_ns, known_ns))
        return events

    def _verdict(self, source: str, market: str) -> str:
        """Why this book's bars are skipped; empty when they count."""
        if not is_venue(source):
            return f"bad_venue:{source}"
        if not is_market(market):
            return f"unknown_symbol:{market}"
        return "" if self._selection.takes(Venue(source), Market(market)) else "not_selected"


def _normal(table: "pl.LazyFrame") -> "pl.LazyFrame":
    """The columns in a fixed order and unit; a number that is no positive finite one becomes null."""
    import polars as pl

    upper = [pl.col(side).cast(pl.String).str.to_uppercase() for side in ("base", "quote")]
    return table.select(
        (pl.col("ts").dt.timestamp("us") * 1000 + BAR_NS).alias("known_ns"),
        pl.col("source").cast(pl.String).str.to_lowercase(),
        pl.concat_str(upper, separator="/").alias("market"),
        positive("close"),
        positive("volume"),
    )
