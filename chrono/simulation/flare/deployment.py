"""Everything that is deployed on a simulated chain, and what one may want to know of it without asking a node."""

from collections.abc import Sequence

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import Feed
from chrono.flare.networks import Network
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.signing_policy import Ruling, ruling
from chrono.simulation.flare.calls import Call, Contract
from chrono.simulation.flare.chain import SimulatedChain
from chrono.simulation.flare.contracts.ballots import Ballots
from chrono.simulation.flare.contracts.directory import Directory
from chrono.simulation.flare.contracts.entities import Entities
from chrono.simulation.flare.contracts.manager import Manager
from chrono.simulation.flare.contracts.offers import Offers
from chrono.simulation.flare.contracts.preregistry import Preregistrations
from chrono.simulation.flare.contracts.registrations import Power, Registrations
from chrono.simulation.flare.contracts.relays import Relays
from chrono.simulation.flare.contracts.submission import Submission
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.rules import SimulationRules
from chrono.simulation.flare.world import REDEPLOYED, World, address_named


class Deployment:
    """The contracts of one chain, wired to each other."""

    def __init__(self, network: Network, rules: SimulationRules, time_s: int) -> None:
        self.network = network
        self._electorates: dict[bytes, Electorate] = {}
        """By the hash of the policy: once it is made, they do not change."""
        submission = address_named(network, "Submission")
        self.chain = SimulatedChain(network.chain_id, time_s=time_s, submission=submission, subsidy=network.subsidy)
        self.world = World(network, rules, self.chain.storage)
        self.world.use(Generation.SECOND)
        self.entities = Entities(self.world)
        self.registrations = Registrations(self.world, self.entities)
        self.preregistrations = Preregistrations(self.world, self.entities, self.registrations)
        self.relays = Relays(self.world)
        self.offers = Offers(self.world)
        self.submission = Submission(self.world)
        self.manager = Manager(
            self.world,
            relays=self.relays,
            submission=self.submission,
            registrations=self.registrations,
            preregistrations=self.preregistrations,
            offers=self.offers,
        )
        self.ballots = Ballots(self.manager, self.relays)
        self._install()

    def add(self, entity: Entity, balance_wei: int) -> None:
        """Let an entity exist: its addresses confirmed, its weight delegated, its hot accounts funded."""
        self.entities.install(entity, self.chain.head.number)
        self.registrations.set_power(entity.identity, Power(entity.wnat_wei, entity.stake_wei, entity.fee_bips))
        for account in entity.senders:
            self.chain.fund(account, balance_wei)

    def reward_epoch_of(self, round_id: int) -> int | None:
        """The reward epoch that a round belongs to; None before the first policy."""
        for epoch in range(self.relays.newest, -1, -1):
            policy = self.relays.policy(epoch)
            if policy is not None and policy.start_voting_round_id <= round_id:
                return epoch
        return None

    def electorate(self, round_id: int) -> Electorate | None:
        """Who votes on what in a round; None before the first policy."""
        epoch = self.reward_epoch_of(round_id)
        policy = None if epoch is None else self.relays.policy(epoch)
        if epoch is None or policy is None:
            return None
        key = policy.hash()
        if key not in self._electorates:
            self._electorates[key] = self._electorate(epoch)
        return self._electorates[key]

    def ruling(self, round_id: int) -> Ruling | None:
        """The policy that finalises a round, and its threshold."""
        policies = [policy for epoch in range(self.relays.newest + 1) if (policy := self.relays.policy(epoch))]
        return ruling(policies, VotingRound(round_id, self.network.timing))

    def feeds(self, round_id: int) -> Sequence[Feed]:
        """The feeds of a round in their order."""
        electorate = self.electorate(round_id)
        return () if electorate is None else electorate.feeds

    def identities(self, reward_epoch_id: int) -> tuple[Address, ...]:
        """Who is in the policy of a reward epoch."""
        snapshot = self.manager.snapshot(reward_epoch_id)
        return () if snapshot is None else snapshot.voters

    def _electorate(self, epoch: int) -> Electorate:
        snapshot = self.manager.snapshot(epoch)
        if snapshot is None:
            raise LookupError(f"reward epoch {epoch} has no policy")
        voters = tuple(
            Voter(submit, self.registrations.capped_wnat(epoch, voter), weight)
            for voter, submit, weight in zip(
                snapshot.voters, self.registrations.addresses(epoch, "Submit"), snapshot.weights, strict=True
            )
        )
        return Electorate(epoch, voters, self.offers.order(epoch), self.network.fip16_active(epoch))

    def _install(self) -> None:
        contracts: dict[str, Contract] = {
            "FlareContractRegistry": Directory(self.world),
            "Submission": self.submission,
            "Relay": self.relays,
            "FlareSystemsManager": self.manager,
            "VoterRegistry": self.registrations,
            "VoterPreRegistry": self.preregistrations,
            "EntityManager": self.entities,
            "FtsoRewardOffersManager": self.offers,
        }
        for name, contract in contracts.items():
            self.chain.code[self.world.addresses[name]] = contract
            if name in REDEPLOYED:
                self.chain.code[self.world.second[name]] = contract
        self.chain.round_of = self.world.voting_epoch
        self.chain.after_block = self._daemon

    def _daemon(self, call: Call) -> None:
        self.manager.daemonize(call)
