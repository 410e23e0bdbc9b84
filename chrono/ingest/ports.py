"""What the ingest door needs from the rest of the house."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from chrono.market.quote import Quote

Repeats = Mapping[str, int]
"""Quotes that were there already, by venue; what nobody knows is not in it."""

Write = Callable[[Sequence[Quote]], Awaitable[Repeats]]
"""Keep these quotes; returns only when they are durable, with the repeats among them.

Raises: ChronoError(SPOOL_FULL, DATABASE_AWAY).
"""

Subscriber = Callable[[Sequence[Quote]], None]
"""Told of durable quotes in the order of their commits. Queues and returns at once."""


class Nonces(Protocol):
    """Which nonces were used already. Fits: nonces.MemoryNonces, nonces.SharedNonces, store.cache.Cache."""

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """Whether `key` is new; it is remembered for `ttl_s`. Raises: ChronoError(CACHE_AWAY)."""
        ...
