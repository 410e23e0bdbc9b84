"""`/health`, `/live`, `/ready`, `/metrics` and the schema: for those who watch, without a key."""

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, Header
from chrono.api.operations import Operation, Served
from chrono.api.parameters import read_query
from chrono.api.ports import ApiParts, Probe
from chrono.api.schemas import Health, Live, Part, Ready
from chrono.clock import SECOND_NS, to_rfc3339
from chrono.errors import ChronoError
from chrono.pricing.estimate import Quality

SERVICES: Final = ("database", "redis", "websocket", "chain", "venues")
STATES: Final = ("off", "healthy", "degraded", "unhealthy")
"""From least to most alarming."""

_PROBE_S: Final = 1.0
_FRESH_NS: Final = SECOND_NS
"""One look serves everybody who asks within a second: a flood of /health must not become a flood of pings."""

_UNCACHED: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)


class Vitals:
    """How the house does."""

    def __init__(self, parts: ApiParts, window_s: int) -> None:
        self._parts = parts
        self._window_ns = window_s * SECOND_NS
        self._began_ns = parts.clock.monotonic_ns()
        self._looked_ns = -_FRESH_NS
        self._seen: dict[str, str] = {}
        self._looking = asyncio.Lock()

    async def health(self, call: Call) -> Served:
        """Every service and all together; 503 only when unhealthy."""
        read_query(call.query, ())
        services = await self._services()
        worst = max(services.values(), key=STATES.index)
        parts = {
            name: Part("running" if state.running else "restarting", state.restarts, state.since)
            for name, state in self._parts.supervised().items()
        }
        status = "healthy" if worst == "off" else worst
        if status == "healthy" and any(part.state == "restarting" for part in parts.values()):
            status = "degraded"
        uptime_s = (call.clock.monotonic_ns() - self._began_ns) // SECOND_NS
        body = Health(status, to_rfc3339(call.clock.now_ns()), services, uptime_s, parts)  # type: ignore[arg-type]
        return Answer(call.encoded(body), status=503 if status == "unhealthy" else 200, headers=_UNCACHED)

    async def live(self, call: Call) -> Served:
        """The loop turns."""
        read_query(call.query, ())
        return Answer(call.encoded(Live()), headers=_UNCACHED)

    async def ready(self, call: Call) -> Served:
        """Whether fresh prices can be served."""
        read_query(call.query, ())
        now_ns = call.clock.now_ns()
        estimates = [self._parts.board.latest(market) for market in self._parts.board.listed()]
        fresh = sum(
            1
            for estimate in estimates
            if estimate is not None
            and estimate.quality is not Quality.STALE
            and now_ns - estimate.newest_at_ns <= self._window_ns
        )
        body = Ready("ready" if fresh else "not_ready", len(estimates), fresh)
        return Answer(call.encoded(body), status=200 if fresh else 503, headers=_UNCACHED)

    async def _services(self) -> dict[str, str]:
        async with self._looking:
            now_ns = self._parts.clock.monotonic_ns()
            if not self._seen or now_ns - self._looked_ns >= _FRESH_NS:
                probes = {name: self._parts.health.get(name) for name in SERVICES}
                states = await asyncio.gather(*(_state(probe) for probe in probes.values()))
                self._seen, self._looked_ns = dict(zip(probes, states, strict=True)), now_ns
            return self._seen


def operations(parts: ApiParts, window_s: int, openapi: Callable[[], bytes]) -> list[Operation]:
    """The operations of this file. `openapi` gives the document once all operations are known."""
    vitals = Vitals(parts, window_s)

    async def metrics(call: Call) -> Served:
        read_query(call.query, ())
        return Answer(generate_latest(), content_type=CONTENT_TYPE_LATEST.encode(), headers=_UNCACHED)

    async def schema(call: Call) -> Served:
        read_query(call.query, ())
        return Answer(openapi(), headers=((b"cache-control", b"max-age=60"),))

    return [
        _open("/health", "health", "How each service does", vitals.health, {200: Health, 503: Health}),
        _open("/live", "live", "The loop turns", vitals.live, {200: Live}),
        _open("/ready", "ready", "Whether fresh prices can be served", vitals.ready, {200: Ready, 503: Ready}),
        Operation(
            method="GET",
            path="/metrics",
            id="metrics",
            tag="Operations",
            summary="Prometheus text",
            callers=Callers.SCRAPER,
            serve=metrics,
            answers={200: bytes},
            content_types=("text/plain",),
        ),
        _open("/schema/openapi.json", "openapi", "This document", schema, {200: dict}),
    ]


def _open(path: str, name: str, summary: str, serve: Callable[[Call], object], answers: dict[int, type]) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=name,
        tag="Operations",
        summary=summary,
        callers=Callers.OPEN,
        serve=serve,  # type: ignore[arg-type]
        answers=answers,
    )


async def _state(probe: Probe | None) -> str:
    if probe is None:
        return "off"
    try:
        async with asyncio.timeout(_PROBE_S):
            state = await probe()
    except (ChronoError, TimeoutError):
        # It does not answer; what is in memory is still served, so the house as a whole is not down.
        return "degraded"
    return state if state in STATES else "degraded"
