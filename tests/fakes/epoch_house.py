"""The duties of an epoch on a simulated chain, in virtual time: process after process, with one disk between them.

Real are the pool, the registry, the indexer, the book, the keys behind their policies, the lanes and the driver; the
chain behind the nodes is simulated, and the log of attempts is a list that outlives a crash.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from chrono.chain.fees import FeeCaps, HourlyBudget
from chrono.chain.indexer import Indexer
from chrono.chain.pool import Pool
from chrono.chain.ports import Attempt
from chrono.chain.registry import Registry
from chrono.chain.sender import Sender
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS
from chrono.errors import REWARD_DATA_ABSENT, ChronoError
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import decode_event
from chrono.flare.contracts.events import Event
from chrono.flare.contracts.functions import function_of
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import reward_tree
from chrono.flare.signatures import address_of
from chrono.flare.units import COIN_WEI, GWEI
from chrono.keys.guards import Place, signing_policy_policy
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.provider.epoch_driver import EpochDriver, PolicyKey
from chrono.published.epoch import PublishedClaim, PublishedEpoch
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.epoch_words import DutyReport
from chrono.voting.epochs import EpochBook
from tests.fakes.key_requests import MemoryRecord
from tests.sim.process import Process, point

START_NS = 1_800_000_000 * SECOND_NS
KEYS = Keyring.of("us")
US = KEYS.entity().identity
STAKE_WEI = 10_500_000 * COIN_WEI
"""With it we have nearly half the weight: nothing is reached without us soon, and the others manage alone."""

CAPS = FeeCaps(most_fee_wei=5000 * GWEI, most_cost_wei=40 * COIN_WEI)


class Attempts:
    """The log of attempts: what is in it when a process dies stays."""

    def __init__(self) -> None:
        self.all: list[Attempt] = []

    async def keep(self, attempt: Attempt) -> None:
        point("before an attempt is kept")
        self.all.append(attempt)
        point("after an attempt was kept")

    def kept(self, account: Address, chain_id: int) -> Sequence[Attempt]:
        return [each for each in self.all if each.account == account]

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        return max((each.nonce + 1 for each in self.kept(account, chain_id)), default=None)


class Published:
    """Published reward epochs. `absent` so many times before one is there; `paid` is what our identity gets."""

    def __init__(self, network: str, identity: Address = US, absent: int = 0) -> None:
        self.network = network
        self.absent = absent
        self.asked: Counter[int] = Counter()
        self.paid = 5
        self._identity = identity

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        self.asked[reward_epoch_id] += 1
        if self.asked[reward_epoch_id] <= self.absent:
            raise ChronoError(REWARD_DATA_ABSENT, reward_epoch=reward_epoch_id)
        return published(self.network, reward_epoch_id, self._identity, self.paid)


def published(network: str, reward_epoch_id: int, identity: Address, paid: int = 5) -> PublishedEpoch:
    """An epoch of three claims that follow from one another."""
    claims = [
        RewardClaim(reward_epoch_id, identity, paid, ClaimType.FEE),
        RewardClaim(reward_epoch_id, bytes([1]) * 20, 7, ClaimType.WNAT),
        RewardClaim(reward_epoch_id, bytes([2]) * 20, 9, ClaimType.DIRECT),
    ]
    root = reward_tree(claims).root
    assert root is not None
    told = tuple(
        PublishedClaim(each.reward_epoch_id, each.beneficiary, each.amount, each.claim_type, None) for each in claims
    )
    return PublishedEpoch("memory", network, reward_epoch_id, root, 1, told)


class EpochHouse:
    """One simulated world; `start` begins a process of ours in it."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        keys: Sequence[bytes] = (KEYS.signing_policy,),
        joins: bool = True,
        **flare: Any,
    ) -> None:
        self.clock = clock
        self.flare = SimulatedFlare(clock, seed=7, **flare)
        if not joins:
            self.flare.step(clock.now_ns())  # what joins after the first step votes in no epoch yet
        self.flare.join(KEYS.entity(stake_wei=STAKE_WEI), carried=False)
        self.nodes = self.flare.nodes(3)
        self.attempts = Attempts()
        self.published = Published(self.flare.network.name)
        self.keys = keys
        self.process: Process | None = None
        self.driver: EpochDriver | None = None
        self.processes: list[Process] = []
        self._world = asyncio.create_task(self.flare.run())

    @property
    def epoch(self) -> int:
        """The reward epoch that has started last."""
        return self.flare.deployment.manager.current

    def start(self, process: Process | None = None) -> Process:
        """A new process, on what the log holds."""
        assert self.process is None or not self.process.alive
        self.process = process or Process()
        self.processes.append(self.process)
        self.process.spawn(self._run(self.process))
        return self.process

    async def until_epoch(self, reward_epoch_id: int, *, restart: bool = True) -> None:
        """Let time pass until a reward epoch has begun; a process that died meanwhile is started again."""
        while self.epoch < reward_epoch_id:
            await self.clock.sleep(1)
            self.check()
            if restart and self.process is not None and not self.process.alive:
                self.start()

    def check(self) -> None:
        """Raise what a process of ours ended with."""
        if self.process is not None and self.process.fault is not None:
            raise self.process.fault

    async def close(self) -> None:
        self._world.cancel()
        for process in self.processes:
            await process.dissolve()
        await asyncio.gather(self._world, return_exceptions=True)

    def calls(self) -> list[tuple[str, int, bool]]:
        """What stands in blocks of ours: function, reward epoch at that time, whether it succeeded."""
        found = []
        ours = {address_of(key) for key in self.keys}
        for block in self.flare.chain.blocks:
            for signed, sender, receipt in block.mined:
                shape = function_of(signed.transaction.data)
                if sender in ours and shape is not None:
                    found.append((shape.name, self._epoch_at(block.head.time_s), receipt.succeeded))
        return found

    def events(self, kind: type[Event]) -> list[Any]:
        """All events of a kind, in their order."""
        told = [decode_event(log.topics, log.data) for block in self.flare.chain.blocks for log in block.logs]
        return [event for event in told if isinstance(event, kind)]

    def reports(self) -> dict[str, DutyReport]:
        """The duties' reports by name: `register 3`."""
        found = () if self.driver is None else self.driver.reports()
        return {f"{each.duty.kind.value} {each.duty.reward_epoch_id}": each for each in found}

    def _epoch_at(self, time_s: int) -> int:
        timing = self.flare.network.timing
        return timing.reward_epoch_at(time_s * SECOND_NS).id

    async def _run(self, process: Process) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                await self._wire(group)
        except Exception as error:
            process.fault = error
            raise

    async def _wire(self, group: asyncio.TaskGroup) -> None:
        pool = Pool(self.nodes, self.clock, PoolRules(poll_s=1.0))
        await pool.poll()
        group.create_task(pool.run())
        registry = Registry(pool, self.flare.registry, both_generations(self.flare))
        contracts = await registry.resolve()
        network = self.flare.network
        book = EpochBook(network)
        indexer = Indexer(pool, contracts, network.timing, self.clock)
        while not indexer.ready:
            await indexer.catch_up()
        book.tell(indexer.ledger.events)
        signers = [self._signer(key, book) for key in self.keys]
        senders = [self._sender(signer, pool) for signer in signers]
        for sender in senders:
            group.create_task(sender.run())
        self.driver = driver = EpochDriver(
            network=network,
            identity=US,
            keys=[PolicyKey(signer, sender) for signer, sender in zip(signers, senders, strict=True)],
            book=book,
            pool=pool,
            contracts=lambda: contracts,
            clock=self.clock,
            caps=CAPS,
            rewards=self.published,
        )
        group.create_task(driver.run())
        while True:
            with suppress(ChronoError):  # as the indexer's own loop: whatever fails is tried again
                await indexer.catch_up()
            if book.tell(indexer.ledger.events):
                driver.wake()
            await self.clock.sleep(0.5)
            if contracts.now["VoterRegistry"] != self.flare.addresses["VoterRegistry"]:
                contracts = indexer.contracts = await registry.resolve()

    def _signer(self, key: bytes, book: EpochBook) -> Signer:
        network = self.flare.network
        addresses = both_generations(self.flare)

        class Everywhere:
            def addresses(self, name: str) -> Sequence[Address]:
                return addresses.get(name, ())

        place = Place(chain_id=network.chain_id, contracts=Everywhere(), monotonic_ns=self.clock.monotonic_ns)
        policy = signing_policy_policy(
            place, address=address_of(key), identity=US, record=MemoryRecord(), policies=book
        )
        return Signer(SecretKey(key), policy)

    def _sender(self, signer: Signer, pool: Pool) -> Sender:
        return Sender(
            "signing_policy",
            self.flare.network.chain_id,
            pool=pool,
            signer=signer,
            attempts=self.attempts,
            clock=self.clock,
            budget=HourlyBudget(500 * COIN_WEI),
        )


def both_generations(flare: SimulatedFlare) -> dict[str, tuple[Address, ...]]:
    """Every address by name; of what is redeployed both, the oldest first."""
    world = flare.deployment.world
    return {
        name: tuple(dict.fromkeys((address, world.second.get(name, address))))
        for name, address in world.addresses.items()
    }
