"""A whole Flare network in memory: give it a clock, let your entity join, and take nodes of it.

    flare = SimulatedFlare(clock, seed=1)
    flare.join(entity)                  # it votes from now on, like the simulated voters beside it
    pool = Pool(flare.nodes(3), clock)
    group.create_task(flare.run())

Time is the clock's: real, virtual or set by hand (`step`). Everything is seeded; nothing reads the machine's clock.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from chrono.clock import SECOND_NS, Clock
from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.networks import Network
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.agenda import Agenda
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.calls import Call
from chrono.simulation.flare.chain import SimulatedChain
from chrono.simulation.flare.contracts.registrations import UNSIGNED
from chrono.simulation.flare.deployment import Deployment
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.epoch_turns import EpochTurns
from chrono.simulation.flare.genesis import begin, network_at
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.prices import FEEDS, Prices, Waves
from chrono.simulation.flare.rounds import Rounds
from chrono.simulation.flare.rules import SimulationRules
from chrono.simulation.flare.voter import SimulatedVoter

if TYPE_CHECKING:
    from chrono.simulation.flare.node import SimulatedNode

VOTERS: Final = 4
BALANCE_WEI: Final = 10_000 * COIN_WEI
FOREVER: Final = 2**31
KEPT_REWARD_EPOCHS, KEPT_ROUNDS = 5, 64
"""What stood in older blocks is forgotten: nobody who votes reads it, and a simulation may run for days."""


class SimulatedFlare:
    """The chain, its contracts and voters. `run` is a supervised part; nodes may be asked from another thread."""

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        network: Network | None = None,
        voters: int = VOTERS,
        feeds: Sequence[Feed] = FEEDS,
        prices: Prices | None = None,
        rules: SimulationRules | None = None,
    ) -> None:
        """Without a `network`, its calendar is laid so that now is early in reward epoch 1."""
        self.clock = clock
        self.network = network or network_at(clock.now_ns())
        self.rules = rules or SimulationRules.of(self.network)
        self.lock = threading.RLock()
        self.seed = seed
        self.voters = [
            SimulatedVoter(f"voter {number}", Keyring.of(f"voter {number}, {seed}"), seed) for number in range(voters)
        ]
        self.deployment = Deployment(self.network, self.rules, self.network.timing.first_start_s - 1)
        self.deployment.offers.set_feeds(feeds)
        self._agenda = Agenda()
        self.rounds = Rounds(self.deployment, self._agenda, self.voters, prices or Waves(seed), seed)
        self._turns = EpochTurns(self.deployment, self._agenda, self.voters, seed)
        self._carried: list[Address] = []
        self._members: list[Address] = []
        self._planned = -1
        self._begun = False
        self._acquired = 1
        self._stripped = 0
        for voter in self.voters:
            self.deployment.add(voter.entity, FOREVER * COIN_WEI)
            self._members.append(voter.entity.identity)

    @property
    def chain(self) -> SimulatedChain:
        """The chain itself, as no node shows it."""
        return self.deployment.chain

    @property
    def registry(self) -> Address:
        """Where the FlareContractRegistry is."""
        return self.deployment.world.address("FlareContractRegistry")

    @property
    def addresses(self) -> dict[str, Address]:
        """Where every contract is now, by name."""
        world = self.deployment.world
        return {name: world.address(name) for name in world.addresses}

    def join(self, entity: Entity, *, carried: bool = True, balance_wei: int = BALANCE_WEI) -> None:
        """Let an entity of yours exist. Before the first step it becomes a voter of reward epoch 1.

        `carried`: it is registered for the later ones too, without doing anything for it.
        """
        with self.lock:
            self.deployment.add(entity, balance_wei)
            self._members.append(entity.identity)
            if carried:
                self._carried.append(entity.identity)

    def nodes(self, count: int = 3) -> "list[SimulatedNode]":
        """That many nodes: each a view of the chain, each with faults of its own."""
        from chrono.simulation.flare.node import SimulatedNode

        return [SimulatedNode(f"node{number}", self) for number in range(1, count + 1)]

    async def run(self) -> None:
        """Let everything happen at its time, for ever."""
        while True:
            next_ns = self.step(self.clock.now_ns())
            await self.clock.sleep_until(min(next_ns, self.clock.now_ns() + self.rules.block_s * SECOND_NS))

    def step(self, now_ns: int) -> int:
        """Everything that is due by `now_ns`; when something is due next."""
        with self.lock:
            self.begin()
            while (due_ns := self._next_ns()) <= now_ns:
                self._agenda.run(due_ns)
                self._plan(due_ns)
                if self._block_due_ns() <= due_ns:
                    self._mine(due_ns)
            return due_ns

    def begin(self) -> None:
        """Let the past happen, once: reward epoch 0, and the registration of all who joined."""
        with self.lock:
            if not self._begun:
                self._begun = True
                now_ns = self.clock.now_ns()
                begin(self.deployment, self._members, now_ns)
                self._planned = self.deployment.world.voting_epoch(now_ns // SECOND_NS)
                self.chain.after_block = self._daemon

    def offend(self, voter: SimulatedVoter, round_id: int, offence: Offence) -> None:
        """Let a voter do this in a round that has not begun."""
        self.rounds.offences[voter.entity.identity, round_id] = offence

    def attest(self, attestations: Attestations, voters: Sequence[SimulatedVoter]) -> None:
        """Let these voters take part in the data connector from now on, and its results be finalised."""
        self.rounds.attestations = attestations
        for voter in voters:
            voter.attestations = attestations

    def add_feed(self, feed: Feed) -> None:
        """Pay for one feed more from the next offer on: it is voted on two reward epochs later."""
        with self.lock:
            self.deployment.offers.add(feed)

    def remove_feed(self, feed: FeedId) -> None:
        """Pay for one feed less from the next offer on."""
        with self.lock:
            self.deployment.offers.remove(feed)

    def evict(self, identity: Address) -> None:
        """Let a registered voter of the next reward epoch lose its place, as to a heavier newcomer."""
        with self.lock:
            head = self.chain.head
            call = Call(Address(bytes(20)), b"", head.number + 1, head.time_s)
            self.deployment.registrations.expel(call, identity, self.deployment.manager.current + 1)
            for told in call.logs:
                self.chain.emit(told.address, told.topics, told.data)
            if identity in self._carried:
                self._carried.remove(identity)

    def hold_policy(self, until_round: int) -> None:
        """Let the next signing policy be initialised in this round or later, and no earlier."""
        with self.lock:
            self.deployment.manager.hold_policy(until_round)

    def redeploy(self, generation: Generation) -> None:
        """Let the contracts of this generation be the registry's from now on."""
        with self.lock:
            self.deployment.world.use(generation)

    def reorg(self, depth: int, *, forget: bool = False) -> None:
        """Take back the last blocks, as no Flare chain does; their transactions come again, or are forgotten."""
        with self.lock:
            self.chain.reorg(min(depth, len(self.chain.blocks) - 1), forget=forget)
            self.chain.mine(self.chain.head.time_s)

    def set_base_fee(self, wei: int) -> None:
        """What the next blocks ask for a unit of gas."""
        with self.lock:
            self.chain.base_fee_wei = wei

    def _plan(self, now_ns: int) -> None:
        current = self.deployment.world.voting_epoch(now_ns // SECOND_NS)
        while self._planned < current:
            self._planned += 1
            self.rounds.plan(self._planned)

    def _next_ns(self) -> int:
        turn_ns = self.deployment.world.start_of(self._planned + 1) * SECOND_NS
        return min(self._agenda.next_ns, self._block_due_ns(), turn_ns)

    def _block_due_ns(self) -> int:
        wait_s = self.rules.block_s if self.chain.waits else self.rules.traffic_s
        return (self.chain.head.time_s + wait_s) * SECOND_NS

    def _mine(self, now_ns: int) -> None:
        self.chain.mine(now_ns // SECOND_NS)
        self._turns.heard(self.chain.tip.logs, now_ns)
        timing = self.network.timing
        kept_s = (KEPT_REWARD_EPOCHS * timing.rounds_per_reward_epoch + KEPT_ROUNDS) * timing.epoch_s
        while self.chain.blocks[self._stripped].head.time_s < now_ns // SECOND_NS - kept_s:
            self.chain.strip(self._stripped)
            self._stripped += 1

    def _daemon(self, call: Call) -> None:
        manager, registrations = self.deployment.manager, self.deployment.registrations
        manager.daemonize(call)
        epoch = manager.current + 1
        if epoch > self._acquired and manager.acquired(epoch):
            self._acquired = epoch
            for identity in self._carried:
                if identity not in registrations.voters(epoch):
                    registrations.register(call, identity, UNSIGNED)
