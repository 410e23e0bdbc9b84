"""What a list of events says about each reward epoch, sorted by what it is about. No I/O.

Events of both generations of a contract are alike; the later one in the chain holds. Source: fsp.md sections 0.2 and 6.
"""

from collections.abc import Iterable

from msgspec import Struct, field

from chrono.flare.address import Address
from chrono.flare.contracts.events import (
    ProtocolMessageRelayed,
    RandomAcquisitionStarted,
    RewardEpochStarted,
    RewardsSigned,
    SigningPolicyInitialized,
    SigningPolicySigned,
    SignUptimeVoteEnabled,
    UptimeVoteSigned,
    VotePowerBlockSelected,
    VoterRegistered,
    VoterRegistrationInfo,
    VoterRemoved,
)
from chrono.flare.feed_order import CommunityOffer, InflationOffer, OfferWindow
from chrono.voting.membership import TimedEvent

Voter = tuple[int, Address]
"""A reward epoch and an identity."""

KEPT: frozenset[type] = frozenset(
    {
        SigningPolicyInitialized,
        RandomAcquisitionStarted,
        VotePowerBlockSelected,
        RewardEpochStarted,
        SigningPolicySigned,
        SignUptimeVoteEnabled,
        UptimeVoteSigned,
        RewardsSigned,
        VoterRegistered,
        VoterRemoved,
        VoterRegistrationInfo,
        InflationOffer,
        CommunityOffer,
    }
)
"""The events that are about a reward epoch."""

RELAYED: frozenset[type] = frozenset({ProtocolMessageRelayed})
"""The event that is about a round."""


class Signed(Struct):
    """What one kind of vote on a reward epoch came to."""

    voters: dict[Address, int] = field(default_factory=dict)
    """Identities that signed, and the block times, in seconds."""
    signers: set[Address] = field(default_factory=set)
    """Their signing-policy addresses."""
    threshold_reached_s: int | None = None
    """Since when enough have signed; None while they have not."""

    def add(self, event: SigningPolicySigned | UptimeVoteSigned | RewardsSigned) -> None:
        """Another voter signed."""
        self.voters[event.voter] = event.timestamp_s
        self.signers.add(event.signing_policy_address)
        if event.threshold_reached and self.threshold_reached_s is None:
            self.threshold_reached_s = event.timestamp_s


class EpochEvents:
    """Everything by reward epoch; the attributes are not to be changed from outside."""

    def __init__(self, events: Iterable[TimedEvent] = ()) -> None:
        """`events` in the order of the chain."""
        self.policies: dict[int, SigningPolicyInitialized] = {}
        self.random_started: dict[int, RandomAcquisitionStarted] = {}
        self.random_blocks: dict[int, int] = {}
        """The numbers of those events' blocks: at them the EntityManager's addresses count."""
        self.vote_power: dict[int, VotePowerBlockSelected] = {}
        self.started: dict[int, RewardEpochStarted] = {}
        self.uptime_enabled: dict[int, SignUptimeVoteEnabled] = {}
        self.policy_signed: dict[int, Signed] = {}
        self.uptime_signed: dict[int, Signed] = {}
        self.rewards_signed: dict[int, Signed] = {}
        self.registered: dict[Voter, VoterRegistered] = {}
        self.removed: set[Voter] = set()
        self.infos: dict[Voter, VoterRegistrationInfo] = {}
        self.inflation: list[tuple[int, InflationOffer]] = []
        self.community: list[tuple[int, CommunityOffer]] = []
        for told in events:
            self._enter(told)

    def offer_window(self, reward_epoch_id: int) -> OfferWindow | None:
        """When the offers of a reward epoch are made; None while its events are not known."""
        before, random = self.started.get(reward_epoch_id - 1), self.random_started.get(reward_epoch_id)
        return None if before is None or random is None else OfferWindow(before.timestamp_s, random.timestamp_s)

    def _enter(self, told: TimedEvent) -> None:
        match told.event:
            case InflationOffer() as offer:
                self.inflation.append((told.block_time_s, offer))
            case CommunityOffer() as offer:
                self.community.append((told.block_time_s, offer))
            case VoterRegistered() as event:
                self.registered[event.reward_epoch_id, event.voter] = event
                self.removed.discard((event.reward_epoch_id, event.voter))
            case VoterRemoved() as event:
                self.registered.pop((event.reward_epoch_id, event.voter), None)
                self.removed.add((event.reward_epoch_id, event.voter))
            case VoterRegistrationInfo() as event:
                self.infos[event.reward_epoch_id, event.voter] = event
            case SigningPolicyInitialized() as event:
                self.policies[event.policy.reward_epoch_id] = event
            case _:
                self._enter_phase(told)

    def _enter_phase(self, told: TimedEvent) -> None:
        match told.event:
            case RandomAcquisitionStarted() as event:
                self.random_started[event.reward_epoch_id] = event
                self.random_blocks[event.reward_epoch_id] = told.block_number
            case VotePowerBlockSelected() as event:
                self.vote_power[event.reward_epoch_id] = event
            case RewardEpochStarted() as event:
                self.started[event.reward_epoch_id] = event
            case SignUptimeVoteEnabled() as event:
                self.uptime_enabled[event.reward_epoch_id] = event
            case SigningPolicySigned() as event:
                self.policy_signed.setdefault(event.reward_epoch_id, Signed()).add(event)
            case UptimeVoteSigned() as event:
                self.uptime_signed.setdefault(event.reward_epoch_id, Signed()).add(event)
            case RewardsSigned() as event:
                self.rewards_signed.setdefault(event.reward_epoch_id, Signed()).add(event)
