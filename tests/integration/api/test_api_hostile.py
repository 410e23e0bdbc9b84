"""A corpus of hostile requests through the whole application: never a 5xx, always the envelope, always an answer."""

import itertools
import json
from urllib.parse import quote as percent

import pytest

from tests.fakes.api_client import client, feed
from tests.fakes.api_ports import ADMIN_KEY, FakeHouse, estimate

WORDS = [
    "", "BTC/USD", "BTC", "btc", "BTC-USD", "\u202eDSU/CTB", "BTC/USD\u0000", "../../etc/passwd", "B" * 10_000, "ВTC/USD",
    "'; DROP TABLE price_feeds; --", "${jndi:ldap://x}", "\r\nX-Injected: 1", "%00", "١٢٣", "1e999999999", "-1", "NaN", "null",
    "[]", "{}", "\ud7ff", "🦀", "%25252e", "a,b,c", ",", "0", "9" * 400, "2025-10-09T12:34:56Z", "true", "*", "\\", "\"",
]  # fmt: skip
PATHS = [
    "/prices/latest?symbols={}",
    "/prices/latest?symbols=BTC&source={}",
    "/prices/latest?symbols=BTC&max_staleness_ms={}",
    "/prices/range?symbol={}&from=0&to=1",
    "/prices/range?symbol=BTC&from={}&to=1760013296789",
    "/prices/range?symbol=BTC&from=1760013296000&to=1760013296789&interval={}",
    "/prices/range?symbol=BTC&from=1760013296000&to=1760013296789&limit={}",
    "/prices/range?symbol=BTC&from=1760013296000&to=1760013296789&cursor={}",
    "/aggregates/consensus?symbols=BTC&timestamp={}",
    "/aggregates/explain?symbol=BTC&round={}",
    "/aggregates/explain?symbol={}",
    "/api/v1/price/{}",
    "/feed-values/{}",
    "/{}",
    "/health?{}",
    "/metadata/{}",
]
BODIES: list[bytes] = [
    b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"a":' * 20_000, b"\xff\xfe", b"\x00", b'{"feeds":"\\ud800"}', b"NaN",
    b'{"feeds":[' + b"1," * 50 + b"1]}", b'{"feeds":[' + b"{}," * 99 + b"{}]}", b'{"feeds":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"feeds":[{"price":' + b"9" * 4000 + b"}]}", b'{"feeds":[{"price":1e999999999}]}', b'{"symbol":{},"price":[]}',
    b'{"feeds":[{"metadata":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}]}", b"x" * 262_144, b"x" * 262_145, b" " * 200_000,
    json.dumps({"feeds": [feed(price="1e999999999"), feed(symbol="\u202e"), feed(source="a" * 10_000)]}).encode(),
    b'\xef\xbb\xbf{"feeds":[]}', b'{"feeds":[],"feeds":[{}]}', b'"' + b"\\u0000" * 1000 + b'"',
]  # fmt: skip


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate())
    return made


async def test_no_parameter_whatever_it_says_makes_a_5xx(house: FakeHouse) -> None:
    async with client(house, key=ADMIN_KEY) as caller:
        for path, word in itertools.product(PATHS, WORDS):
            method = "POST" if path.startswith("/feed-values") else "GET"
            answer = await caller.request(
                method, path.format(percent(word, safe="")), json={"feeds": []} if method == "POST" else None
            )
            assert answer.status_code < 500, (path, word, answer.text)
            assert answer.status_code < 300 or answer.json()["status"] == answer.status_code
            assert "x-injected" not in answer.headers


@pytest.mark.parametrize("path", ["/internal/ingest", "/feed-values/1", "/feed-values", "/volumes"])
@pytest.mark.parametrize("body", BODIES)
async def test_no_body_whatever_it_holds_makes_a_5xx(house: FakeHouse, path: str, body: bytes) -> None:
    async with client(house, key=ADMIN_KEY) as caller:
        answer = await caller.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 201, 400, 413), answer.text
    assert json.loads(answer.text)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "x" * 70_000},
        {"Authorization": "Bearer " + "x" * 70_000},
        {"Authorization": "Bearer"},
        {"Authorization": "\xff\xfe"},
        {"X-API-Key": "\xff"},
        {"Host": "a" * 300},
        {"Host": "evil.example:99999"},
        {"X-Forwarded-For": "1," * 20_000},
        {"X-Forwarded-For": "\xff"},
        {"If-None-Match": "\xff" * 1000},
        {"Accept": "\xff;q=x,,,"},
        {"Content-Length": "-1"},
        {"Content-Type": "application/json; charset=\xff"},
        {"Origin": "\xff"},
        {"X-Request-ID": "\xff"},
        {"X-Chrono-Signature": "\xff", "X-Chrono-Nonce": "\xff", "X-Chrono-Timestamp": "\xff"},
    ],
)
async def test_no_header_whatever_it_says_makes_a_5xx(house: FakeHouse, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with client(house, key=ADMIN_KEY) as caller:
        for method, path in (
            ("GET", "/prices/latest?symbols=BTC"),
            ("POST", "/internal/ingest"),
            ("OPTIONS", "/health"),
        ):
            answer = await caller.request(method, path, headers=raw, content=b"{}" if method == "POST" else None)  # type: ignore[arg-type]
            assert answer.status_code < 500
