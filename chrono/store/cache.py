"""The optional Redis: newest values for everyone, updates to the other instances, shared limits, cached answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

import structlog
from redis.exceptions import RedisError

from chrono.clock import Clock
from chrono.errors import ChronoError
from chrono.market.names import Market
from chrono.pricing.estimate import Estimate
from chrono.settings import Redis
from chrono.store import bus
from chrono.store.redis_link import RedisLink
from chrono.store.shared_limits import SharedLimits
from chrono.telemetry import CACHE_FAILURES

PRICE_TTL_S = 300
ANSWER_TTL_S = 300
_HEARTBEAT_S = 5.0

_PUT = """
-- KEYS, per value: its key, its second key (or the same again). ARGV: prefix, ttl, second ttl, channel of all; then
-- per value: its time, its channel, its JSON. A value older than what stands there changes nothing and is not told.
local taken = 0
for i = 1, #KEYS / 2 do
  local key, second = KEYS[2 * i - 1], KEYS[2 * i]
  local at, channel, value = tonumber(ARGV[3 * i + 2]), ARGV[3 * i + 3], ARGV[3 * i + 4]
  local standing = redis.call('GET', key)
  local stood_at = standing and tonumber(string.match(standing, '"at_us":(%d+)'))
  if not stood_at or stood_at <= at then
    if second ~= key then redis.call('SET', second, value, 'EX', ARGV[3]) end
    redis.call('SET', key, value, 'EX', ARGV[2])
    redis.call('PUBLISH', channel, value)
    redis.call('PUBLISH', ARGV[4], value)
    taken = taken + 1
  end
end
return taken
"""

Heard = Callable[[Sequence[Estimate]], None]
Part = tuple[str, Callable[[], Awaitable[None]]]

log = structlog.get_logger()


class Cache:
    """Redis as Chrono uses it. Made by `Cache.open`; nothing of it need be there for Chrono to work."""

    def __init__(self, link: RedisLink, settings: Redis) -> None:
        self._link = link
        self._prefix = settings.prefix
        self._ttl_s = settings.cache_ttl_s
        self._instance = bus.new_instance()
        self._put: Any = link.client.register_script(_PUT)
        self._limits = SharedLimits(link, settings.prefix)
        self._waiting: dict[Market, Estimate] = {}
        self._filled = asyncio.Event()
        self._heard: list[Heard] = []

    @classmethod
    def open(cls, settings: Redis, clock: Clock) -> Self:
        """The cache at `settings.url`, which may be away. Raises: ChronoError(REDIS_UNPROTECTED)."""
        if settings.url is None:
            raise ValueError("no Redis is configured: memory serves")
        return cls(RedisLink(settings.url.reveal(), clock), settings)

    async def put_latest(self, estimates: Iterable[Estimate]) -> int:
        """Write values through and tell the other instances; give back how many were newer than what stood there.

        Raises: ChronoError(CACHE_AWAY).
        """
        keys: list[str] = []
        values: list[object] = []
        for estimate in estimates:
            key = self._prefix + bus.latest_key(estimate.market)
            second = bus.price_key(estimate.market)
            keys += [key, key if second is None else self._prefix + second]
            channel = f"{self._prefix}price_updates:{estimate.market}"
            values += [estimate.at_ns // 1000, channel, bus.encode(estimate, self._instance)]
        if not keys:
            return 0
        arguments = [self._prefix, self._ttl_s, PRICE_TTL_S, self._everything, *values]
        return int(await self._link.call("put", lambda: self._put(keys=keys, args=arguments)))

    def put_later(self, estimates: Iterable[Estimate]) -> None:
        """Queue values for the writing part, the newest of each market, and return at once."""
        for estimate in estimates:
            self._waiting[estimate.market] = estimate
            self._filled.set()

    async def get_latest(self, market: Market) -> Estimate | None:
        """The newest value that any instance computed; None when there is none. Raises: ChronoError(CACHE_AWAY)."""
        told = await self.get_answer(bus.latest_key(market))
        shared = None if told is None else bus.decode(told)
        return None if shared is None else shared.to_estimate()

    async def get_answer(self, key: str) -> bytes | None:
        """What was remembered under `key` (see chrono.store.bus for keys). Raises: ChronoError(CACHE_AWAY)."""
        told = await self._link.call("get", lambda: self._link.client.get(self._prefix + key))
        return told if isinstance(told, bytes) else None

    async def put_answer(self, key: str, body: bytes, ttl_s: int = ANSWER_TTL_S) -> None:
        """Remember an answer for `ttl_s`. Raises: ChronoError(CACHE_AWAY)."""
        await self._link.call("set", lambda: self._link.client.set(self._prefix + key, body, ex=ttl_s))

    async def take(self, key: str, limit: int, window_s: int, now_ns: int) -> tuple[bool, int, int]:  # noqa: ARG002
        """See SharedLimits.take. `now_ns` is not used: instances share Redis' clock, theirs may differ."""
        return await self._limits.take(key, limit, window_s)

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """See SharedLimits.claim_nonce."""
        return await self._limits.claim_nonce(key, ttl_s)

    async def ping(self) -> None:
        """Raises: ChronoError(CACHE_AWAY)."""
        await self._link.call("ping", lambda: self._link.client.echo("chrono"))

    def on_estimates(self, callback: Heard) -> None:
        """Call back with values that other instances computed. It queues and returns at once."""
        self._heard.append(callback)

    def parts(self) -> list[Part]:
        """What must run as long as the cache is open."""
        return [("cache_writer", self._write), ("cache_listener", self._listen)]

    async def close(self) -> None:
        """Close all connections; the parts are cancelled before."""
        await self._link.close()

    @property
    def _everything(self) -> str:
        return f"{self._prefix}price_updates:all"

    async def _write(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            some, self._waiting = self._waiting, {}
            try:
                await self.put_latest(some.values())
            except ChronoError as error:
                # Nothing is kept for later: by then there are newer values.
                log.warning("cache_not_written", values=len(some), cause=str(error.facts.get("cause", "")))
                await asyncio.sleep(1.0)

    async def _listen(self) -> None:
        pause_s = 0.1
        while True:
            try:
                async with self._link.client.pubsub() as channel:
                    await channel.subscribe(self._everything)
                    pause_s = 0.1
                    await self._hear(channel)
            except (ChronoError, RedisError, OSError, TimeoutError) as error:
                CACHE_FAILURES.labels("listen").inc()
                log.warning("cache_listener_away", cause=str(error)[:200])
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    async def _hear(self, channel: Any) -> None:
        """Pass messages on; a silent channel is asked for a sign of life, as a frozen Redis keeps its sockets."""
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=_HEARTBEAT_S)
            if message is None:
                await self._link.call("ping", lambda: self._link.client.echo("chrono"))
                continue
            shared = bus.decode(message["data"])
            if shared is not None and shared.instance != self._instance:
                for callback in self._heard:
                    callback([shared.to_estimate()])
