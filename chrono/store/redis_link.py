"""The way to Redis: every call within a quarter of a second, or a clear no; back by itself when Redis is."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chrono.clock import SECOND_NS, Clock
from chrono.errors import CACHE_AWAY, REDIS_UNPROTECTED, ChronoError
from chrono.telemetry import CACHE_FAILURES

DEADLINE_S = 0.25
CONNECTIONS = 16
"""At most so many at once: opening one for each of a burst of calls would take longer than waiting for another's."""

_REST_NS = SECOND_NS
"""After a call that was not answered nobody asks for a second: one caller waits, not each."""

_Result = TypeVar("_Result")


class RedisLink:
    """A client whose calls have a deadline."""

    def __init__(self, url: str, clock: Clock) -> None:
        require_protected(url)
        self._clock = clock
        self._silent_until_ns = 0
        # A connection that Redis closed meanwhile costs one immediate second try, within the same deadline.
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=DEADLINE_S,
            socket_timeout=DEADLINE_S,
            socket_connect_timeout=DEADLINE_S,
            retry=Retry(NoBackoff(), 1),
            client_name="chrono",
        )
        self.client = redis.Redis.from_pool(pool)

    async def call(self, op: str, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """What Redis answers. Raises: ChronoError(CACHE_AWAY) within DEADLINE_S, or at once when it was just away."""
        if self._clock.monotonic_ns() < self._silent_until_ns:
            CACHE_FAILURES.labels(op).inc()
            raise ChronoError(CACHE_AWAY, cause="it did not answer a moment ago")
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await ask()
        except (RedisError, OSError, TimeoutError) as error:
            CACHE_FAILURES.labels(op).inc()
            if isinstance(error, TimeoutError | redis.TimeoutError):
                self._silent_until_ns = self._clock.monotonic_ns() + _REST_NS
            raise ChronoError(CACHE_AWAY, cause=(str(error) or type(error).__name__)[:200]) from error

    async def close(self) -> None:
        """Close all connections."""
        await self.client.aclose()


def require_protected(url: str) -> None:
    """Raises: ChronoError(REDIS_UNPROTECTED) for a Redis on another machine that needs no password."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or parts.password or _is_loopback(parts.hostname or "localhost"):
        return
    raise ChronoError(REDIS_UNPROTECTED, host=parts.hostname)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
