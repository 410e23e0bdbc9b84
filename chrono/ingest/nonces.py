"""Nonces of signed requests: each counts once, in this process or among all that share one Redis."""

from typing import Final

from chrono.clock import SECOND_NS, Clock
from chrono.errors import CACHE_AWAY, ChronoError
from chrono.ingest.ports import Nonces

MOST_NONCES: Final = 200_000
"""About 30 MB; at a minute each, 3,300 signed requests a second."""


class MemoryNonces:
    """Nonces of this process. When it holds all that it can, a new nonce counts as used: it never fails open."""

    def __init__(self, clock: Clock, most: int = MOST_NONCES) -> None:
        self._clock = clock
        self._most = most
        self._expires_ns: dict[str, int] = {}

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """Whether `key` is new; it is remembered for `ttl_s`."""
        now_ns = self._clock.monotonic_ns()
        self._forget(now_ns)
        if key in self._expires_ns or len(self._expires_ns) >= self._most:
            return False
        self._expires_ns[key] = now_ns + ttl_s * SECOND_NS
        return True

    def _forget(self, now_ns: int) -> None:
        # All live equally long, so the dict's order of arrival is the order of expiry.
        gone = []
        for key, expires_ns in self._expires_ns.items():
            if expires_ns > now_ns:
                break
            gone.append(key)
        for key in gone:
            del self._expires_ns[key]


class SharedNonces:
    """Nonces that several instances share; while Redis is away, each instance still knows its own."""

    def __init__(self, own: Nonces, shared: Nonces) -> None:
        self._own = own
        self._shared = shared

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """Whether `key` is new here and, as far as can be asked, everywhere."""
        if not await self._own.claim_nonce(key, ttl_s):
            return False
        try:
            return await self._shared.claim_nonce(key, ttl_s)
        except ChronoError as away:
            if away.reason is not CACHE_AWAY:
                raise
            return True
