"""Who may pass: by address, key, class of the route, and every limit. Source: api.md, "Who may call what"."""

from collections.abc import Mapping
from typing import Any, Final

from litestar.types import HTTPScope
from msgspec import Struct

from chrono.api.access import ALLOWED, Callers, KeyRing, key_of
from chrono.api.addresses import Addresses, Caller
from chrono.api.answers import Call
from chrono.api.limits import Allowance, Bucket, Limiter
from chrono.api.problems import Problem, problem_for
from chrono.clock import SECOND_NS, Clock
from chrono.errors import BAD_KEY, NO_KEY, TOO_MANY_REQUESTS, WRONG_CLASS
from chrono.settings import Settings
from chrono.telemetry import AUTH_FAILURES, RATE_LIMITED

GATEWAY_PER_MINUTE: Final = 30
"""Requests per address at the public gateway host, whatever the key; see "Who may call what"."""


class Route(Struct, frozen=True):
    """What routing says about a request: the route's template, who may call it, and its settings."""

    template: str
    callers: Callers
    opt: Mapping[str, Any]
    problem: Problem | None = None


class Policy(Struct, frozen=True, kw_only=True):
    """What is decided by: keys, addresses, and requests a minute per address and per host name."""

    keys: KeyRing
    addresses: Addresses
    limiter: Limiter
    per_address: int
    per_host: Mapping[str, int]


def policy_of(settings: Settings, keys: KeyRing, limiter: Limiter) -> Policy:
    """The policy that the settings describe."""
    return Policy(
        keys=keys,
        addresses=Addresses(settings.server.trusted_proxies, settings.server.seam_networks),
        limiter=limiter,
        per_address=settings.api.rate_limit_address,
        per_host=_host_limits(settings),
    )


def _host_limits(settings: Settings) -> dict[str, int]:
    domain = settings.server.domain
    by_default = {} if domain is None else {f"gateway.{domain}": GATEWAY_PER_MINUTE}
    return {name.lower(): limit for name, limit in (by_default | settings.api.host_limits).items()}


def failures_of(caller: str, policy: Policy) -> Bucket:
    """The bucket in which wrong keys from one address are counted."""
    return Bucket(f"failures:{caller}:rate", policy.per_address, "failures")


class Doorkeeper:
    """Lets a call pass or says why not. Notes on the call who it is and what is left to it."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock

    async def refuse(self, call: Call, route: Route) -> Problem | None:
        """Why this call may not go on; None when it may."""
        caller = self._policy.addresses.caller(_peer(call.scope), call.headers)
        call.address = caller.bucket
        if route.callers is Callers.SEAM and caller.listed:
            return None
        if route.callers is Callers.OPEN or (route.callers is Callers.SCRAPER and caller.listed):
            return await self._take(call, self._address(caller))
        key = None if route.callers is Callers.SEAM else key_of(call.headers)
        if key is None and route.callers is Callers.OWN:
            return await self._take(call, self._address(caller))
        if key is None:
            refused = await self._take(call, self._address(caller))
            AUTH_FAILURES.labels("no_key").inc()
            return refused or problem_for(WRONG_CLASS if route.callers is Callers.SEAM else NO_KEY)
        return await self._refuse_key(call, route, caller, key)

    async def _refuse_key(self, call: Call, route: Route, caller: Caller, key: str) -> Problem | None:
        limiter = self._policy.limiter
        failures = failures_of(caller.bucket, self._policy)
        exhausted = limiter.exhausted(failures)
        if exhausted is not None:
            # Before the key is hashed: whoever floods us with wrong keys costs us no sums.
            return self._too_many(call, exhausted)
        access = self._policy.keys.find(key)
        if access is None:
            AUTH_FAILURES.labels("bad_key").inc()
            call.allowance = await limiter.take(failures)
            return problem_for(BAD_KEY)
        call.access = access
        buckets = [] if access.per_minute is None else [Bucket(f"api:{access.key_id}:rate", access.per_minute, "key")]
        refused = await self._take(call, *buckets)
        if refused is None and access.key_class not in ALLOWED[route.callers]:
            AUTH_FAILURES.labels("wrong_class").inc()
            return problem_for(WRONG_CLASS)
        return refused

    async def _take(self, call: Call, *buckets: Bucket) -> Problem | None:
        host = (call.header(b"host") or "").rpartition(":")[0] or (call.header(b"host") or "")
        per_host = self._policy.per_host.get(host.lower())
        if per_host is not None:
            buckets = (*buckets, Bucket(f"host:{host.lower()}:{call.address}:rate", per_host, "host"))
        if not buckets:
            return None
        allowance = await self._policy.limiter.take(*buckets)
        call.allowance = allowance
        return None if allowance.allowed else self._too_many(call, allowance)

    def _too_many(self, call: Call, allowance: Allowance) -> Problem:
        call.allowance = allowance
        RATE_LIMITED.labels(allowance.tier).inc()
        wait_s = max(1, -(-(allowance.reset_ns - self._clock.now_ns()) // SECOND_NS))
        problem = problem_for(TOO_MANY_REQUESTS, limit=allowance.limit, per_seconds=60, retry_after_s=wait_s)
        headers = (*problem.headers, (b"retry-after", str(wait_s).encode()))
        return Problem(problem.code, problem.status, problem.message, problem.details, headers)

    def _address(self, caller: Caller) -> Bucket:
        return Bucket(f"address:{caller.bucket}:rate", self._policy.per_address, "address")


def _peer(scope: HTTPScope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None
