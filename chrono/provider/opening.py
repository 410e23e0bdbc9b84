"""From the settings to a voter's parts: its network, nodes, keys and spending. Everything that can be wrong is said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from chrono.chain.intents import LaneRules
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import Registry, read_deployment, relay_state
from chrono.clock import Clock
from chrono.errors import BAD_DEPLOYMENT, BAD_SETTINGS, NO_HEALTHY_NODE, ChronoError
from chrono.flare.address import Address, parse_address
from chrono.flare.contracts.addresses import NETWORK_NAMES
from chrono.flare.epochs import Timing
from chrono.flare.frames import FDC
from chrono.flare.networks import Network, local_network, network_of
from chrono.flare.units import COIN_WEI, GWEI
from chrono.keys.key_folder import KeyFolder
from chrono.keys.passwords import read_password
from chrono.provider.hot_keys import HotKeys
from chrono.provider.setup import ProviderRules, Spending
from chrono.provider.sub_protocols import HttpSubProtocol
from chrono.settings import Settings
from chrono.settings.model import Flare
from chrono.voting.provider_report import Mode

LOCAL: Final = "local"
DEPTH_ELSEWHERE: Final = 3
"""Blocks above the one that holds a transaction,"""
REVEAL_S_A_BLOCK: Final = 10
"""as far as the reveal window has so many seconds for each: rounds of a few seconds have no time to wait for blocks."""
REGISTRY: Final = "FlareContractRegistry"
_UNKNOWN: Final = Timing(0, 1)


def mode_of(flare: Flare) -> Mode:
    """Whether transactions leave."""
    return Mode(flare.mode)


def identity_of(flare: Flare) -> Address:
    """The entity. Raises: ChronoError(BAD_SETTINGS)."""
    return _address("flare.identity", flare.identity or "")


def registry_of(flare: Flare, network: Network) -> Address:
    """Where the contract registry is: as the settings say, else Flare's own. Raises: ChronoError(BAD_SETTINGS)."""
    if flare.registry is not None:
        return _address("flare.registry", flare.registry)
    return network.contracts[REGISTRY][-1].address


def known_of(flare: Flare, network: Network) -> Mapping[str, tuple[Address, ...]]:
    """Where other sources say that the contracts are. Raises: ChronoError(BAD_DEPLOYMENT)."""
    known = {name: tuple(each.address for each in found) for name, found in network.contracts.items()}
    if flare.deployment is None:
        return known
    try:
        text = Path(flare.deployment).expanduser().read_bytes()
    except OSError as error:
        raise ChronoError(BAD_DEPLOYMENT, file=flare.deployment, cause=error.strerror) from error
    told = {name: (address,) for name, address in read_deployment(text).items()}
    return {name: (*known.get(name, ()), *told.get(name, ())) for name in {**known, **told}}


def nodes_of(flare: Flare, chain_id: int, clock: Clock) -> list[Node]:
    """The nodes, named by their order: their addresses may hold keys. To be used in one loop, and closed."""
    return [Node(f"node{number}", url, chain_id, clock) for number, url in enumerate(flare.nodes, 1)]


def protocols_of(flare: Flare) -> list[HttpSubProtocol]:
    """The protocols that share our transactions. To be used in one loop, and closed."""
    return [] if flare.fdc_url is None else [HttpSubProtocol(FDC, flare.fdc_url, key=flare.fdc_key)]


def rules_of(flare: Flare, network: Network) -> ProviderRules:
    """The caps of the settings; and on a chain that is none of Flare's own, depth before a block is believed."""
    spending = Spending(
        commit_wei=flare.commit_gwei * GWEI,
        reveal_wei=flare.reveal_gwei * GWEI,
        signature_wei=flare.signature_gwei * GWEI,
        relay_wei=flare.relay_gwei * GWEI,
        hour_wei=flare.hour_coins * COIN_WEI,
    )
    # On Flare's own chains an accepted block stays; any other may take a few back.
    affordable = network.timing.reveal_s // REVEAL_S_A_BLOCK
    depth = 0 if network.name in NETWORK_NAMES else min(DEPTH_ELSEWHERE, affordable)
    return ProviderRules(spending=spending, lanes=LaneRules(confirmations=depth))


async def find_network(settings: Settings, clock: Clock) -> Network:
    """The network of the settings. That of a chain of one's own is read from its Relay.

    Raises: ChronoError of the nodes, when it must be read and cannot be.
    """
    fip16 = settings.flare.fip16_activation_reward_epoch
    if settings.network != LOCAL:
        return network_of(settings.network, fip16)
    flare = settings.flare
    blank = local_network(_UNKNOWN, chain_id=flare.local_chain_id, name=LOCAL)
    timing = await _read_timing(flare, blank, clock)
    network = local_network(timing, chain_id=flare.local_chain_id, name=LOCAL)
    return _with_fip16(network, fip16.get(LOCAL))


def open_keys(settings: Settings, environ: Mapping[str, str]) -> HotKeys | None:
    """The keys of a live submitter; None for any other, which signs nothing.

    Raises: ChronoError of the password and the keystores.
    """
    flare = settings.flare
    if flare.seat != "submitter" or mode_of(flare) is not Mode.LIVE or flare.password is None:
        return None
    password = read_password(flare.password, environ, Path.cwd())
    return HotKeys.open(KeyFolder.below(settings.data_dir, settings.network), password)


def _with_fip16(network: Network, activation: int | None) -> Network:
    return network if activation is None else replace(network, fip16_activation_reward_epoch=activation)


async def _read_timing(flare: Flare, blank: Network, clock: Clock) -> Timing:
    nodes = nodes_of(flare, blank.chain_id, clock)
    try:
        pool = Pool(nodes, clock)
        await pool.poll()
        if pool.head is None:
            raise ChronoError(NO_HEALTHY_NODE, **_why(pool, nodes))
        contracts = await Registry(pool, registry_of(flare, blank)).resolve()
        state = await relay_state(pool, contracts.address("Relay"))
    finally:
        for node in nodes:
            await node.close()
    return replace(state.timing, reveal_s=flare.local_reveal_s)


def _why(pool: Pool, nodes: Sequence[Node]) -> dict[str, object]:
    return {node.name: pool.standings.why(node.name) for node in nodes}


def _address(key: str, text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as fault:
        raise ChronoError(BAD_SETTINGS, setting=key, why=str(fault)) from fault
