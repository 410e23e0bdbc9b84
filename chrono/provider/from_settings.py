"""A voter of the settings: its nodes, journal, keys and caps, made in the duty's loop and closed there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from chrono.chain.contracts_file import ContractsFile
from chrono.chain.history import HistoryFile
from chrono.clock import Clock
from chrono.flare.address import checksummed
from chrono.flare.networks import Network
from chrono.provider.fdc_file import FdcFile
from chrono.provider.hot_keys import HotKeys
from chrono.provider.memory_log import MemoryLog
from chrono.provider.opening import (
    identity_of,
    known_of,
    mode_of,
    nodes_of,
    protocols_of,
    registry_of,
    rules_of,
)
from chrono.provider.places import FOLDER, contracts_path, fdc_path, history_path, journal_path
from chrono.provider.setup import ProviderSetup, Seat
from chrono.provider.voter import Crossing
from chrono.settings import Settings
from chrono.store.journal_file import JournalFile
from chrono.voting.ports import ByteLog
from chrono.voting.provider_report import Mode


class FromSettings:
    """Begins a voter as the settings say. Fits: voter.Begin."""

    def __init__(self, settings: Settings, network: Network, keys: HotKeys | None, clock: Clock) -> None:
        """Raises: ChronoError(BAD_SETTINGS, BAD_DEPLOYMENT)."""
        self._settings = settings
        self._network = network
        self._keys = keys
        self._clock = clock
        self._identity = identity_of(settings.flare)
        self._registry = registry_of(settings.flare, network)
        self._known = known_of(settings.flare, network)

    @asynccontextmanager
    async def __call__(self, crossing: Crossing) -> AsyncIterator[ProviderSetup]:
        """Everything that belongs to the duty's loop, as long as this is entered. Raises: JOURNAL_BROKEN."""
        flare, network = self._settings.flare, self._network
        (Path(self._settings.data_dir) / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        async with AsyncExitStack() as held:
            nodes, protocols = nodes_of(flare, network.chain_id, self._clock), protocols_of(flare)
            for node in nodes:
                held.push_async_callback(node.close)
            for protocol in protocols:
                held.push_async_callback(protocol.close)
            yield ProviderSetup(
                network=network,
                identity=self._identity,
                registry=self._registry,
                known=self._known,
                nodes=nodes,
                sockets={node.name: url for node, url in zip(nodes, flare.node_sockets, strict=False)},
                clock=self._clock,
                log=self._log(held),
                history=HistoryFile(history_path(self._settings.data_dir, network), network.chain_id),
                contracts=ContractsFile(
                    contracts_path(self._settings.data_dir, network), network.chain_id, self._registry
                ),
                fdc_rounds=FdcFile(
                    fdc_path(self._settings.data_dir, network, checksummed(self._identity)), network, self._identity
                ),
                values=crossing.values,
                keys=self._keys,
                seat=Seat(flare.seat),
                mode=mode_of(flare),
                protocols=protocols,
                reports=crossing.reports,
                tally=crossing.tally,
                reward_data=flare.reward_data,
                rules=rules_of(flare, network),
            )

    def _log(self, held: AsyncExitStack) -> ByteLog:
        """The journal's file. A dry run keeps its own in memory: it must never stand in the way of the real one."""
        if mode_of(self._settings.flare) is Mode.DRY_RUN:
            return MemoryLog()
        path = journal_path(self._settings.data_dir, self._network, checksummed(self._identity))
        log = JournalFile(path, self._clock)
        held.callback(log.close)
        return log
