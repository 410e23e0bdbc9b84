"""Hostile requests, each made from a seed and its number alone (and the hour): the same again whenever asked."""

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

from tests.fakes.house import ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY
from tests.fuzz.corpus import (
    DEEP,
    FIELDS,
    HOSTILE_FEEDS,
    HOSTILE_TEXT,
    INGEST,
    MALFORMED,
    MB,
    NAMES,
    PATHS,
    SOURCES,
    SYMBOLS,
    Token,
)
from tests.fuzz.shots import Shot, bomb, chunked, disturb, http, not_quite_http, percent, told, written


class Gun:
    """Makes shot `number` of a seed. `base_ms` is where the good feeds' timestamps begin."""

    def __init__(self, seed: int, base_ms: int) -> None:
        self._seed = seed
        self._base_ms = base_ms
        self._kinds: list[Callable[[random.Random, int], Shot]] = []
        weighted = [
            (self.flipped, 34), (self.swapped, 24), (self.query, 12), (self.seam, 7), (self.path, 5), (self.whole, 6),
            (self.headers, 4), (self.chunks, 3), (self.encoded, 2), (self.not_http, 2), (self.good, 1),
        ]  # fmt: skip
        for kind, weight in weighted:
            self._kinds += [kind] * weight

    def shot(self, number: int) -> Shot:
        """The shot of that number, always the same."""
        drawn = random.Random(f"{self._seed}:{number}")
        if number % 3001 == 3000:
            return self.heavy(drawn, number)
        return drawn.choice(self._kinds)(drawn, number)

    def _feeds(self, drawn: random.Random, number: int) -> list[dict[str, Any]]:
        """Good feeds whose (symbol, source, timestamp) no other shot uses."""
        made = []
        for place in range(drawn.choice((1, 2, 3, 5, 8))):
            turn = number * 8 + place
            made.append(
                {
                    "symbol": SYMBOLS[turn % 10],
                    "price": f"{drawn.randint(1, 10**9)}.{drawn.randint(1, 99)}",
                    "volume": drawn.choice((None, "12.5", 3, 0.25)),
                    "source": SOURCES[turn // 10 % 5],
                    "timestamp": self._base_ms + turn // 50,
                    "metadata": drawn.choice((None, {"bid": "1.0", "ask": 2, "note": "ü"}, {})),
                }
            )
        return made

    def good(self, drawn: random.Random, number: int) -> Shot:
        """Nothing wrong with it: everything must be taken."""
        feeds = self._feeds(drawn, number)
        body = written({"worker_id": "fuzz", "feeds": feeds})
        return Shot("good", http("POST", INGEST, body), body, dict(enumerate(feeds)), frozenset(), frozenset({200}))

    def flipped(self, drawn: random.Random, number: int) -> Shot:
        """A good batch with bytes changed, cut, doubled, or put in."""
        feeds = self._feeds(drawn, number)
        body = bytearray(written({"worker_id": "fuzz", "feeds": feeds}))
        for _ in range(drawn.choice((1, 1, 1, 2, 5, 20))):
            disturb(body, drawn)
        sent = bytes(body)
        return Shot(
            "flipped",
            http("POST", INGEST, sent, key=drawn.choice((ADMIN_KEY, INTERNAL_KEY))),
            sent,
            dict(enumerate(feeds)),
        )

    def swapped(self, drawn: random.Random, number: int) -> Shot:
        """One feed of a batch with a hostile value: that one is refused, all others are taken."""
        feeds = self._feeds(drawn, number)
        victim = drawn.randrange(len(feeds))
        sent: list[Any] = [dict(feed) for feed in feeds]
        malformed = False
        if drawn.random() < 0.1:
            sent[victim] = drawn.choice(HOSTILE_FEEDS)
        elif drawn.random() < 0.05:
            del sent[victim][drawn.choice(("symbol", "price", "source", "timestamp"))]
        else:
            name = drawn.choice(list(FIELDS))
            value = sent[victim][name] = drawn.choice(FIELDS[name])
            malformed = isinstance(value, Token) and value in MALFORMED
        body = written({"worker_id": "fuzz", "feeds": sent}, ascii_only=True)
        kept = {place: feed for place, feed in enumerate(feeds) if place != victim}
        statuses = frozenset({200, 400}) if malformed else frozenset({200})
        return Shot("swapped", http("POST", INGEST, body), body, kept, frozenset({victim}), statuses)

    def whole(self, drawn: random.Random, number: int) -> Shot:
        """A body that is no batch, or hardly one."""
        feed = written(self._feeds(drawn, number)[0])
        deep = drawn.choice((500, 1000, 2000, DEEP))
        bodies = [
            b"", b" ", b"null", b"[]", b"{}", b"1", b'"x"', b"{", b"[" * deep, b"[" * deep + b"]" * deep, b'{"feeds":' * deep,
            b'{"a":' * deep + b"1" + b"}" * deep, b'{"feeds":' + b"[" * deep + b"]" * deep + b"}", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}",
            b'{"feeds":[{"symbol":"\xed\xa0\x80"}]}', b'{"feeds":[{"symbol":"\xc0\xaf"}]}', b'{"feeds":[' + b"1," * 200 + b"1]}",
            b'{"feeds":[],"feeds":[' + feed + b"]}", b'{"feeds":[' + feed + b'],"feeds":[]}', b'{"feeds":{}}', b'{"feeds":null}',
            b'{"worker_id":"\\u0000","feeds":[' + feed + b"]}", b'{"worker_id":{"a":1},"feeds":[' + feed + b"]}",
            b'{"timestamp":1e999999999,"feeds":[' + feed + b"]}", b'{"feeds":[' + feed + b"]}" + b"}", feed[:-1], feed + feed,
            b'{"feeds":[{"metadata":' + b'{"a":' * deep + b"1" + b"}" * deep + b"}]}", b"{" + b" " * 200_000, b"\x00" * 1000,
            b'{"' + b"k" * 200_000 + b'":1}', b"{" + b",".join(b'"k%d":1' % n for n in range(10_000)) + b"}", feed,
        ]  # fmt: skip
        body = drawn.choice(bodies)
        path = drawn.choice((INGEST, INGEST, "/feed-values/", "/feed-values/0", "/volumes/?window=60"))
        return Shot("whole", http("POST", path, body), body if path == INGEST else b"")

    def seam(self, drawn: random.Random, number: int) -> Shot:
        """The value provider with hostile feeds and rounds."""
        feeds: list[Any] = [{"category": 1, "name": "BTC/USD"}]
        for _ in range(drawn.randint(0, 5)):
            category = drawn.choice([1, 0, -1, 2**31, 2**64, 10**400, 1.5, "1", None, Token("1e999999999")])
            feeds.append(drawn.choice([{"category": category, "name": drawn.choice(HOSTILE_TEXT)}, *HOSTILE_FEEDS]))
        body = written({"feeds": feeds if drawn.random() < 0.9 else drawn.choice(HOSTILE_FEEDS)}, ascii_only=True)
        if drawn.random() < 0.3:
            changed = bytearray(body)
            disturb(changed, drawn)
            body = bytes(changed)
        rounds = [
            "0",
            "1",
            "812576",
            "-1",
            "4294967295",
            "4294967296",
            "9" * 50,
            "1e5",
            "%D9%A1",
            "%00",
            "NaN",
            "1/2",
            "",
        ]
        windows = ["", "?window=1", "?window=0", "?window=86401", "?window=NaN", "?window=1&window=2", "?window=%FF"]
        path = drawn.choice(
            (f"/feed-values/{drawn.choice(rounds)}", "/feed-values", f"/volumes/{drawn.choice(windows)}")
        )
        return Shot("seam", http("POST", path, body))

    def query(self, drawn: random.Random, number: int) -> Shot:
        """Reads with hostile query strings."""
        pairs = [f"{drawn.choice(NAMES)}={told(drawn)}" for _ in range(drawn.choice((0, 1, 1, 2, 3, 4, 40)))]
        if drawn.random() < 0.5:
            pairs += ["symbols=FZ0/USD", "symbol=FZ0/USD", "from=1760000000000", "to=1760000100000"]
            drawn.shuffle(pairs)
        accept = drawn.choice(
            ("*/*", "text/csv", "application/vnd.apache.arrow.stream", "", "q=1;;;,", "\xff", "a/b;q=NaN")
        )
        etag = drawn.choice(("*", '"x"', "W/", '"' * 100))
        request = http(
            "GET", f"{drawn.choice(PATHS)}?{'&'.join(pairs)}", b"", f"Accept: {accept}", f"If-None-Match: {etag}"
        )
        return Shot("query", request, bare=not_quite_http(request))

    def path(self, drawn: random.Random, number: int) -> Shot:
        """Odd paths and methods."""
        text = drawn.choice(HOSTILE_TEXT)
        paths = [
            "/" + percent(text), "/api/v1/price/" + percent(text), "/api/v1/price/%FF", "/api/v1/price/BTC%2FUSD", "/api/v1/price/..%2f..",
            "//", "/./", "/../", "/%2e%2e/%2e%2e/etc/passwd", "/prices/latest/", "/prices//latest", "/%", "/%zz", "/" + "a/" * 2000,
            "/" + "a" * 20_000, "/api/v1/api/v1/price/BTC", "/schema/../prices/latest", "/rounds/" + percent(text), "/;", "/docs", "/?",
            "/api/v1", "/schema/openapi.json", "/metrics", "/health", "/ready", "*", "http://fuzz/live", "/admin/keys", "/auth/x", "/ws",
        ]  # fmt: skip
        method = drawn.choice(
            ("GET", "GET", "GET", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "get", "POST")
        )
        bodiless = method == "HEAD"
        request = http(method, drawn.choice(paths))
        return Shot("path", request, bodiless=bodiless, bare=not_quite_http(request))

    def headers(self, drawn: random.Random, number: int) -> Shot:
        """Absurd headers on sound requests."""
        absurd = drawn.choice((
            ["X-Junk: " + "j" * 70_000], [f"X-{n}: {n}" for n in range(80)], ["X-Request-ID: " + "é" * 40], ["X-Request-ID: a b\tc"],
            ["Authorization: Bearer " + "x" * 5000], ["Authorization: Basic \xff\xfe"], ["Authorization: Bearer"], ["X-API-Key: \xff"],
            ["X-Forwarded-For: " + "1.2.3.4, " * 1000], ["X-Forwarded-For: ::::"], ["Forwarded: for=\x01"], ["Origin: null"], ["Origin: " + "o" * 9000],
            ["Host: "], ["Host: \xff"], ["Cookie: " + "c=d;" * 5000], ["Range: bytes=0-,0-,0-"], ["Content-Type: \xff"],
            ["Content-Type: text/plain"], ["Content-Type: application/json; charset=utf-7"], ["Content-Type: multipart/form-data"],
            ["Expect: 100-continue"], ["X-Chrono-Timestamp: NaN", "X-Chrono-Nonce: \xff", "X-Chrono-Signature: v1="],
            ["X-Chrono-Timestamp: " + "9" * 5000, "X-Chrono-Nonce: n", "X-Chrono-Signature: v1=00"], ["TE: trailers"], ["Date: never"],
            ["Access-Control-Request-Method: \xff", "Origin: x"], ["Accept-Encoding: gzip;q=NaN"], ["If-Modified-Since: ١٢٣"],
        ))  # fmt: skip
        if drawn.random() < 0.5:
            key = drawn.choice((PUBLIC_KEY, "", "\xff" * 50, "chrono_"))
            request = http("GET", drawn.choice(PATHS) + "?symbols=BTC", b"", *absurd, key=key)
            return Shot("headers", request, bare=not_quite_http(request))
        feeds = self._feeds(drawn, number)
        body = written({"worker_id": "fuzz", "feeds": feeds})
        request = http("POST", INGEST, body, *absurd)
        return Shot("headers", request, body, dict(enumerate(feeds)), bare=not_quite_http(request))

    def encoded(self, drawn: random.Random, number: int) -> Shot:
        """Compressed bodies, bombs among them: all are a 415."""
        body = written({"worker_id": "fuzz", "feeds": self._feeds(drawn, number)})
        packed_zeros = bomb()
        packed, name = drawn.choice(
            (
                (gzip.compress(body), "gzip"),
                (zlib.compress(body), "deflate"),
                (packed_zeros, "gzip"),
                (body, "br"),
                (body, "gzip, gzip"),
                (body, "zstd"),
            )
        )
        path = drawn.choice((INGEST, "/feed-values/", "/volumes/"))
        return Shot("encoded", http("POST", path, packed, f"Content-Encoding: {name}"), statuses=frozenset({415}))

    def chunks(self, drawn: random.Random, number: int) -> Shot:
        """Chunked bodies: sound, endless in count, too large."""
        feeds = self._feeds(drawn, number)
        body = written({"worker_id": "fuzz", "feeds": feeds})
        how = drawn.randrange(4)
        if how == 0:
            request = chunked(INGEST, [body[at : at + 1] for at in range(len(body))])
        elif how == 1:
            request = chunked(INGEST, [body[:7], body[7:]], "Trailer: X-T", end=b"0\r\nX-T: 1\r\n\r\n")
        elif how == 2:
            return Shot("chunks", chunked(INGEST, [b" " * 1000] * 400), statuses=frozenset({413}), may_close=True)
        else:
            return Shot("chunks", chunked(INGEST, []), statuses=frozenset({400}))
        return Shot("chunks", request, body, dict(enumerate(feeds)), frozenset(), frozenset({200}))

    def not_http(self, drawn: random.Random, number: int) -> Shot:
        """Bytes that are no HTTP request, or stop within one."""
        body = written({"worker_id": "fuzz", "feeds": self._feeds(drawn, number)})
        sound = http("POST", INGEST, body)
        if drawn.random() < 0.4:
            return Shot("not_http", sound[: drawn.randrange(1, len(sound))], drop=True)
        head = f"POST {INGEST} HTTP/1.1\r\nHost: fuzz\r\nX-API-Key: {ADMIN_KEY}\r\n".encode()
        upgrade = b"GET /prices/latest HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        requests = [
            b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /live\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
            head + b"Content-Length: -1\r\n\r\n", head + b"Content-Length: 99999999999999999999\r\n\r\n", head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            head + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", head + b"Transfer-Encoding: gzip\r\n\r\n", head + b" folded: x\r\n\r\n",
            head + b"Bad Header: x\r\n\r\n", head + b"X: \x00\r\n\r\n", head + b"X: " + b"y" * 900_000 + b"\r\n\r\n",
            head + b"".join(b"X-%d: 1\r\n" % n for n in range(3000)) + b"\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /live HTTP/1.1\r\n\r\n", b"GET /live HTTP/1.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            upgrade + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: \xff\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\n\r\n",
        ]  # fmt: skip
        return Shot("not_http", drawn.choice(requests), broken=True)

    def heavy(self, drawn: random.Random, number: int) -> Shot:
        """Ten megabytes, announced or in chunks."""
        body = b'{"feeds":[' + b" " * (10 * MB) + b"]}"
        if drawn.random() < 0.5:
            request = http("POST", INGEST, body)
        else:
            request = chunked(INGEST, [body[at : at + 65_536] for at in range(0, len(body), 65_536)])
        return Shot("heavy", request, statuses=frozenset({413}), may_close=True)
