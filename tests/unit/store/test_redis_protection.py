"""A Redis that anyone on the network may use is refused at the start."""

import pytest

from chrono.clock import ManualClock
from chrono.errors import REDIS_UNPROTECTED, ChronoError
from chrono.settings import Redis, Secret
from chrono.store.cache import Cache
from chrono.store.redis_link import require_protected


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379",
        "redis://127.8.0.1/1",
        "redis://localhost",
        "redis://[::1]:6379/0",
        "redis:///0",
        "unix:///run/redis.sock",
        "redis://:word@10.0.0.5:6379",
        "rediss://user:word@redis.example:6380/0",
    ],
)
def test_loopback_or_a_password_will_do(url):
    require_protected(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://10.0.0.5:6379",
        "redis://redis.example",
        "rediss://redis.example:6380",
        "redis://user@redis.example",
        "redis://localhost.example",
        "redis://0.0.0.0:6379",
    ],
)
def test_another_machine_without_a_password_is_refused(url):
    with pytest.raises(ChronoError) as refused:
        Cache.open(Redis(url=Secret(url)), ManualClock())
    assert refused.value.reason is REDIS_UNPROTECTED


def test_no_address_is_no_cache():
    with pytest.raises(ValueError, match="no Redis"):
        Cache.open(Redis(), ManualClock())
