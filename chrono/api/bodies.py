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

IDLE_S: Final = 0.5
"""A sender that sends nothing for so long waits for our answer."""

_PLAIN: Final = ("application/json", "text/json")


async def read_body(call: Call, receive: Receive, opt: Mapping[str, Any], deadline_s: float) -> bytes:
    """The whole body. Raises: ChronoError(BODY_ENCODED, BODY_TOO_LARGE, BODY_SLOW)."""
    most = int(opt.get("most_body", MOST_BYTES))
    incoming = _Incoming(receive)
    try:
        _check_head(call, most, form=str(opt.get("body_form", "json")))
        async with asyncio.timeout(deadline_s):
            return await _collect(incoming, most)
    except TimeoutError as late:
        raise ChronoError(BODY_SLOW, within_s=deadline_s) from late
    except ChronoError:
        await incoming.discard(deadline_s)
        raise


class _Incoming:
    """The chunks of one body; `over` once the last has come, or the sender has gone."""

    __slots__ = ("_receive", "over")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.over = False

    async def chunk(self) -> bytes:
        """The next chunk. Raises: ChronoError(BODY_SLOW) when the sender has gone."""
        message: Any = await self._receive()
        if message["type"] == "http.disconnect":
            self.over = True
            # Nobody is left to tell; the broken body must not be taken for a whole one.
            raise ChronoError(BODY_SLOW, received="a connection closed within the body")
        self.over = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def discard(self, within_s: float) -> None:
        """Read on without keeping: a sender who is cut off while it writes would never see why."""
        left = MOST_DISCARDED
        try:
            async with asyncio.timeout(within_s):
                while left > 0 and not self.over:
                    async with asyncio.timeout(IDLE_S):
                        left -= len(await self.chunk())
        except (TimeoutError, ChronoError):
            return  # it waits for our word, or has gone, or dawdles: we have read enough


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


async def _collect(incoming: _Incoming, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while not incoming.over:
        parts.append(await incoming.chunk())
        size += len(parts[-1])
        if size > most:
            raise ChronoError(BODY_TOO_LARGE, expected=f"at most {most} bytes")
    return parts[0] if len(parts) == 1 else b"".join(parts)
