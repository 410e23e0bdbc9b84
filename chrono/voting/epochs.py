"""Reward epochs as the chain's events tell them: policies, their starts, voters, feeds; and finalised rounds. No I/O.

Both generations of the redeployed contracts are read alike. A round belongs to the newest policy that starts at or
before it; while a policy is late, the old one goes on. Sources: fsp.md sections 0.1, 0.2, 1, 2, 4 and 6.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from chrono.flare.address import Address
from chrono.flare.contracts.events import ProtocolMessageRelayed
from chrono.flare.epochs import PolicyStart, VotingRound, reward_epoch_of
from chrono.flare.networks import Network
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.electorate import Electorate
from chrono.flare.signing_policy import RAISED_THRESHOLD_BIPS, Ruling, SigningPolicy, policy_hash, ruling
from chrono.voting.electorates import Unknown, facts_of, registered_voter
from chrono.voting.epoch_events import KEPT, RELAYED, EpochEvents
from chrono.voting.membership import Finalised, Membership, RegisteredVoter, RewardEpochFacts, TimedEvent
from chrono.voting.shelf import Shelf

KEPT_REWARD_EPOCHS: Final = 4
"""The one at hand, the one before whose rewards are signed, and what their feeds and voters need."""


class EpochBook:
    """What is known of the reward epochs of one chain. Not for several threads at once.

    Fits keys.ports.Policies, and gives flare.round.outcome its electorates.
    """

    def __init__(
        self,
        network: Network,
        *,
        threshold_increase_bips: int = RAISED_THRESHOLD_BIPS,
        first_round: int | None = None,
    ) -> None:
        """`threshold_increase_bips` is the Relay's. Before `first_round` (default: by the network) nobody votes."""
        timing = network.timing
        began = timing.first_reward_epoch_round + network.first_reward_epoch * timing.rounds_per_reward_epoch
        self._network = network
        self._increase_bips = threshold_increase_bips
        self._first_round = began if first_round is None else first_round
        self._shelf = Shelf()
        self._relays = Shelf()
        self._events: EpochEvents | None = None
        self._facts: dict[int, RewardEpochFacts | Unknown] = {}
        self._finalised: dict[tuple[int, int], Finalised] | None = None
        self._horizon_s = 0

    def tell(self, events: Iterable[TimedEvent], *, from_block: int | None = None) -> bool:
        """From `from_block` on (default: the first event's block) these are the events; older ones stay known.

        So a ledger's whole list may be told again and again, also after it dropped what is old; the increments in
        their order, too; and what stood in blocks that were taken back vanishes. Whether anything changed.
        """
        told = list(events)
        blocks = [each.block_number for each in told]
        if from_block is not None:
            blocks.append(from_block)
        if not blocks:
            return False
        changed = self._shelf.tell(self._wanted(told, KEPT), min(blocks))
        relayed = self._relays.tell(self._wanted(told, RELAYED), min(blocks))
        return self._note(changed, relayed)

    def add(self, events: Iterable[TimedEvent]) -> bool:
        """These are known besides, in any order; the same again changes nothing. Whether anything changed."""
        told = list(events)
        changed = self._shelf.add(self._wanted(told, KEPT))
        relayed = self._relays.add(self._wanted(told, RELAYED))
        return self._note(changed, relayed)

    def take_back(self, block_number: int) -> bool:
        """Forget this block and all above it. Whether anything changed."""
        return self._note(self._shelf.take_back(block_number), self._relays.take_back(block_number))

    @property
    def last_initialised(self) -> int | None:
        """The newest reward epoch that has a signing policy; None before one is known."""
        return max(self.events.policies, default=None)

    def policies(self) -> Sequence[SigningPolicy]:
        """All known policies, by reward epoch."""
        return [self.events.policies[epoch].policy for epoch in sorted(self.events.policies)]

    def policy(self, reward_epoch_id: int) -> SigningPolicy | None:
        """The policy of a reward epoch; None while it is not known."""
        told = self.events.policies.get(reward_epoch_id)
        return None if told is None else told.policy

    def policy_hash(self, reward_epoch_id: int) -> bytes | None:
        """The hash of its policy; None while it is not known. Fits: keys.ports.Policies."""
        told = self.events.policies.get(reward_epoch_id)
        return None if told is None else policy_hash(told.encoded)

    def reward_epoch_of(self, round_id: int) -> int | None:
        """The reward epoch that a round really belongs to; None before the first known policy."""
        return reward_epoch_of(round_id, self._starts)

    def ruling(self, voting_round: VotingRound) -> Ruling | None:
        """The policy and threshold that a round is finalised with; None before the first known policy."""
        return ruling(self.policies(), voting_round, self._increase_bips)

    def facts(self, reward_epoch_id: int) -> RewardEpochFacts | None:
        """All of a reward epoch; None while a part of it is not known: `missing` tells which."""
        found = self._known(reward_epoch_id)
        return found if isinstance(found, RewardEpochFacts) else None

    def missing(self, reward_epoch_id: int) -> str | None:
        """What keeps `facts` from being known, in words; None when it is known."""
        found = self._known(reward_epoch_id)
        return None if isinstance(found, RewardEpochFacts) else str(found)

    def of_round(self, round_id: int) -> RewardEpochFacts | None:
        """All of the reward epoch that a round really belongs to; None while a part of it is not known."""
        epoch = self.reward_epoch_of(round_id)
        return None if epoch is None else self.facts(epoch)

    def electorate_of(self, round_id: int) -> Electorate | None:
        """Who votes on what in a round; None before the first round of the protocol. Fits: flare.round.outcome.

        Raises: LookupError when it is not known.
        """
        if round_id < self._first_round:
            return None
        epoch = self.reward_epoch_of(round_id)
        if epoch is None:
            raise LookupError(f"no signing policy is known that started at or before round {round_id}")
        found = self._known(epoch)
        if isinstance(found, RewardEpochFacts):
            return found.electorate
        raise LookupError(str(found))

    def registration(self, identity: Address, reward_epoch_id: int) -> RegisteredVoter | None:
        """The entity as it is registered for a reward epoch, policy or not yet; None if not, or removed again."""
        return registered_voter(self.events, reward_epoch_id, identity)

    def membership(self, identity: Address, reward_epoch_id: int) -> Membership | None:
        """The entity's place in the policy of a reward epoch; None if it has none, or the policy is not known."""
        facts = self.facts(reward_epoch_id)
        return None if facts is None else facts.membership(identity)

    def finalised(self, protocol_id: int, voting_round_id: int) -> Finalised | None:
        """The result that the Relay holds for a round of a protocol, and since when; None while there is none."""
        if self._finalised is None:
            self._finalised = _finalised(self._relays)
        return self._finalised.get((protocol_id, voting_round_id))

    @property
    def events(self) -> EpochEvents:
        """What was told, by reward epoch."""
        if self._events is None:
            self._events = EpochEvents(self._shelf.events)
        return self._events

    @property
    def _starts(self) -> list[PolicyStart]:
        policies = (told.policy for told in self.events.policies.values())
        return [PolicyStart(policy.reward_epoch_id, policy.start_voting_round_id) for policy in policies]

    def _known(self, reward_epoch_id: int) -> RewardEpochFacts | Unknown:
        """The facts, or why they are not known."""
        if reward_epoch_id not in self._facts:
            try:
                self._facts[reward_epoch_id] = facts_of(self.events, self._network, reward_epoch_id)
            except Unknown as unknown:
                self._facts[reward_epoch_id] = unknown
        return self._facts[reward_epoch_id]

    def _note(self, changed: bool, relayed: bool) -> bool:
        if relayed:
            self._finalised = None
        if changed:
            self._forget()
            self._drop_old()
        return changed or relayed

    def _drop_old(self) -> None:
        """Forget what no round and no duty asks for any more."""
        newest = self.last_initialised
        oldest = None if newest is None else self.events.started.get(newest - KEPT_REWARD_EPOCHS)
        if oldest is None or oldest.timestamp_s <= self._horizon_s:
            return
        self._horizon_s = oldest.timestamp_s
        self._shelf.forget_before(self._horizon_s)
        self._relays.forget_before(self._horizon_s)
        self._finalised = None
        self._forget()

    def _wanted(self, told: Iterable[TimedEvent], kinds: frozenset[type]) -> Iterator[TimedEvent]:
        return (each for each in told if type(each.event) in kinds and each.block_time_s >= self._horizon_s)

    def _forget(self) -> None:
        self._events = None
        self._facts = {}


def _finalised(relays: Shelf) -> dict[tuple[int, int], Finalised]:
    """By protocol and round: the first that the Relay took."""
    found: dict[tuple[int, int], Finalised] = {}
    for told in relays.events:
        event = told.event
        if isinstance(event, ProtocolMessageRelayed):
            message = ProtocolMessage(
                event.protocol_id, event.voting_round_id, event.is_secure_random, event.merkle_root
            )
            known = Finalised(message, told.block_time_s, told.block_number)
            found.setdefault((event.protocol_id, event.voting_round_id), known)
    return found
