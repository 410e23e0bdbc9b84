"""Bodies: plain JSON only, bounded in size and in time, read before a route sees the request."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from litestar.types import Receive

from chrono.api.answers import Call
from chrono.errors import BODY_ENCODED, BODY_SLOW, BODY_TOO_LARGE, ChronoError

MOST_BYTES: Final = 256 * 1024
MOST_DISCARDED: Final = 32 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away before the answer."""

_PLAIN: Final = ("application/json", "text/json")


async def read_body(call: Call, receive: Receive, opt: Mapping[str, Any], deadline_s: float) -> bytes:
    """The whole body. Raises: ChronoError(BODY_ENCODED, BODY_TOO_LARGE, BODY_SLOW)."""
    most = int(opt.get("most_body", MOST_BYTES))
    try:
        async with asyncio.timeout(deadline_s):
            try:
                _check_head(call, most, form=str(opt.get("body_form", "json")))
                return await _collect(receive, most)
            except ChronoError as refused:
                if refused.reason is not BODY_SLOW:
                    await _discard(receive)
                raise
    except TimeoutError as late:
        raise ChronoError(BODY_SLOW, within_s=deadline_s) from late


def _check_head(call: Call, most: int, form: str) -> None:
    encoding = (call.header(b"content-encoding") or "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ChronoError(BODY_ENCODED, field="Content-Encoding", received=encoding[:60], expected="identity")
    content_type = (call.header(b"content-type") or "").partition(";")[0].strip().lower()
    plain = not content_type or content_type in _PLAIN or content_type.endswith("+json")
    if form == "json" and not plain:
        raise ChronoError(BODY_ENCODED, field="Content-Type", received=content_type[:60], expected=_PLAIN[0])
    length = call.header(b"content-length") or "0"
    if length.isdigit() and int(length[:20]) > most:
        raise ChronoError(BODY_TOO_LARGE, received=int(length[:20]), expected=f"at most {most} bytes")


async def _discard(receive: Receive) -> None:
    """Read on without keeping: a sender who is cut off while it writes would never see why."""
    left = MOST_DISCARDED
    while left > 0:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if not message.get("more_body", False):
                return


async def _collect(receive: Receive, most: int) -> bytes:
    first: bytes | None = None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Nobody is left to tell; the broken body must not be taken for a whole one.
            raise ChronoError(BODY_SLOW, received="a connection closed within the body")
        if message["type"] != "http.request":
            continue
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise ChronoError(BODY_TOO_LARGE, expected=f"at most {most} bytes")
        if not message.get("more_body", False):
            return chunk if first is None else b"".join([*parts, chunk])
        first = chunk
        parts.append(chunk)
