"""Prices as bytes, made once per value: only the age is written anew for each reader."""

import hashlib
from collections.abc import Sequence
from typing import Final

from msgspec.json import Encoder

from chrono.api.answers import JSON, Answer, Call, Header, NotModified
from chrono.api.schemas import Price
from chrono.api.wording import confidence_text, plain, plain_or_none
from chrono.clock import MS_NS, SECOND_NS, to_rfc3339
from chrono.market.names import Market
from chrono.market.quote import Quote
from chrono.pricing.estimate import Estimate, Quality

AGGREGATED: Final = "aggregated"
_AGE: Final = b'"staleness_ms":'
_CACHE: Final[Header] = (b"cache-control", b"max-age=1")
_encoder = Encoder()


class Row:
    """One price cut at its age: `head`, then the milliseconds, then `tail`, or `old` once it is stale."""

    __slots__ = ("head", "newest_at_ns", "old", "stale_at_ns", "tail")

    def __init__(self, price: Price, newest_at_ns: int, stale_at_ns: int) -> None:
        self.newest_at_ns = newest_at_ns
        self.stale_at_ns = stale_at_ns
        head, _, tail = _encoder.encode(price).partition(_AGE + b"0,")
        self.head = head + _AGE
        self.tail = b"," + tail
        self.old = self.tail.replace(f'"quality":"{price.quality}"'.encode(), b'"quality":"stale"', 1)

    def age_ms(self, now_ns: int) -> int:
        """Milliseconds since the newest quote that counted."""
        return max(0, now_ns - self.newest_at_ns) // MS_NS

    def parts(self, now_ns: int) -> tuple[bytes, bytes, bytes]:
        """The three parts of the row, read at `now_ns`."""
        tail = self.tail if now_ns <= self.stale_at_ns else self.old
        return self.head, b"%d" % self.age_ms(now_ns), tail


class Rows:
    """The rows of our newest values, by market. A row is made again when its value is another one."""

    def __init__(self, window_s: int) -> None:
        self._window_ns = window_s * SECOND_NS
        self._made: dict[Market, tuple[Estimate, Row]] = {}

    def of_estimate(self, estimate: Estimate) -> Row:
        """The row of our consensus."""
        made = self._made.get(estimate.market)
        if made is not None and made[0] is estimate:
            return made[1]
        price = Price(
            symbol=estimate.market,
            price=plain(estimate.price),
            volume=plain_or_none(estimate.volume),
            source=AGGREGATED,
            timestamp=to_rfc3339(estimate.at_ns),
            staleness_ms=0,
            quality=estimate.quality.value,
            sources=len(estimate.sources),
            confidence=confidence_text(estimate.confidence),
        )
        row = Row(price, estimate.newest_at_ns, estimate.newest_at_ns + self._window_ns)
        self._made[estimate.market] = estimate, row
        return row

    def of_quote(self, quote: Quote) -> Row:
        """The row of one venue's own quote: there is no consensus in it, so no confidence."""
        price = Price(
            symbol=quote.market,
            price=plain(quote.price),
            volume=plain_or_none(quote.volume),
            source=quote.venue,
            timestamp=to_rfc3339(quote.quoted_at_ns),
            staleness_ms=0,
            quality=Quality.OK.value,
            sources=1,
            confidence=None,
        )
        return Row(price, quote.quoted_at_ns, quote.quoted_at_ns + self._window_ns)


def tag_of(*parts: bytes) -> bytes:
    """A weak ETag of these bytes."""
    return b'W/"' + hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest().encode() + b'"'


def priced(
    call: Call, tag: bytes, body: Sequence[bytes], headers: Sequence[Header] = (), content_type: bytes = JSON
) -> Answer | NotModified:
    """A price read: with an ETag, fresh for a second; 304 when the caller has it already."""
    shown: list[Header] = [(b"etag", tag), _CACHE, *headers]
    asked = call.headers.get(b"if-none-match")
    if asked is not None and (asked.strip() == b"*" or tag in [one.strip() for one in asked.split(b",")]):
        return NotModified(shown)
    return Answer(b"".join(body), headers=shown, content_type=content_type)
