"""The tables that hostile requests are drawn from: texts, numbers, times, paths and bodies that hurt somewhere once."""

from typing import Any

INGEST = "/internal/ingest"
SYMBOLS = [f"FZ{number}/USD" for number in range(10)]
SOURCES = [f"fuzz-{letter}" for letter in "abcde"]
DEEP = 10_000
MB = 1024 * 1024


class Token(str):
    """JSON text that goes into the body as it is."""


HOSTILE_TEXT = [
    "", "\x00", "BTC\x00/USD", "\u202eDSU/CTB", "ВТС/USD", "BTC／USD", "../../etc/passwd", "BTC-USD", "btc/usd", "A" * 10_240,
    "BTC/USD\n", "BTC/USD ", "'; DROP TABLE quotes; --", "redis.call('FLUSHALL')", "\r\nX-Evil: 1", "${jndi:ldap://x}", "%00",
    "{{7*7}}", "\ud800", "\udfff\ud800", "a\u0301" * 200, "🏴" * 50, "BTC/USD/EUR", "/", "//", "BTC/", "\u2028", "<script>",
]  # fmt: skip
HOSTILE_PRICE: list[Any] = [
    "NaN", "Infinity", "-Infinity", "1e999999999", "1e1000000", "-1", "0", "0.0", "1_000", "١٢٣", "１２３", " 12 ", "12\n", "+1", "",
    "0x10", "1,000", "9" * 13, "9" * 1000, "9" * 100_000, "1." + "0" * 18 + "1", "0." + "0" * 400 + "1", "1" + "\x00", True, False,
    None, [], {}, [1], {"a": 1}, -1, 0, -0.0, Token("1e999999999"), Token("1E400"), Token("-1e999999999"), Token("9" * 5000),
    Token("1e-999999999"), Token("NaN"), Token("0." + "0" * 5000 + "1"), "\ud800", "७", "1e1e1", "--1", ".5", "5.",
]  # fmt: skip
HOSTILE_VOLUME: list[Any] = [
    "NaN", "-1", "1e999999999", "١٢٣", "9" * 19, " 1", True, [], {}, -1, Token("1e999999999"), Token("9" * 5000), "Infinity", "\x00"
]  # fmt: skip
HOSTILE_TIME: list[Any] = [
    "", "yesterday", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", -1, 0,
    2**63, 2**64, 10**400, Token("1e999999999"), Token("1e400"), "２０２５-10-09T00:00:00Z", "2025-10-09T24:00:00Z", True, None, [], {},
    "2025-10-09T12:34:56", "2025-10-09T12:34:56+99:99", "2025-10-09T12:34:61Z", "\x00", "T" * 10_000, Token("-0.0"),
]  # fmt: skip
HOSTILE_METADATA: list[Any] = [
    [], "x", 1, True, {"a": "\x00"}, {"\x00": 1}, {"a": Token("1e999999999")}, {"a": "x" * 5000},
    {"a": "\ud800"}, Token("{]"), Token("{'a':1}"),
]  # fmt: skip
HOSTILE_FEEDS: list[Any] = [
    None,
    1,
    "feed",
    [],
    {},
    True,
    [[]],
    {"symbol": "BTC/USD"},
    Token("1e999999999"),
    {"price": "1"},
]
MALFORMED = {Token("NaN"), Token("{]"), Token("{'a':1}")}
"""Not JSON at all: the whole body is refused by a 400, told, not silent."""

FIELDS: dict[str, list[Any]] = {
    "symbol": [*HOSTILE_TEXT, None, 1, [], {}, True, 1.5],
    "source": [*HOSTILE_TEXT, None, 1, [], {}, True, "Binance", "a" * 101, "bi nance"],
    "price": HOSTILE_PRICE,
    "volume": HOSTILE_VOLUME,
    "timestamp": HOSTILE_TIME,
    "metadata": HOSTILE_METADATA,
}
PATHS = [
    "/prices/latest", "/prices/range", "/aggregates/consensus", "/aggregates/explain", "/api/v1/price/BTC", "/metadata/feeds",
    "/metadata/markets", "/metadata/venues", "/api/v1/prices/latest", "/api/v1/aggregates/explain", "/rounds", "/provider", "/live",
]  # fmt: skip
NAMES = ["symbols", "symbol", "from", "to", "interval", "limit", "cursor", "order", "source", "round", "timestamp",
         "max_staleness_ms", "window", "__proto__", "symbols[]"]  # fmt: skip
VALUES = [
    *HOSTILE_TEXT, "BTC/USD", "BTC", "FZ0/USD", "1m", "1d", "desc", "asc", "1", "0", "-1", "1e5", "9" * 30, "9" * 5000, "2025-10-09T00:00:00Z",
    "1760013296789", "NaN", "١٢٣", "1760000000000", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "253402300799999", "99999999999999",
    "4294967295", "4294967296", ",".join(["BTC/USD"] * 201), ",", "eyJ9", "AAAA", "binance", "fuzz-a", "=", "&", "+", "9007199254740992",
]  # fmt: skip
