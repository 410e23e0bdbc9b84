"""Query parameters: read strictly, every fault listed. One name has one meaning on every path.

Unknown names and names given twice are refused: a misspelt `max_staleness` that is silently ignored would serve the
very price that the caller wanted to be spared.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct

from chrono.clock import MS_NS, SECOND_NS, US_NS
from chrono.errors import BAD_REQUEST, ChronoError
from chrono.market.names import MARKET_PATTERN, VENUE_PATTERN, Market, Venue, is_venue, parse_market

MOST_SYMBOLS: Final = 200
MOST_ROWS: Final = 10_000
MOST_ROUNDS: Final = 1_000
"""Of one page; their feeds are counted, not told."""

MOST_ROUND: Final = 2**32 - 1
"""Rounds are a uint32 on chain."""

INTERVALS: Final = ("1m", "5m", "15m", "1h", "4h", "1d")
SYMBOL_PATTERN: Final = MARKET_PATTERN.replace("/[A-Z0-9]{1,20}", "(/[A-Z0-9]{1,20})?")
TIME_PATTERN: Final = (
    r"^([0-9]{1,14}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))$"
)
_MOST_FIELDS: Final = 32
_LARGEST: Final = 2**53
_time_form = re.compile(TIME_PATTERN, re.ASCII).fullmatch
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotOfForm(ValueError):  # noqa: N818 - it names what was found, as all our faults do
    """A parameter is not of its form. The text says what was expected; `wrong` names the parts of a list at fault."""

    def __init__(self, expected: str, wrong: Mapping[str, str] | None = None) -> None:
        super().__init__(expected)
        self.wrong = wrong or {}


class Parameter(Struct, frozen=True):
    """One query parameter: how it is read, and how the schema tells of it. Several values are parted by commas."""

    name: str
    read: Callable[[str], Any]
    schema: dict[str, Any]
    description: str
    example: Any
    required: bool = False
    default: Any = None

    def needed(self) -> "Parameter":
        """The same, where it must be given."""
        return Parameter(self.name, self.read, self.schema, self.description, self.example, required=True)


def read_query(query: bytes, parameters: Iterable[Parameter], *, strict: bool = True) -> dict[str, Any]:
    """Every parameter by name, absent ones as their default. Raises: ChronoError(BAD_REQUEST) listing all faults."""
    faults: list[dict[str, Any]] = []
    known = {parameter.name: parameter for parameter in parameters}
    given = _given(query, known, faults, strict=strict)
    values = {name: _value(parameter, given.get(name), faults) for name, parameter in known.items()}
    if faults:
        raise ChronoError(BAD_REQUEST, faults=faults)
    return values


def fault(field: str, received: object, expected: str) -> dict[str, Any]:
    """One entry of a list of faults."""
    return {"field": field, "received": str(received)[:60], "expected": expected}


def time_ns(text: str) -> int:
    """The instant that RFC 3339 or epoch milliseconds tell, in whole microseconds. Raises: NotOfForm."""
    # A plus in a query that was not escaped arrives as a space; no time has one.
    text = text.replace(" ", "+")
    if _time_form(text) is None:
        raise NotOfForm("RFC 3339 UTC or epoch milliseconds")
    if text.isdigit():
        return int(text) * MS_NS
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except (ValueError, OverflowError) as refused:
        raise NotOfForm("a date that there is") from refused
    at_ns = (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * US_NS
    if at_ns < 0:
        raise NotOfForm("a time after 1970")
    return at_ns


def symbol(text: str) -> Market:
    """The market that a symbol names. Raises: NotOfForm with a suggestion."""
    try:
        return parse_market(text)
    except ChronoError as refused:
        raise NotOfForm(str(refused.facts.get("expected", "BTC/USD"))) from refused


def whole_number(name: str, text: str, most: int) -> int:
    """A part of a path that is a whole number. Raises: ChronoError(BAD_REQUEST)."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    raise ChronoError(BAD_REQUEST, faults=[fault(name, text, f"a whole number up to {most}")])


def _given(
    query: bytes, known: Mapping[str, Parameter], faults: list[dict[str, Any]], *, strict: bool
) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        faults.append(fault("query", "text that cannot be read", f"at most {_MOST_FIELDS} name=value in UTF-8"))
        return {}
    given: dict[str, str] = {}
    for name, text in pairs:
        if name in given:
            faults.append(fault(name, "given twice", "once"))
        elif name in known:
            given[name] = text
        elif strict:
            faults.append(fault(name, "unknown parameter", ", ".join(known) or "no parameter"))
    return given


def _value(parameter: Parameter, text: str | None, faults: list[dict[str, Any]]) -> Any:
    if text is None:
        if parameter.required:
            faults.append(fault(parameter.name, "nothing", parameter.description))
        return parameter.default
    try:
        return parameter.read(text)
    except NotOfForm as refused:
        each = [fault("symbol", part, expected) for part, expected in refused.wrong.items()]
        faults.extend(each or [fault(parameter.name, text, str(refused))])
        return None


def _symbols(text: str) -> list[Market]:
    parts = text.split(",")
    if len(parts) > MOST_SYMBOLS:
        raise NotOfForm(f"1 to {MOST_SYMBOLS} symbols")
    wrong: dict[str, str] = {}
    markets: dict[Market, None] = {}
    for part in parts:
        try:
            markets[symbol(part)] = None
        except NotOfForm as refused:
            wrong[part] = str(refused)
    if wrong:
        raise NotOfForm("markets", wrong)
    return list(markets)


def _venue(text: str) -> Venue:
    if not is_venue(text):
        raise NotOfForm("[a-z0-9_-]{1,100}")
    return Venue(text)


def _within(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most:
            return int(text)
        raise NotOfForm(f"a whole number from {least} to {most}")

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise NotOfForm(" or ".join(words))
        return text

    return read


def _text(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 0 < len(text) <= most or not text.isascii():
            raise NotOfForm("`next` of the answer before, unchanged")
        return text

    return read


def _integer(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


_ITEM: Final = {"type": "string", "pattern": SYMBOL_PATTERN}
_TIME: Final = {"type": "string", "pattern": TIME_PATTERN}

SYMBOLS: Final = Parameter(
    "symbols",
    _symbols,
    {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MOST_SYMBOLS},
    f"1 to {MOST_SYMBOLS} markets, parted by commas; BTC means BTC/USD",
    ["BTC/USD", "ETH/USD"],
    required=True,
)
SYMBOL: Final = Parameter("symbol", symbol, _ITEM, "one market; BTC means BTC/USD", "BTC/USD", required=True)
SOURCE: Final = Parameter(
    "source", _venue, {"type": "string", "pattern": VENUE_PATTERN}, "one venue's own quotes", "binance"
)
MAX_STALENESS_MS: Final = Parameter(
    "max_staleness_ms",
    _within(0, _LARGEST),
    _integer(0, _LARGEST),
    "answer 503 STALE_PRICE rather than a value older than this",
    5000,
)
FROM: Final = Parameter("from", time_ns, _TIME, "start, inclusive: RFC 3339 or epoch ms", "2025-10-09T00:00:00Z", True)
TO: Final = Parameter("to", time_ns, _TIME, "end, exclusive: RFC 3339 or epoch ms", "2025-10-10T00:00:00Z", True)
TIMESTAMP: Final = Parameter("timestamp", time_ns, _TIME, "a past time: RFC 3339 or epoch ms", "1760013296789")
INTERVAL: Final = Parameter(
    "interval",
    _one_of(*INTERVALS),
    {"type": "string", "enum": list(INTERVALS)},
    "candles of this length; raw quotes when left out",
    "1m",
)
LIMIT: Final = Parameter(
    "limit", _within(1, MOST_ROWS), _integer(1, MOST_ROWS) | {"default": 1000}, "rows of one answer", 1000, default=1000
)
ORDER: Final = Parameter(
    "order",
    _one_of("desc", "asc"),
    {"type": "string", "enum": ["desc", "asc"], "default": "desc"},
    "newest first, or oldest first",
    "asc",
    default="desc",
)
CURSOR: Final = Parameter(
    "cursor",
    _text(400),
    {"type": "string", "minLength": 1, "maxLength": 400},
    "`next` of the answer before",
    None,
)
ROUND: Final = Parameter("round", _within(0, MOST_ROUND), _integer(0, MOST_ROUND), "a voting round's number", 812576)
ROUNDS_LIMIT: Final = Parameter(
    "limit", _within(1, MOST_ROUNDS), _integer(1, MOST_ROUNDS) | {"default": 60}, "rounds of one answer", 60, default=60
)
BEFORE: Final = Parameter(
    "before",
    _within(0, MOST_ROUND),
    _integer(0, MOST_ROUND),
    "only rounds before this one: `next` of the answer before",
    812576,
)
WINDOW: Final = Parameter(
    "window", _within(1, 86_400), _integer(1, 86_400) | {"default": 60}, "seconds to sum over", 60, default=60
)
