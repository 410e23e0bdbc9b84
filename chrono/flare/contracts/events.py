"""What Flare's contracts tell, as values. Both generations of a redeployed contract give the same Struct.

The offers of the FtsoRewardOffersManager are those of `feed_order`. Addresses have 20 bytes, amounts are in wei, times
are block times in seconds. Source: fsp.md sections 0.2, 2, 6, 7 and 8.
"""

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.feed_order import CommunityOffer, InflationOffer
from chrono.flare.signatures import Signature
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.system_messages import WeightBasedClaims


class SigningPolicyInitialized(Struct, frozen=True):
    """Relay: a reward epoch has its voters. `encoded` are the policy bytes that relay calldata must start with."""

    policy: SigningPolicy
    encoded: bytes
    timestamp_s: int


class ProtocolMessageRelayed(Struct, frozen=True):
    """Relay: a round of a protocol is final."""

    protocol_id: int
    voting_round_id: int
    is_secure_random: bool
    merkle_root: bytes


class RandomAcquisitionStarted(Struct, frozen=True):
    """FlareSystemsManager: two hours before the reward epoch, its random is awaited."""

    reward_epoch_id: int
    timestamp_s: int


class VotePowerBlockSelected(Struct, frozen=True):
    """FlareSystemsManager: delegations and stakes of this block count; registration is open."""

    reward_epoch_id: int
    vote_power_block: int
    timestamp_s: int


class RewardEpochStarted(Struct, frozen=True):
    """FlareSystemsManager: a reward epoch has begun with this voting round."""

    reward_epoch_id: int
    start_voting_round_id: int
    timestamp_s: int


class SigningPolicySigned(Struct, frozen=True):
    """FlareSystemsManager: a voter signed the policy of the next reward epoch."""

    reward_epoch_id: int
    signing_policy_address: Address
    voter: Address
    timestamp_s: int
    threshold_reached: bool


class SignUptimeVoteEnabled(Struct, frozen=True):
    """FlareSystemsManager: the uptime of a past reward epoch may be voted on."""

    reward_epoch_id: int
    timestamp_s: int


class UptimeVoteSigned(Struct, frozen=True):
    """FlareSystemsManager: a voter signed an uptime vote; with the threshold, rewards may be signed."""

    reward_epoch_id: int
    signing_policy_address: Address
    voter: Address
    uptime_vote_hash: bytes
    timestamp_s: int
    threshold_reached: bool


class RewardsSigned(Struct, frozen=True):
    """FlareSystemsManager: a voter signed the Merkle root of an epoch's claims."""

    reward_epoch_id: int
    signing_policy_address: Address
    voter: Address
    rewards_hash: bytes
    weight_based_claims: tuple[WeightBasedClaims, ...]
    timestamp_s: int
    threshold_reached: bool


class VoterRegistered(Struct, frozen=True):
    """VoterRegistry: an entity is a voter of the reward epoch, unless removed later.

    `public_key` is the sortition key, two words of 32 bytes. The first generation of the contract gives no
    `signature`.
    """

    voter: Address
    reward_epoch_id: int
    signing_policy_address: Address
    submit_address: Address
    submit_signatures_address: Address
    public_key: tuple[bytes, bytes]
    registration_weight: int
    signature: Signature | None
    generation: Generation


class VoterRemoved(Struct, frozen=True):
    """VoterRegistry: a heavier newcomer took the place of this voter."""

    voter: Address
    reward_epoch_id: int


class VoterRegistrationInfo(Struct, frozen=True):
    """FlareSystemsCalculator: what the weight of a registration was made of, in wei."""

    voter: Address
    reward_epoch_id: int
    delegation_address: Address
    delegation_fee_bips: int
    wnat_wei: int
    wnat_capped_wei: int
    node_ids: tuple[bytes, ...]
    node_weights: tuple[int, ...]
    generation: Generation


class FastUpdateFeeds(Struct, frozen=True):
    """FastUpdater: the block-latency values at the end of a voting epoch. Shapes: (n,), (n,)."""

    voting_round_id: int
    feeds: tuple[int, ...]
    decimals: tuple[int, ...]


class FastUpdateFeedsSubmitted(Struct, frozen=True):
    """FastUpdater: an update of a provider was taken in a voting round."""

    voting_round_id: int
    signing_policy_address: Address


class IncentiveOffered(Struct, frozen=True):
    """FastUpdateIncentiveManager: somebody paid for a wider range (fixed point 2^120)."""

    reward_epoch_id: int
    range_increase: int
    sample_size_increase: int
    amount_wei: int


class FastUpdateFeedConfiguration(Struct, frozen=True):
    """A feed of a fast-updates inflation offer: 21-byte id, reward band in parts per million, share of the sum."""

    feed_id: bytes
    reward_band_value: int
    inflation_share: int


class FastUpdateInflationOffered(Struct, frozen=True):
    """FastUpdateIncentiveManager: inflation for the fast updates of a reward epoch."""

    reward_epoch_id: int
    configurations: tuple[FastUpdateFeedConfiguration, ...]
    amount_wei: int


class RewardClaimed(Struct, frozen=True):
    """RewardManager: a claim was paid out. Types: 0 direct, 1 fee, 2 WNat, 3 mirror, 4 C-chain."""

    beneficiary: Address
    reward_owner: Address
    recipient: Address
    reward_epoch_id: int
    claim_type: int
    amount_wei: int


Event = (
    SigningPolicyInitialized
    | ProtocolMessageRelayed
    | RandomAcquisitionStarted
    | VotePowerBlockSelected
    | RewardEpochStarted
    | SigningPolicySigned
    | SignUptimeVoteEnabled
    | UptimeVoteSigned
    | RewardsSigned
    | VoterRegistered
    | VoterRemoved
    | VoterRegistrationInfo
    | InflationOffer
    | CommunityOffer
    | FastUpdateFeeds
    | FastUpdateFeedsSubmitted
    | IncentiveOffered
    | FastUpdateInflationOffered
    | RewardClaimed
)
