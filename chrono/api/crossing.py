"""Browsers of other origins (CORS): who may read, and the answer to a preflight."""

from collections.abc import Mapping, Sequence
from typing import Final

from chrono.api.access import Callers
from chrono.api.answers import Header

_READABLE: Final = frozenset({Callers.OPEN, Callers.PUBLIC})
_EXPOSED: Final = b"X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag, Link"
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, X-API-Key, Content-Type, X-Request-ID, If-None-Match"),
    (b"access-control-max-age", b"600"),
)


class Origins:
    """The origins of the settings; `*` is any. Only public reads are opened to browsers of other origins."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._known = frozenset(origin.encode("latin-1", "replace") for origin in origins)

    def headers(self, asked: Mapping[bytes, bytes], callers: Callers) -> list[Header]:
        """What a browser needs to see, given the request's headers."""
        origin = asked.get(b"origin")
        if callers not in _READABLE or origin is None:
            return [] if self._any else [(b"vary", b"Origin")]
        if self._any:
            allowed: list[Header] = [(b"access-control-allow-origin", b"*")]
        elif origin in self._known:
            allowed = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        else:
            return [(b"vary", b"Origin")]
        preflight = _PREFLIGHT if b"access-control-request-method" in asked else ()
        return [*allowed, (b"access-control-expose-headers", _EXPOSED), *preflight]
