"""Values become frames here, once each, however many readers there are: all but the seq is encoded in advance."""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from chrono.clock import MS_NS, to_rfc3339
from chrono.market.names import Market
from chrono.market.quote import Quote
from chrono.pricing.estimate import Estimate
from chrono.stream.frames import (
    PRICE_UPDATE_HEAD,
    SUBMISSION_HEAD,
    Price,
    PriceChange,
    Submission,
    decode_change,
    decode_submission,
    encode,
    tail_of,
)
from chrono.stream.ports import Latest
from chrono.stream.session import Topic

ROUNDS_KEPT: Final = 256
"""FTSO submissions kept for readers who resume: an hour and a half of rounds."""

AGGREGATED: Final = "aggregated"

Told = Callable[[Topic, Market | None, bytes], None]
"""Hears of everything published: topic, market, encoded data."""


class Update:
    """One value on its way out. Two updates with the same `key` are the same thing at two times: the newer one is
    enough for a reader who is behind. `ordinal` counts updates of this process; 0 means that it cannot be resumed.
    """

    __slots__ = ("data", "head", "key", "market", "ordinal", "tail", "topic")

    def __init__(
        self, topic: Topic, market: Market | None, key: str, head: bytes, data: bytes, ordinal: int = 0
    ) -> None:
        self.topic, self.market, self.key = topic, market, key
        self.head, self.data, self.tail = head, data, tail_of(data)
        self.ordinal = ordinal


class Shown:
    """What readers were last shown of one market."""

    __slots__ = ("change", "content", "rev", "update")

    def __init__(self) -> None:
        self.rev = 0
        self.content: tuple[object, ...] = ()
        self.change: PriceChange | None = None
        self.update: Update | None = None


class Updates:
    """Every market's newest frame, its rev, and what is needed to resume a reader."""

    def __init__(self, percent: Callable[[Market, Decimal], str | None]) -> None:
        self.ordinal = 0
        self._mark = secrets.token_hex(4)
        self._percent = percent
        self._shown: dict[Market, Shown] = {}
        self._rounds: deque[Update] = deque(maxlen=ROUNDS_KEPT)

    def rev(self, market: Market) -> int:
        """How often `market` changed in this process."""
        shown = self._shown.get(market)
        return shown.rev if shown else 0

    def of_estimate(self, estimate: Estimate) -> Update | None:
        """Our new value of a market; None when readers were shown just this, or a later one."""
        shown, timestamp = self._of(estimate.market), to_rfc3339(estimate.at_ns)
        content = (
            estimate.price, estimate.volume, estimate.quality, estimate.confidence, estimate.sources,
            estimate.newest_at_ns,
        )  # fmt: skip
        if shown.change is not None and (content == shown.content or timestamp < shown.change.timestamp):
            return None
        shown.rev += 1
        change = PriceChange(
            symbol=estimate.market,
            price=f"{estimate.price:f}",
            volume=_text(estimate.volume),
            source=AGGREGATED,
            timestamp=timestamp,
            change_24h=self._percent(estimate.market, estimate.price),
            rev=shown.rev,
            quality=estimate.quality.value,
            sources=len(estimate.sources),
            confidence=f"{estimate.confidence:.4f}",
        )
        return self._show(shown, change, content)

    def of_quote(self, quote: Quote) -> Update:
        """What a venue quoted, under the venue's name."""
        shown = self._of(quote.market)
        shown.rev += 1
        change = PriceChange(
            symbol=quote.market,
            price=f"{quote.price:f}",
            volume=_text(quote.volume),
            source=quote.venue,
            timestamp=to_rfc3339(quote.quoted_at_ns),
            change_24h=self._percent(quote.market, quote.price),
            rev=shown.rev,
        )
        return _quoted(change)

    def of_round(self, submission: dict[str, Any]) -> Update:
        """What a transaction of a voting round became. Raises: msgspec.ValidationError when it is no Submission."""
        return self._round(msgspec.convert(submission, Submission))

    def of_foreign(self, topic: Topic, data: bytes) -> Update | None:
        """What another instance showed, from its encoded `data`, with the rev counted here; None when readers here
        were shown something as new. Raises: msgspec.DecodeError when it is no such data.
        """
        if topic is Topic.ROUNDS:
            return self._round(decode_submission(data))
        change = decode_change(data)
        shown = self._of(Market(change.symbol))
        if topic is Topic.PRICES and shown.change is not None and change.timestamp <= shown.change.timestamp:
            return None
        shown.rev += 1
        change = msgspec.structs.replace(change, rev=shown.rev)
        return self._show(shown, change, ()) if topic is Topic.PRICES else _quoted(change)

    def row(self, market: Market, estimate: Estimate | None, now_ns: int) -> Price | None:
        """Where `market` stands: `estimate`, or what another instance showed when that is newer; None for neither.

        `staleness_ms` is the age of the newest quote that counted, at wall time `now_ns`.
        """
        shown = self._shown.get(market)
        rev, change = (shown.rev, shown.change) if shown else (0, None)
        if estimate is not None and (change is None or to_rfc3339(estimate.at_ns) >= change.timestamp):
            return _row_of(estimate, rev, now_ns)
        return _row_from(change, rev, now_ns) if change is not None else None

    def rows(self, markets: Iterable[Market], latest: Latest, now_ns: int) -> list[Price]:
        """Where those of the markets stand that have a value."""
        found = (self.row(market, latest(market), now_ns) for market in markets)
        return [row for row in found if row is not None]

    def token(self) -> str:
        """Where a reader stands that has been sent everything so far; it may come back with it."""
        return f"{self._mark}-{self.ordinal}"

    def ordinal_of(self, token: str | None) -> int | None:
        """The ordinal that a `token` of this process stands for; None for any other text."""
        mark, _, ordinal = (token or "").rpartition("-")
        if mark != self._mark or not (ordinal.isascii() and ordinal.isdigit()) or len(ordinal) > 18:
            return None
        return int(ordinal)

    def since(self, ordinal: int) -> Iterator[Update]:
        """Every market's newest update and every kept submission that came after `ordinal`, oldest first."""
        prices = (shown.update for shown in self._shown.values() if shown.update is not None)
        newer = [update for update in (*prices, *self._rounds) if update.ordinal > ordinal]
        yield from sorted(newer, key=lambda update: update.ordinal)

    def _of(self, market: Market) -> Shown:
        shown = self._shown.get(market)
        if shown is None:
            shown = self._shown[market] = Shown()
        return shown

    def _show(self, shown: Shown, change: PriceChange, content: tuple[object, ...]) -> Update:
        self.ordinal += 1
        market = Market(change.symbol)
        shown.change, shown.content = change, content
        shown.update = Update(Topic.PRICES, market, market, PRICE_UPDATE_HEAD, encode(change), self.ordinal)
        return shown.update

    def _round(self, submission: Submission) -> Update:
        self.ordinal += 1
        key = f"round {submission.epoch} {submission.phase} {submission.tx_hash} {submission.status}"
        update = Update(Topic.ROUNDS, None, key, SUBMISSION_HEAD, encode(submission), self.ordinal)
        self._rounds.append(update)
        return update


def _quoted(change: PriceChange) -> Update:
    # A space cannot stand in a market or a venue, so no two keys meet.
    key = f"{change.symbol} {change.source}"
    return Update(Topic.QUOTES, Market(change.symbol), key, PRICE_UPDATE_HEAD, encode(change))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _row_of(estimate: Estimate, rev: int, now_ns: int) -> Price:
    return Price(
        symbol=estimate.market,
        price=f"{estimate.price:f}",
        volume=_text(estimate.volume),
        source=AGGREGATED,
        timestamp=to_rfc3339(estimate.at_ns),
        staleness_ms=max(0, now_ns - estimate.newest_at_ns) // MS_NS,
        quality=estimate.quality.value,
        sources=len(estimate.sources),
        confidence=f"{estimate.confidence:.4f}",
        rev=rev,
    )


def _row_from(change: PriceChange, rev: int, now_ns: int) -> Price:
    shown_at_ms = int(datetime.fromisoformat(change.timestamp).timestamp() * 1000)
    return Price(
        symbol=change.symbol,
        price=change.price,
        volume=change.volume,
        source=AGGREGATED,
        timestamp=change.timestamp,
        staleness_ms=max(0, now_ns // MS_NS - shown_at_ms),
        quality="degraded" if change.quality is msgspec.UNSET else change.quality,
        sources=0 if change.sources is msgspec.UNSET else change.sources,
        confidence="0.0000" if change.confidence is msgspec.UNSET else change.confidence,
        rev=rev,
    )
