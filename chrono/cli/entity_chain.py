"""The chain for a command that asks it directly: nodes, contracts, and our entity, from the settings alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chrono.cli.ends import USAGE, Stop
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.chain.pool import Pool
    from chrono.chain.registry import Contracts
    from chrono.clock import Clock
    from chrono.flare.address import Address
    from chrono.flare.networks import Network


_NOT_DEV: Final = " (the network of `chrono dev` lives in that process, and cannot be asked from here)"


class EntityChain(Struct, frozen=True, kw_only=True):
    """One chain, asked once."""

    network: "Network"
    identity: "Address"
    pool: "Pool"
    contracts: "Contracts"
    clock: "Clock"


def check_entity(settings: Settings) -> None:
    """Raises: Stop when the settings do not say whose entity, or name no node."""
    if settings.flare.identity is None:
        raise Stop(f"no entity is set: flare.identity{_NOT_DEV}", then="chrono config path", code=USAGE)
    if not settings.flare.nodes:
        raise Stop(f"no node is set: flare.nodes{_NOT_DEV}", then="chrono config path", code=USAGE)


@asynccontextmanager
async def entity_chain(settings: Settings) -> AsyncIterator[EntityChain]:
    """The chain of the settings, its contracts found. Raises: ChronoError when the nodes do not tell them."""
    from chrono.chain.pool import Pool
    from chrono.chain.registry import Registry
    from chrono.clock import SystemClock
    from chrono.errors import NO_HEALTHY_NODE, ChronoError
    from chrono.provider.opening import find_network, identity_of, known_of, nodes_of, registry_of
    from chrono.settings.model import Logs
    from chrono.telemetry import configure_logs

    configure_logs(Logs(level="error"))  # what matters is told in words; stdout is the answer's alone
    clock = SystemClock()
    network = await find_network(settings, clock)
    nodes = nodes_of(settings.flare, network.chain_id, clock)
    try:
        pool = Pool(nodes, clock)
        await pool.poll()
        if pool.head is None:
            raise ChronoError(NO_HEALTHY_NODE, **{each.name: pool.standings.why(each.name) for each in nodes})
        flare = settings.flare
        contracts = await Registry(pool, registry_of(flare, network), known_of(flare, network)).resolve()
        yield EntityChain(network=network, identity=identity_of(flare), pool=pool, contracts=contracts, clock=clock)
    finally:
        for node in nodes:
            await node.close()
