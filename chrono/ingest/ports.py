"""What the ingest door needs from the rest of the house."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from chrono.market.quote import Quote

Write = Callable[[Sequence[Quote]], Awaitable[None]]
"""Keep these quotes; returns only when they are durable. Raises: ChronoError(SPOOL_FULL, DATABASE_AWAY)."""

Subscriber = Callable[[Sequence[Quote]], None]
"""Told of durable quotes in the order of their commits. Queues and returns at once."""


class Nonces(Protocol):
    """Which nonces were used already. Fits: nonces.MemoryNonces, nonces.SharedNonces, store.cache.Cache."""

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """Whether `key` is new; it is remembered for `ttl_s`. Raises: ChronoError(CACHE_AWAY)."""
        ...
