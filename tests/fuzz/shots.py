"""One hostile request as bytes, and the ways to write and to spoil one."""

import gzip
import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.fakes.house import ADMIN_KEY
from tests.fuzz.corpus import MB, VALUES, Token


@dataclass(frozen=True)
class Shot:
    """One request and what its answer must be.

    `feeds` are the good feeds as sent, by their place; `bad` the places that must be refused, None where nobody can
    say. `broken`: not HTTP, so that the server may answer bare or hang up. `bare`: its head is not quite HTTP, which
    the layer below Chrono may refuse without an envelope. `drop`: nobody waits for the answer.
    """

    kind: str
    request: bytes
    body: bytes = b""
    feeds: dict[int, dict[str, Any]] = field(default_factory=dict)
    bad: frozenset[int] | None = None
    statuses: frozenset[int] | None = None
    bodiless: bool = False
    broken: bool = False
    bare: bool = False
    may_close: bool = False
    drop: bool = False


def http(
    method: str, path: str, body: bytes = b"", *headers: str, key: str = ADMIN_KEY, json_body: bool = True
) -> bytes:
    """The bytes of one well-formed request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: fuzz", f"X-API-Key: {key}", *headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
        if json_body and not any(line.lower().startswith("content-type") for line in headers):
            lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def chunked(path: str, parts: list[bytes], *headers: str, end: bytes = b"0\r\n\r\n") -> bytes:
    """A chunked POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: fuzz", f"X-API-Key: {ADMIN_KEY}", "Content-Type: application/json"]
    head = "\r\n".join([*lines, "Transfer-Encoding: chunked", *headers, "", ""]).encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + end


def not_quite_http(request: bytes) -> bool:
    """Whether the head breaks the grammar of addresses or header values, or the address is beyond 64 KiB."""
    head = request.partition(b"\r\n\r\n")[0]
    target = head.partition(b"\r\n")[0]
    return (
        len(target) > 65_000
        or any(byte in b'<>"{}\\^`|' for byte in target)
        or any(byte < 0x20 and byte not in b"\r\n\t" for byte in head)
    )


def written(value: Any, *, ascii_only: bool = False) -> bytes:
    """JSON of a value in which Tokens go as they are. Lone surrogates leave as escapes."""
    tokens: dict[str, str] = {}

    def marked(part: Any) -> Any:
        if isinstance(part, Token):
            name = f"@@token{len(tokens)}@@"
            tokens[f'"{name}"'] = str(part)
            return name
        if isinstance(part, dict):
            return {name: marked(inner) for name, inner in part.items()}
        return [marked(inner) for inner in part] if isinstance(part, list) else part

    text = json.dumps(marked(value), ensure_ascii=ascii_only)
    for name, token in tokens.items():
        text = text.replace(name, token)
    return text.encode()


def disturb(body: bytearray, drawn: random.Random) -> None:
    at = drawn.randrange(len(body)) if body else 0
    how = drawn.randrange(7)
    if how <= 1 and body:
        body[at] ^= 1 << drawn.randrange(8)
    elif how == 2 and body:
        body[at] = drawn.randrange(256)
    elif how == 3:
        del body[at : at + drawn.choice((1, 2, 10, 1000))]
    elif how == 4:
        body[at:at] = body[at : at + drawn.choice((1, 5, 50, 200))]
    elif how == 5:
        scraps = (
            b"\x00",
            b"\xff",
            b'"',
            b"\\",
            b"\\u0000",
            b"\\ud800",
            b"[[[[",
            b"}",
            b",",
            b"1e999999999",
            b"null",
            b"\xe2\x80\xae",
            b"9" * 100,
        )
        body[at:at] = drawn.choice(scraps)
    else:
        other = drawn.randrange(len(body)) if body else 0
        low, high = sorted((at, other))
        body[low:high] = body[low:high][::-1] if high - low < 8 else body[low:high]


def percent(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def told(drawn: random.Random) -> str:
    value = drawn.choice(VALUES)
    if drawn.random() < 0.5:
        return percent(value)
    return "".join(letter for letter in value if 0x21 <= ord(letter) < 0x7F) + drawn.choice(
        ("", "%FF", "%", "%0", "%00", "%u0041")
    )


_bombs: list[bytes] = []


def bomb() -> bytes:
    """Fifty megabytes in fifty kilobytes, made once."""
    if not _bombs:
        _bombs.append(gzip.compress(bytes(50 * MB), 6))
    return _bombs[0]
