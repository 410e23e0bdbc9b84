"""How each service of the house does, for `/health`: asked of the thing itself, never remembered."""

from collections.abc import Awaitable, Callable, Mapping

from chrono.pricing.board import Board
from chrono.pricing.estimate import Quality
from chrono.store.cache import Cache
from chrono.store.door import Store
from chrono.stream.hub import Hub
from chrono.supervisor import Supervisor

Probe = Callable[[], Awaitable[str]]

HEALTHY, DEGRADED, UNHEALTHY, OFF = "healthy", "degraded", "unhealthy", "off"


def probes(
    store: Store,
    cache: Cache | None,
    board: Board,
    hub: Hub,
    supervisor: Supervisor,
    chain_state: Callable[[], str] | None = None,
) -> Mapping[str, Probe]:
    """The services of api.md's `/health`. PostgreSQL away is degraded: the spool and the memory serve on.

    `chain_state` is the voter's word; without a voter nobody asks a chain anything.
    """

    async def database() -> str:
        await store.ping()
        return DEGRADED if store.spooling or store.refusing else HEALTHY

    async def redis() -> str:
        if cache is None:
            return OFF
        await cache.ping()
        return HEALTHY

    async def websocket() -> str:
        return DEGRADED if hub.full or _crashed(supervisor, "streams") else HEALTHY

    async def chain() -> str:
        return OFF if chain_state is None else chain_state()

    async def venues() -> str:
        if _crashed(supervisor, "board"):
            return UNHEALTHY
        values = [board.latest(market) for market in board.listed()]
        fresh = sum(value is not None and value.quality is not Quality.STALE for value in values)
        return HEALTHY if fresh else DEGRADED

    return {"database": database, "redis": redis, "websocket": websocket, "chain": chain, "venues": venues}


def _crashed(supervisor: Supervisor, part: str) -> bool:
    state = supervisor.states.get(part)
    return state is not None and not state.running
