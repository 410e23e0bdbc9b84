"""Limits and nonces that all instances behind one Redis share, counted by Redis' own clock."""

from typing import Any

from chrono.clock import US_NS
from chrono.store.redis_link import RedisLink

_US = 1_000_000

_TAKE = """
-- KEYS: the bucket. ARGV: limit, window in microseconds.
-- The list holds when each request of the window was let in, oldest first: a true sliding window.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local length = redis.call('LLEN', KEYS[1])
local function at(place) return tonumber(redis.call('LINDEX', KEYS[1], place)) end
if length > 0 then now = math.max(now, at(length - 1)) end  -- a clock set back lets nobody in early
if length > 0 and at(0) <= now - window then
  local low, high = 1, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if at(middle) <= now - window then low = middle + 1 else high = middle end
  end
  redis.call('LTRIM', KEYS[1], low, -1)
  length = length - low
end
local allowed = 0
if length < limit then
  redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  length, allowed = length + 1, 1
end
local oldest = now
if length > 0 then oldest = at(0) end
return {allowed, math.max(limit - length, 0), oldest + window}
"""


class SharedLimits:
    """Counting in Redis. Keys get the installation's prefix."""

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._take: Any = link.client.register_script(_TAKE)

    async def take(self, key: str, limit: int, window_s: int) -> tuple[bool, int, int]:
        """Whether one more may pass, how many are left, and when (wall time, ns) the next place is free.

        Never more than `limit` pass in any `window_s`. Raises: ChronoError(CACHE_AWAY).
        """
        keys, values = [self._prefix + key], [limit, window_s * _US]
        allowed, remaining, reset_us = await self._link.call("take", lambda: self._take(keys=keys, args=values))
        return bool(allowed), int(remaining), int(reset_us) * US_NS

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        """Whether nobody claimed `key` within the last `ttl_s`. Raises: ChronoError(CACHE_AWAY)."""
        name = f"{self._prefix}nonce:{key}"
        return bool(await self._link.call("nonce", lambda: self._link.client.set(name, 1, nx=True, ex=ttl_s)))
