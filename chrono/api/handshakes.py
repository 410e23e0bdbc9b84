"""How often an address may try keys on the streams: in the very bucket in which its requests' wrong keys are counted.

A handshake cannot wait for Redis. It is counted here at once and in the shared window a moment later; what that
refuses holds here from then on.
"""

import asyncio
from collections.abc import Mapping

from chrono.api.admission import Policy, failures_of
from chrono.clock import SECOND_NS, Clock
from chrono.telemetry import RATE_LIMITED


class Handshakes:
    """What the stream doors ask before they let somebody in. Fits: stream.ports.Threshold."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._following: set[asyncio.Task[None]] = set()

    def caller(self, peer: str | None, headers: Mapping[bytes, bytes]) -> str:
        """Under which name the limits of whoever comes from `peer` are counted."""
        return self._policy.addresses.caller(peer, headers).bucket

    def is_proxy(self, peer: str) -> bool:
        """Whether `peer` is a trusted proxy, which comes for many."""
        return self._policy.addresses.is_proxy(peer)

    def locked(self, caller: str) -> int | None:
        """Seconds to wait after too many failures; None when there is room."""
        full = self._policy.limiter.exhausted(failures_of(caller, self._policy))
        if full is None:
            return None
        RATE_LIMITED.labels(full.tier).inc()
        return max(1, -(-(full.reset_ns - self._clock.now_ns()) // SECOND_NS))

    def failed(self, caller: str) -> None:
        """Count an attempt that showed no right key."""
        following = self._policy.limiter.count(failures_of(caller, self._policy))
        if following is not None:
            task = asyncio.ensure_future(following)
            self._following.add(task)
            task.add_done_callback(self._following.discard)
