"""What is asked before a stream opens, the same at every door: the path, the origin and the key."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs

from chrono.stream.frames import encode

PATHS: Final = ("/stream", "/ws", "/api/v1/stream", "/api/v1/ws")

FORWARDED: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"cf-connecting-ip", b"via")
"""Headers by which a proxy gives itself away."""

OPEN: Final = {"callers": "open"}
"""How a route says that it looks at keys itself. A browser's EventSource can show one in the query only."""

HIDDEN: Final = b"key=***"
"""What stands in the place of a query that carried a key, so that nothing behind the door can log it."""


def origin_allowed(origin: str | None, origins: tuple[str, ...]) -> bool:
    """Whether a page of `origin` may open a stream. Programs send no origin; browsers always do."""
    return origin is None or "*" in origins or origin.lower() in (allowed.lower() for allowed in origins)


def key_of(headers: Mapping[str, str], query: str) -> str | None:
    """The key shown: `X-API-Key`, else `Authorization: Bearer`, else `?key=`; None for none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return headers.get("x-api-key") or bearer or parse_qs(query).get("key", [""])[-1] or None


def forwarding(headers: Iterable[tuple[str, str]]) -> dict[bytes, bytes]:
    """What proxies said of whom they come for; a header given twice as one list, as RFC 9110, 5.3, has it."""
    told: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower().encode("latin-1", "replace")
        if lower in FORWARDED:
            text = value.encode("latin-1", "replace")
            told[lower] = told[lower] + b"," + text if lower in told else text
    return told


def envelope(code: str, message: str, status: int) -> bytes:
    """The one error envelope, for a refusal before the stream opens."""
    problem = {"code": code, "message": message, "details": {}, "request_id": f"req_{secrets.token_hex(6)}"}
    return encode({"error": problem, "status": status})
