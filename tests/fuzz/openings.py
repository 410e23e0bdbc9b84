"""WebSocket handshakes as raw bytes: the sound one, and those that are not quite, or not at all."""

import random
from collections.abc import Iterator

from tests.fakes.house import ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY

ORIGIN = "https://templar.example"
"""The one origin that the house under fire lets in."""


def handshake(*changed: str, target: str | None = None, key: str | None = PUBLIC_KEY, drop: str = "") -> bytes:
    """An opening request; `changed` headers come after the sound ones, `drop` names one that is left out."""
    path = target if target is not None else f"/stream{f'?key={key}' if key else ''}"
    sound = [
        "Host: fuzz", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]  # fmt: skip
    kept = [line for line in sound if not drop or not line.startswith(drop)]
    return "\r\n".join([f"GET {path} HTTP/1.1", *kept, *changed, "", ""]).encode("latin-1", "replace")


def openings(drawn: random.Random) -> Iterator[bytes]:
    """Every opening there is; some differ with what is drawn."""
    for name in ("Host", "Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"):
        yield handshake(drop=name)
    for version in ("0", "8", "12", "14", "13, 8", "x", "9" * 5000, "\xff"):
        yield handshake(f"Sec-WebSocket-Version: {version}", drop="Sec-WebSocket-Version")
    for key in ("", "x", "AAAA", "\xff" * 24, "A" * 5000, "dGhlIHNhbXBsZSBub25jZQ"):
        yield handshake(f"Sec-WebSocket-Key: {key}", drop="Sec-WebSocket-Key")
    for told in ("", "keep-alive", "close", "upgrade, upgrade", "Upgrade, \xff", ", ," * 500):
        yield handshake(f"Connection: {told}", drop="Connection")
    for told in ("", "h2c", "websocket, h2c", "WEBSOCKET", "\x00"):
        yield handshake(f"Upgrade: {told}", drop="Upgrade")
    for origin in (
        ORIGIN,
        "https://evil.example",
        "null",
        "",
        "\xff",
        ORIGIN + ".evil.example",
        "o" * 9000,
        ORIGIN.upper(),
    ):
        yield handshake(f"Origin: {origin}")
    for line in (
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99", "Sec-WebSocket-Extensions: \xff;;;,,",
        "Sec-WebSocket-Protocol: " + "p," * 2000, "Sec-WebSocket-Protocol: chrono\x00", "X-Junk: " + "j" * 70_000, "X-Junk: " + "j" * 900_000,
        "Authorization: Bearer " + "x" * 5000, "Authorization: Bearer \xff\xfe", "Authorization: Basic x", "X-API-Key: \xff",
        f"X-API-Key: {ADMIN_KEY}", "X-Forwarded-For: ::::", "X-Forwarded-For: " + "1.2.3.4, " * 1000, "Cookie: " + "c=d;" * 3000, " folded: x",
        "Bad Header: x", "NoColon", ": empty", "Transfer-Encoding: chunked", "Content-Length: 5", "Content-Length: -1", "Expect: 100-continue",
    ):  # fmt: skip
        yield handshake(line)
    yield handshake(*[f"X-{n}: {n}" for n in range(drawn.choice((80, 200, 3000)))])
    for target in (
        "/", "/stream/", "/stream?", "/stream?key=", "/stream?key=%FF", "/stream?key=" + "k" * 20_000, "/stream?" + "key=a&" * 2000, "/ws?key=x",
        "/stream\x00", "/stream%00", "//stream", "/../stream", "/streams", "http://fuzz/stream", "*", "/stream?key=\xff", "/" + "a" * 70_000,
        f"/api/v1/ws?key={PUBLIC_KEY}", f"/ws?key={INTERNAL_KEY}", "/stream key", "",
    ):  # fmt: skip
        yield handshake(target=target)
    sound = handshake()
    for method in (b"POST", b"HEAD", b"OPTIONS", b"get", b"CONNECT", b"\xff", b""):
        yield sound.replace(b"GET", method, 1)
    for version in (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"", b"HTTP"):
        yield sound.replace(b"HTTP/1.1", version, 1)
    yield sound.replace(b"\r\n", b"\n")
    yield from (
        b"\x00" * 100,
        b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01" + b"\r\n\r\n",
        b"GET\r\n\r\n",
    )
