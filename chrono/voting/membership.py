"""Who is who in a reward epoch: its voters with their addresses, and our own place among them. Values only.

An entity's hot addresses are those of one reward epoch: its last round is revealed, signed and relayed with them,
though that happens in the next one. Source: fsp.md sections 1 and 6.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

from chrono.flare.address import Address
from chrono.flare.contracts.events import Event
from chrono.flare.feeds import FeedId
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.electorate import Electorate
from chrono.flare.signing_policy import SigningPolicy


class TimedEvent(Protocol):
    """An event of the chain, and where it stands there. Fits: chain.ledger.Told."""

    @property
    def event(self) -> Event:
        """What was told."""
        ...

    @property
    def contract(self) -> Address:
        """Who told it."""
        ...

    @property
    def block_number(self) -> int:
        """In which block."""
        ...

    @property
    def index(self) -> int:
        """Its place among the logs of the block."""
        ...

    @property
    def block_time_s(self) -> int:
        """The block's time, in seconds since 1970 UTC."""
        ...


class RegisteredVoter(Struct, frozen=True, kw_only=True):
    """A voter of one reward epoch, as the chain's registration events tell it. Weights of coins in wei."""

    reward_epoch_id: int
    identity: Address
    submit: Address
    submit_signatures: Address
    signing_policy: Address
    registration_weight: int
    """What the signing policy's weights are made of."""
    delegation: Address | None = None
    """This and what follows is absent until the VoterRegistrationInfo is known."""
    fee_bips: int | None = None
    wnat_wei: int | None = None
    wnat_capped_wei: int | None = None
    """What its vote weighs before FIP.16."""
    node_ids: tuple[bytes, ...] = ()
    node_weights: tuple[int, ...] = ()
    """The stake of each node, in wei."""

    @property
    def stake_wei(self) -> int:
        """All its nodes' stake."""
        return sum(self.node_weights)


class Membership(Struct, frozen=True, kw_only=True):
    """An entity in the signing policy of a reward epoch."""

    reward_epoch_id: int
    identity: Address
    submit: Address
    submit_signatures: Address
    signing_policy: Address
    index: int
    """Its place in the policy, from 0."""
    weight: int
    """Its normalised weight in the policy, 16 bits."""


class RewardEpochFacts(Struct, frozen=True, kw_only=True):
    """All that a round needs to know of its reward epoch."""

    reward_epoch_id: int
    policy: SigningPolicy
    electorate: Electorate
    voters: tuple[RegisteredVoter, ...]
    """In the order of the policy."""
    band_ppms: Mapping[FeedId, int] = field(default_factory=dict)
    """The width of each feed's secondary band, in parts per million; empty where the offers do not say it."""

    def membership(self, identity: Address) -> Membership | None:
        """The entity's place in the policy; None for one that is not in it."""
        for index, voter in enumerate(self.voters):
            if voter.identity == identity:
                return Membership(
                    reward_epoch_id=self.reward_epoch_id,
                    identity=identity,
                    submit=voter.submit,
                    submit_signatures=voter.submit_signatures,
                    signing_policy=voter.signing_policy,
                    index=index,
                    weight=self.policy.weights[index],
                )
        return None


class Finalised(Struct, frozen=True):
    """A round of a protocol that the Relay holds as final."""

    message: ProtocolMessage
    block_time_s: int
    block_number: int
