"""`GET /prices/range`: candles and raw quotes of the past, in pages, as JSON, CSV or Arrow."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Raw, Struct, structs
from msgspec.json import Decoder, Encoder

from chrono.api.access import Callers
from chrono.api.answers import Call, Header
from chrono.api.columns import ARROW_TYPE, CSV_TYPE, FORMS, JSON_TYPE, arrow_of, csv_of, form_of
from chrono.api.cursors import after_of, cursor_of
from chrono.api.operations import Operation, Served
from chrono.api.parameters import (
    CURSOR,
    FROM,
    INTERVAL,
    LIMIT,
    ORDER,
    SOURCE,
    SYMBOL,
    TO,
    fault,
    read_query,
)
from chrono.api.ports import After, ApiParts
from chrono.api.priced import priced, tag_of
from chrono.api.remembered import Remembered, range_key
from chrono.api.schemas import CandlePage, CandleRow, QuotePage, RawQuote
from chrono.api.wording import plain, plain_or_none
from chrono.clock import SECOND_NS, to_rfc3339
from chrono.errors import BAD_REQUEST, UNKNOWN_MARKET, ChronoError
from chrono.market.names import Market
from chrono.market.quote import Candle, Quote

DAY_NS: Final = 86_400 * SECOND_NS
MOST_RAW_DAYS: Final = 90
MOST_CANDLE_DAYS: Final = 731  # two years, one of them leap
QUOTE_IDS: Final = uuid.uuid5(uuid.NAMESPACE_OID, "chrono.price_feeds")
"""The namespace of quote ids: uuid5 of `source|symbol|microseconds since 1970`."""

_ASKED: Final = (SYMBOL, FROM, TO, INTERVAL, SOURCE, LIMIT, ORDER, CURSOR)
_BLOCKING_ROWS: Final = 500
"""More rows than this are encoded beside the loop, not on it."""

_encoder = Encoder()


class _Page(Struct, frozen=True):
    """One page in its form: the rows as bytes, how many they are, and the cursor of the next."""

    rows: bytes
    count: int
    following: str | None


_PAGE: Final = Decoder(_Page)


class History:
    """Reads of the past."""

    def __init__(self, parts: ApiParts, remembered: Remembered) -> None:
        self._parts = parts
        self._remembered = remembered

    async def range(self, call: Call) -> Served:
        """One page of rows."""
        asked = read_query(call.query, _ASKED)
        _check_span(asked)
        form = form_of(call.header(b"accept"))
        key = self._key(asked, form)
        (known,) = await self._remembered.get([key], _PAGE) if key else (None,)
        page = known or await self._page(asked, form)
        if key and known is None:
            await self._remembered.put(key, _encoder.encode(page))
        return _answer(call, asked, form, page)

    def _key(self, asked: Mapping[str, Any], form: str) -> str | None:
        """Where this answer is shared: only the plain first page of a time that stands still is."""
        plain_page = form == JSON_TYPE and all(asked[one.name] == one.default for one in (SOURCE, LIMIT, ORDER, CURSOR))
        if not plain_page or not self._remembered.settled(asked["to"]):
            return None
        return range_key(asked["symbol"], asked["from"], asked["to"], asked["interval"])

    async def _page(self, asked: Mapping[str, Any], form: str) -> _Page:
        query = [asked[name] for name in ("symbol", "from", "to", "interval", "source", "order")]
        rows = await self._rows(asked, after_of(asked["cursor"], *query))
        page = rows[: asked["limit"]]
        if not page and asked["cursor"] is None:
            self._refuse_unknown(asked["symbol"])
        following = cursor_of(_place(page[-1]), *query) if len(rows) > len(page) else None
        kind = RawQuote if asked["interval"] is None else CandleRow
        many = len(page) > _BLOCKING_ROWS
        written = await asyncio.to_thread(_body, page, form, kind) if many else _body(page, form, kind)
        return _Page(written, len(page), following)

    async def _rows(self, asked: Mapping[str, Any], after: After | None) -> Sequence[Candle] | Sequence[Quote]:
        options: dict[str, Any] = {
            "venue": asked["source"],
            "limit": asked["limit"] + 1,
            "after": after,
            "newest_first": asked["order"] == "desc",
        }
        if asked["interval"] is None:
            return await self._parts.quotes.range(asked["symbol"], asked["from"], asked["to"], **options)
        return await self._parts.candles.range(
            asked["symbol"], asked["interval"], asked["from"], asked["to"], **options
        )

    def _refuse_unknown(self, market: Market) -> None:
        known = self._parts.board.latest(market) is not None or market in self._parts.window.markets()
        if not known and market not in self._parts.board.listed():
            raise ChronoError(UNKNOWN_MARKET, field="symbol", received=market, expected="see /metadata/markets")


def operations(parts: ApiParts, remembered: Remembered) -> list[Operation]:
    """The operations of this file."""
    return [
        Operation(
            method="GET",
            path="/prices/range",
            id="priceRange",
            tag="Prices",
            summary="Candles, or raw quotes when no interval is given, newest first",
            callers=Callers.PUBLIC,
            serve=History(parts, remembered).range,
            answers={200: (CandlePage, QuotePage)},
            errors=(404, 406, 503),
            query=_ASKED,
            content_types=FORMS,
            cacheable=True,
        )
    ]


def _check_span(asked: Mapping[str, Any]) -> None:
    most_days = MOST_RAW_DAYS if asked["interval"] is None else MOST_CANDLE_DAYS
    span_ns = asked["to"] - asked["from"]
    if span_ns <= 0:
        raise ChronoError(BAD_REQUEST, faults=[fault("to", to_rfc3339(asked["to"]), "a time after `from`")])
    if span_ns > most_days * DAY_NS:
        days = f"{span_ns / DAY_NS:.1f} days"
        raise ChronoError(BAD_REQUEST, faults=[fault("from", days, f"at most {most_days} days before `to`")])


def _place(row: Candle | Quote) -> After:
    return (row.quoted_at_ns, row.venue) if isinstance(row, Quote) else (row.opened_at_ns, "")


def _body(page: Sequence[Candle | Quote], form: str, kind: type[CandleRow] | type[RawQuote]) -> bytes:
    """The rows in their form: a JSON list, CSV, or an Arrow stream."""
    if form == ARROW_TYPE:
        return arrow_of([_columns(row) for row in page], kind.__struct_fields__)
    rows = [_shown(row) for row in page]
    if form == CSV_TYPE:
        return csv_of(rows, kind, lambda value: bytes(value).decode() if isinstance(value, Raw) else "")
    return _encoder.encode(rows)


def _shown(row: Candle | Quote) -> Struct:
    if isinstance(row, Candle):
        return CandleRow(
            timestamp=to_rfc3339(row.opened_at_ns),
            open=plain(row.open),
            high=plain(row.high),
            low=plain(row.low),
            close=plain(row.close),
            volume=plain_or_none(row.volume),
            num_feeds=row.num_feeds,
        )
    return RawQuote(
        id=quote_id(row),
        symbol=row.market,
        price=plain(row.price),
        volume=plain_or_none(row.volume),
        timestamp=to_rfc3339(row.quoted_at_ns),
        source=row.venue,
        ingested_at=to_rfc3339(row.received_at_ns),
        worker_id=row.worker_id,
        metadata=None if row.metadata is None else Raw(row.metadata),  # type: ignore[arg-type]
    )


def quote_id(quote: Quote) -> str:
    """The id under which a quote is known outside: a UUIDv5 of its identity."""
    return str(uuid.uuid5(QUOTE_IDS, f"{quote.venue}|{quote.market}|{quote.quoted_at_ns // 1000}"))


def _columns(row: Candle | Quote) -> dict[str, Any]:
    """The row with Decimals and nanoseconds, for Arrow."""
    if isinstance(row, Candle):
        return {**structs.asdict(row), "timestamp": row.opened_at_ns}
    return {
        "id": quote_id(row),
        "symbol": row.market,
        "price": row.price,
        "volume": row.volume,
        "timestamp": row.quoted_at_ns,
        "source": row.venue,
        "ingested_at": row.received_at_ns,
        "worker_id": row.worker_id,
        "metadata": None if row.metadata is None else row.metadata.decode(),
    }


def _answer(call: Call, asked: Mapping[str, Any], form: str, page: _Page) -> Served:
    tag = tag_of(form.encode(), page.rows, (page.following or "").encode())
    vary: list[Header] = [(b"vary", b"Accept")]
    if form == JSON_TYPE:
        rest = b',"interval":%b,"count":%d,"next":%b,"latency_ms":%d}' % (
            _encoder.encode(asked["interval"]),
            page.count,
            _encoder.encode(page.following),
            call.latency_ms,
        )
        return priced(call, tag, (b"{", call.mark, b'"data":', page.rows, rest), vary)
    if page.following is not None:
        vary.append((b"x-next-cursor", page.following.encode()))
    content_type = b"text/csv; charset=utf-8" if form == CSV_TYPE else form.encode()
    return priced(call, tag, (page.rows,), vary, content_type)
