"""Counts what became of feeds, by source, without letting a hostile sender invent sources without end."""

from collections import Counter as Count
from typing import Final

from prometheus_client import Counter, Gauge

from chrono.clock import SECOND_NS
from chrono.ingest.batch import NOBODY, Batch
from chrono.ingest.ports import Repeats
from chrono.telemetry import INGEST_FEEDS, SOURCE_UPDATED

MOST_SOURCES: Final = 256
"""Sources that get a label of their own; the rest, and feeds without a usable source, count as `other`."""

OTHER: Final = "other"
_TAKEN: Final = frozenset({"accepted", "duplicate"})


class Tally:
    """The metrics of the ingest door."""

    def __init__(self, most_sources: int = MOST_SOURCES) -> None:
        self._most = most_sources
        self._labels: dict[str, str] = {NOBODY: OTHER}
        self._feeds: dict[tuple[str, str], Counter] = {}
        self._updated: dict[str, tuple[int, Gauge]] = {}

    def count(self, batch: Batch, repeats: Repeats) -> None:
        """Add one batch, after its quotes are durable; `repeats` of them were there already."""
        newest: dict[str, int] = {}
        for quote in batch.quotes:
            if quote.quoted_at_ns > newest.get(quote.venue, 0):
                newest[quote.venue] = quote.quoted_at_ns
        accepted = Count([quote.venue for quote in batch.quotes])
        for venue, number in accepted.items():
            repeated = repeats.get(venue, 0)
            self._add(venue, "accepted", number - repeated)
            if repeated:
                self._add(venue, "duplicate", repeated)
            self._update(venue, newest[venue])
        for source, outcome in batch.refused:
            self._add(source, outcome, 1)

    def _add(self, source: str, outcome: str, number: int) -> None:
        label = self._label(source, welcome=outcome in _TAKEN)
        feeds = self._feeds.get((label, outcome))
        if feeds is None:
            feeds = self._feeds[label, outcome] = INGEST_FEEDS.labels(label, outcome)
        feeds.inc(number)

    def _update(self, source: str, quoted_at_ns: int) -> None:
        label = self._label(source, welcome=True)
        newest_ns, gauge = self._updated.get(label) or (0, SOURCE_UPDATED.labels(label))
        if quoted_at_ns > newest_ns:
            gauge.set(quoted_at_ns / SECOND_NS)
            self._updated[label] = quoted_at_ns, gauge

    def _label(self, source: str, *, welcome: bool) -> str:
        """The label of a source. Only a source that got something accepted is given one of its own."""
        known = self._labels.get(source)
        if known is not None:
            return known
        if not welcome or len(self._labels) > self._most:
            return OTHER
        self._labels[source] = source
        return source
