"""A provider in virtual time: its chain, its nodes, its disk, and one process after another.

The provider is the real one, with the real pool, indexer, lanes, keys, journal and journal file; simulated are the chain
behind the nodes, the file system, and time.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from tempfile import gettempdir
from typing import Any

from chrono.chain.contracts_file import ContractsFile, Found
from chrono.chain.intents import LaneRules
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS
from chrono.errors import DATABASE_AWAY, JOURNAL_BROKEN, ChronoError
from chrono.flare.address import Address
from chrono.flare.commit import RANDOM_BYTES
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import FeedId
from chrono.flare.signatures import address_of
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.provider.hot_keys import HotKey, HotKeys
from chrono.provider.provider import Provider
from chrono.provider.setup import ProviderRules, ProviderSetup
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.prices import Waves
from chrono.simulation.virtual_time import VirtualClock
from chrono.store import journal_file
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from chrono.voting.provider_report import Mode
from chrono.voting.reports import Reports
from tests.sim.disk import Disk
from tests.sim.fdc_client import FdcClient
from tests.sim.features import PLAIN, Features
from tests.sim.judging_co_duty import Trouble
from tests.sim.process import Process

START_NS = 1_800_000_000 * SECOND_NS
POLL_S = 1.0
"""Nodes are asked for their heads half as often as in real life, for speed."""
CONFIRMATIONS = 3
"""So many blocks above a transaction before it counts: here blocks are taken back, as on no chain of Flare's."""
RESTART_S = 2.0
"""So long after it ended by itself, a process is started again by whatever keeps services alive."""
KEYS = Keyring.of("the provider under test")
JOURNAL = Path(gettempdir()) / "chrono-simulated" / "journal"


class KeptContracts(ContractsFile):
    """Where the contracts were, on a disk that never fails: a process finds what the one before it kept."""

    def __init__(self) -> None:
        self._found: Found | None = None

    def load(self) -> Found | None:
        return self._found

    def save(self, found: Found) -> None:
        self._found = found


class House:
    """One simulated world. Everything outlives the processes; `start` begins one."""

    def __init__(
        self, clock: VirtualClock, seed: int = 0, *, nodes: int = 3, features: Features = PLAIN, **flare: Any
    ) -> None:
        self.clock = clock
        self.features = features
        self.wall = VirtualClock(asyncio.get_running_loop(), START_NS)
        """The provider's own clock, which may be wrong."""
        self.flare = SimulatedFlare(clock, seed=seed, **flare)
        self.flare.join(KEYS.entity())
        self.fdc = self._featured(seed)
        """The client of our data connector; None: we have none."""
        self.nodes = self.flare.nodes(nodes)
        self.disk = Disk(seed)
        self.contracts = KeptContracts()
        self.seed = seed
        self.process: Process | None = None
        self.provider: Provider | None = None
        self.processes: list[Process] = []
        self.make: Callable[[ProviderSetup], Provider] = Provider
        self.changed: Callable[[ProviderSetup], ProviderSetup] = lambda setup: setup
        self.faults: list[asyncio.Task[None]] = []
        self.lives = asyncio.Lock()
        """Held by whoever ends and begins processes."""
        self.values = "all"
        """What the part that gives the values does: all, some, none, raises."""
        self.store_fails = False
        self.troubles: list[Trouble] = []
        """What was wrong, from when to when."""
        self.crashed: list[str] = []
        """Supervised parts that crashed."""
        self._prices = Waves(seed)
        self._random = partial(Random(f"random {seed}").randbytes, RANDOM_BYTES)
        self._world = asyncio.create_task(self.flare.run())

    def _featured(self, seed: int) -> FdcClient | None:
        """Give the voters their weights, and those who attest their data connectors."""
        flare, features = self.flare, self.features
        for voter, power in zip(flare.voters, features.powers(seed, len(flare.voters)), strict=False):
            flare.deployment.registrations.set_power(voter.entity.identity, power)
        if features.attesting is None:
            return None
        attestations = Attestations(seed)
        flare.attest(attestations, [flare.voters[each] for each in features.attesting])
        return FdcClient(self.clock, attestations, seed, calm=features.calm_connector)

    @property
    def round(self) -> VotingRound:
        """The round whose voting epoch runs now, by the chain's time."""
        return self.flare.network.timing.round_at(self.clock.now_ns())

    @contextmanager
    def on_disk(self) -> Iterator[None]:
        """The journal's module works on our disk meanwhile."""
        real = journal_file.os
        journal_file.os = self.disk  # type: ignore[attr-defined]
        try:
            yield
        finally:
            journal_file.os = real  # type: ignore[attr-defined]

    def start(self, process: Process | None = None) -> Process:
        """A new process of the provider, on what the disk holds."""
        assert self.process is None or not self.process.alive, "two processes on one identity"
        self.provider = None
        self.process = process or Process()
        self.processes.append(self.process)
        self.process.spawn(self._run(self.process))
        return self.process

    def kill(self, *, power: bool = True) -> None:
        """End the process at once; with `power`, what was not synced is lost."""
        if self.process is not None and self.process.alive:
            self.note_crashes()
            self.process.kill()
        if power:
            self.disk.crash()

    async def until(self, round_id: int, after_s: float = 0.0) -> None:
        """Let time pass until so long after the start of a round's voting epoch."""
        start_ns = self.flare.deployment.world.start_of(round_id) * SECOND_NS
        await self.clock.sleep_until(start_ns + int(after_s * SECOND_NS))

    async def close(self) -> None:
        """Stop everything."""
        self.kill(power=False)
        for process in self.processes:
            await process.dissolve()
        self._world.cancel()
        await asyncio.gather(self._world, return_exceptions=True)

    def setup(self) -> ProviderSetup:
        """What the provider is made of."""
        network = self.flare.network
        log = JournalFile(JOURNAL, self.wall)
        return self.changed(
            ProviderSetup(
                network=network,
                identity=KEYS.entity().identity,
                registry=self.flare.registry,
                known=self._known(),
                nodes=self.nodes,
                clock=self.wall,
                log=log,
                contracts=self.contracts,
                values=self._values,
                random=self._random,
                keys=ring(KEYS),
                mode=Mode.LIVE,
                protocols=() if self.fdc is None else (self.fdc.protocol(),),
                reports=self._reports(),
                rules=ProviderRules(pool=PoolRules(poll_s=POLL_S), lanes=LaneRules(confirmations=CONFIRMATIONS)),
            )
        )

    def _known(self) -> dict[str, tuple[Address, ...]]:
        """What official sources name: of what is redeployed, both addresses."""
        world = self.flare.deployment.world
        return {name: (world.addresses[name], second) for name, second in world.second.items()}

    def _values(self, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        if self.values == "raises":
            raise ChronoError(DATABASE_AWAY)
        known = [self._prices(feed, self.clock.now_ns()) for feed in feeds]
        kept = {"all": len(known), "some": len(known) // 2, "none": 0}[self.values]
        return [*known[:kept], *[None] * (len(known) - kept)]

    def _reports(self) -> Reports:
        reports = Reports()
        reports.on_round(self._told)
        reports.on_sent(self._told)
        return reports

    def _told(self, *_: object) -> None:
        if self.store_fails:
            raise ChronoError(DATABASE_AWAY)

    def journal(self) -> Journal:
        """What our journal says, read anew from the disk."""
        network = self.flare.network
        log = JournalFile(JOURNAL, self.wall)
        return Journal(log, network=network.name, chain_id=network.chain_id, identity=KEYS.entity().identity)

    def note_crashes(self) -> None:
        """Remember which supervised parts crashed in this process."""
        states = {} if self.provider is None else self.provider.states
        self.crashed += [f"part {name} crashed: {state.failure}" for name, state in states.items() if state.restarts]

    async def _run(self, process: Process) -> None:
        """The process, and what starts it again when it cannot open its journal."""
        try:
            self.provider = self.make(self.setup())
            await self.provider.run()
        except ChronoError as error:
            if error.reason is not JOURNAL_BROKEN:
                process.fault = error
            else:
                await asyncio.sleep(RESTART_S)
                await self._run(process)
        except Exception as error:  # noqa: BLE001 - whatever it is, the judge is told
            process.fault = error


def ring(*keyrings: Keyring) -> HotKeys:
    """The hot keys, open."""
    roles = {
        Role.SUBMIT: lambda keys: keys.submit,
        Role.SUBMIT_SIGNATURES: lambda keys: keys.submit_signatures,
        Role.SIGNING_POLICY: lambda keys: keys.signing_policy,
    }
    found = [(role, secret(keys)) for keys in keyrings for role, secret in roles.items()]
    return HotKeys(tuple(HotKey(role, address_of(secret), SecretKey(secret)) for role, secret in found))
