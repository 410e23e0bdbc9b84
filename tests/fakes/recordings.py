"""What real venues said once: third-party recordings, read where they lie, never copied into the project.

They are found under CHRONO_DATA (default: ../shared/data beside the repository). Symbols and times are those of
the day; a message that says so is `doubtful`: its author made it up.
"""

import ast
import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FOLDER = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[3] / "shared" / "data") / "exchange_fixtures"
ABSENT = f"**** no recordings at {FOLDER}: set CHRONO_DATA; this test of real data is NOT RUN ****"

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)
"""Put it (with `pytest.mark.data`) on every test that reads recordings."""

SPELT: dict[str, tuple[str, ...]] = {
    "coinbase": ("coinbase", "coinbase_pro", "coinbasepro"),
    "binance": ("binance", "stream-binance"),
    "binanceus": ("binance_us",),
    "kraken": ("kraken", "stream-kraken"),
    "bybit": ("bybit", "bybit-spot"),
    "okx": ("okx", "okex", "stream-okex"),
    "gate": ("gate", "gate-io", "gateio", "gateio-v4", "stream-gateio"),
    "kucoin": ("kucoin",),
    "bitget": ("bitget",),
    "mexc": ("mexc",),
    "htx": ("huobi",),
    "cryptocom": ("crypto-com", "crypto.com"),
    "bitstamp": ("bitstamp", "stream-bitstamp"),
    "bitfinex": ("bitfinex", "stream-bitfinex"),
    "gemini": ("gemini",),
    "upbit": ("upbit",),
    "bithumb": ("bithumb",),
    "whitebit": ("whitebit",),
    "hyperliquid": ("hyperliquid",),
    "deribit": ("deribit",),
    "uniswap_v3": ("uniswap_v3",),
}
"""How the files spell each venue (cryptofeed's file names in lower case)."""

_STREAM_LINE = re.compile(rb"^[0-9]+\.[0-9]+: ")
_HTTP_LINE = re.compile(rb"^(https?://\S+) -> [0-9]+\.[0-9]+: ")


class Recorded(NamedTuple):
    """One message. `kind` is "stream" (a WebSocket frame to us) or "http" (a response's body).

    `about` is the route, case, path or test's name, as the file tells it; `expected` is what the file says it
    means (tardis: a list of normalised dicts; crypto_msg_parser: a dict of values), None when it says nothing.
    """

    file: str
    line: int
    kind: str
    raw: bytes
    expected: Any = None
    about: str = ""
    doubtful: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.kind} {self.about}"


def recorded(venue: str) -> Iterator[Recorded]:
    """Every recorded message of a venue, from all files. Nothing when the recordings are absent."""
    names = SPELT[venue]
    for file in sorted(FOLDER.glob("*.ndjson.gz")):
        yield from _described(file, names)
    for file in sorted((FOLDER / "cryptofeed").glob("*.gz")):
        if file.name.split(".ws.")[0].split(".http.")[0].removesuffix(".0.gz").lower() in names:
            yield from _captured(file)


def _described(file: Path, names: tuple[str, ...]) -> Iterator[Recorded]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for at, text in enumerate(lines, 1):
            line = json.loads(text)
            if line["exchange"] in names:
                yield _of(file.name.split(".")[0], at, line)


def _of(file: str, at: int, line: dict[str, Any]) -> Recorded:
    """One line of an ndjson file; each file has a form of its own."""
    about = " ".join(str(line[key]) for key in ("kind", "market", "case", "test", "path", "route", "ws") if key in line)
    body = line.get("raw", line.get("message", line.get("json")))
    raw = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
    return Recorded(file, at, _kind(file, line, about), raw, line.get("expected"), about, line.get("doubt", False))


def _kind(file: str, line: dict[str, Any], about: str) -> str:
    match file:
        case "tardis_mappers":
            return "stream"
        case "gocryptotrader_http_ws":
            return "stream" if "ws" in line else "http"
        case "skip_connect_tests":
            return "stream" if line["kind"] == "websockets" else "http"
        case "crypto_msg_parser_ws_rest":
            return "http" if "l2_snapshot" in about else "stream"
        case _:
            return "stream" if "ws_" in about or "stream" in about else "http"


def _captured(file: Path) -> Iterator[Recorded]:
    """A file of raw traffic: `time: frame`, or `address -> time: body`; what was sent is left out."""
    with gzip.open(file, "rb") as lines:
        for at, line in enumerate(lines, 1):
            line = line.rstrip(b"\r\n")
            asked = _HTTP_LINE.match(line)
            if asked:
                yield Recorded(file.name, at, "http", line[asked.end() :], about=asked[1].decode())
                continue
            heard = _STREAM_LINE.match(line)
            if heard:
                raw = line[heard.end() :]
                # Some recorders wrote Python's own spelling of the bytes.
                yield Recorded(file.name, at, "stream", ast.literal_eval(raw.decode()) if raw[:1] == b"b" else raw)
