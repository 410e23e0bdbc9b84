"""A provider of ours on a simulated Flare network, in virtual time: what it does is read from the chain."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from chrono.chain.contracts_file import ContractsFile
from chrono.clock import SECOND_NS
from chrono.errors import JOURNAL_BROKEN, ChronoError
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import FeedId
from chrono.flare.frames import FTSO, SubmissionFunction, decode_calldata
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.provider.fdc_file import FdcFile
from chrono.provider.hot_keys import HotKey, HotKeys
from chrono.provider.provider import Provider
from chrono.provider.setup import ProviderRules, ProviderSetup, Seat
from chrono.provider.sub_protocols import SubProtocol
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.prices import Waves
from chrono.simulation.virtual_time import VirtualClock, run_virtual
from chrono.voting.provider_report import Mode
from chrono.voting.reports import Reports

START_NS = 1_790_000_000 * SECOND_NS


class MemoryLog:
    """Records that outlive the provider, not the test. `full` makes the disk refuse."""

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self.kept = list(records)
        self.damaged = False
        self.sound = True
        self.full = False

    def records(self) -> list[bytes]:
        return list(self.kept)

    def append(self, record: bytes) -> None:
        if self.full:
            self.sound = False
        if not self.sound:
            raise ChronoError(JOURNAL_BROKEN, cause="the test's disk is full")
        self.kept.append(record)

    def replace(self, records: Iterable[bytes]) -> None:
        if self.full:
            raise ChronoError(JOURNAL_BROKEN, cause="the test's disk is full")
        self.kept = list(records)
        self.sound = True


def ring_of(*keys: Keyring) -> HotKeys:
    """The open keys of one or two generations."""
    found: dict[bytes, HotKey] = {}
    for ring in keys:
        entity = ring.entity()
        for role, address, raw in (
            (Role.SUBMIT, entity.submit, ring.submit),
            (Role.SUBMIT_SIGNATURES, entity.submit_signatures, ring.submit_signatures),
            (Role.SIGNING_POLICY, entity.signing_policy, ring.signing_policy),
        ):
            found[address] = HotKey(role, address, SecretKey(raw))
    return HotKeys(tuple(found.values()))


class VotingHouse:
    """The network, our entity in it, and what outlives our process: the journal. `start` and `kill` are the process."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        mode: Mode = Mode.LIVE,
        seat: Seat = Seat.SUBMITTER,
        protocols: Sequence[SubProtocol] = (),
        rules: ProviderRules | None = None,
        joins: bool = True,
        carried: bool = True,
        stake_wei: int = 0,
        **network: Any,
    ) -> None:
        self.clock = clock
        self.wall = VirtualClock(asyncio.get_running_loop(), START_NS)
        """The machine's own clock, which may be wrong."""
        self.prices = Waves(network.get("seed", 0))
        self.flare = SimulatedFlare(clock, prices=self.prices, **network)
        self.keys = Keyring.of("ours")
        self.entity = self.keys.entity(stake_wei=stake_wei)
        if joins:
            self.flare.join(self.entity, carried=carried)
        self.flare.begin()
        self.nodes = self.flare.nodes(3)
        self.contracts: ContractsFile | None = None
        self.fdc_rounds: FdcFile | None = None
        self.rings = (self.keys,)
        self.log = MemoryLog()
        self.reports = Reports()
        self.watched: list[Any] = []
        self.mode = mode
        self.seat = seat
        self.protocols = protocols
        self.rules = rules or ProviderRules()
        self.asked = 0
        self.provider: Provider | None = None
        self.task: asyncio.Task[None] | None = None
        self.network_task: asyncio.Task[None] | None = None

    @property
    def timing(self) -> Any:
        return self.flare.network.timing

    def round_now(self) -> VotingRound:
        return self.timing.round_at(self.clock.now_ns())

    def values(self, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        self.asked += 1
        return [self.prices(feed, self.clock.now_ns()) for feed in feeds]

    def start(self) -> Provider:
        """Our process begins."""
        if self.network_task is None:
            self.network_task = asyncio.create_task(self.flare.run())
        setup = ProviderSetup(
            network=self.flare.network,
            identity=self.entity.identity,
            registry=self.flare.registry,
            nodes=self.nodes,
            clock=self.wall,
            log=self.log,
            contracts=self.contracts,
            fdc_rounds=self.fdc_rounds,
            values=self.values,
            keys=ring_of(*self.rings) if self.seat is Seat.SUBMITTER else None,
            seat=self.seat,
            mode=self.mode,
            protocols=self.protocols,
            reports=self.reports,
            rules=self.rules,
        )
        self.provider = Provider(setup, self.watched.append)
        self.task = asyncio.create_task(self.provider.run())
        return self.provider

    async def kill(self) -> None:
        """Our process ends, at once: what it had in memory is gone."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, round_id: int, after_s: float = 0) -> None:
        """Let time pass up to so long after the voting epoch of a round has begun."""
        await self.clock.sleep_until(
            VotingRound(round_id, self.timing).commit_window.start_ns + int(after_s * SECOND_NS)
        )

    def sent(self, function: SubmissionFunction, round_id: int, protocol_id: int = FTSO) -> list[bytes]:
        """The payloads that our addresses sent in a round, as they stand on chain."""
        ours = (self.entity.submit, self.entity.submit_signatures)
        found = []
        for block in self.flare.chain.blocks:
            for signed, sender, _ in block.mined:
                if sender not in ours or signed.transaction.data[:4] != function.value:
                    continue
                frames = decode_calldata(signed.transaction.data)[1]
                found += [f.payload for f in frames if (f.protocol_id, f.voting_round_id) == (protocol_id, round_id)]
        return found

    def transactions(self) -> int:
        """How many transactions our addresses have on chain."""
        ours = (self.entity.submit, self.entity.submit_signatures, self.entity.signing_policy)
        return sum(sender in ours for block in self.flare.chain.blocks for _, sender, _ in block.mined)

    def finalised(self, round_id: int, protocol_id: int = FTSO) -> bool:
        """Whether the Relay holds a result of the round."""
        return self.flare.deployment.relays.final(protocol_id, round_id) is not None


def play(scenario: Callable[[VirtualClock], Awaitable[None]]) -> None:
    """Run a scenario in virtual time."""

    async def main(clock: VirtualClock) -> None:
        await scenario(clock)

    run_virtual(main, start_ns=START_NS)
