"""Events by topic0. Redeployed contracts tell the same with another topic, so both are always read.

Subscribe to all topics on all addresses of a contract, and decode by the topic alone. Source: fsp.md section 0.2.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from chrono.flare.abi import Malformed
from chrono.flare.contracts import events as to
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.shapes import EventShape
from chrono.flare.feed_order import CommunityOffer, InflationOffer, unpack_bands, unpack_feeds
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.signatures import Signature
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.system_messages import WeightBasedClaims


def _policy(
    epoch: int, start: int, threshold: int, seed: int, voters: Any, weights: Any, encoded: bytes, timestamp: int
) -> to.SigningPolicyInitialized:
    policy = SigningPolicy(epoch, start, threshold, seed, voters, weights)
    if len(voters) != len(weights) or policy.encode() != encoded:
        raise Malformed(f"the policy bytes of reward epoch {epoch} say something else than its fields")
    return to.SigningPolicyInitialized(policy, encoded, timestamp)


def _rewards_signed(
    epoch: int, signer: Any, voter: Any, rewards_hash: bytes, counts: Any, timestamp: int, reached: bool
) -> to.RewardsSigned:
    claims = tuple(WeightBasedClaims(*count) for count in counts)
    return to.RewardsSigned(epoch, signer, voter, rewards_hash, claims, timestamp, reached)


def _registered_first(
    voter: Any, epoch: int, signer: Any, submit: Any, signatures: Any, part1: bytes, part2: bytes, weight: int
) -> to.VoterRegistered:
    return to.VoterRegistered(voter, epoch, signer, submit, signatures, (part1, part2), weight, None, Generation.FIRST)


def _registered_second(
    voter: Any, epoch: int, signer: Any, submit: Any, signatures: Any, key: Any, weight: int, signature: Any
) -> to.VoterRegistered:
    signed = Signature(*signature)
    return to.VoterRegistered(voter, epoch, signer, submit, signatures, key, weight, signed, Generation.SECOND)


def _info(generation: Generation) -> Callable[..., to.VoterRegistrationInfo]:
    return partial(to.VoterRegistrationInfo, generation=generation)


def _inflation(
    epoch: int, ids: bytes, decimals: bytes, amount: int, turnout: int, primary: int, bands: bytes, mode: int
) -> InflationOffer:
    feeds = unpack_feeds(ids, decimals)
    return InflationOffer(epoch, feeds, unpack_bands(bands, len(feeds)), amount, turnout, primary, mode)


def _offer(
    epoch: int, feed_id: bytes, decimals: int, amount: int, turnout: int, primary: int, band: int, back: Any
) -> CommunityOffer:
    feed = Feed(FeedId.from_bytes(feed_id), decimals)
    return CommunityOffer(epoch, feed, amount, turnout, primary, band, back)


def _fast_inflation(epoch: int, configurations: Any, amount: int) -> to.FastUpdateInflationOffered:
    feeds = tuple(to.FastUpdateFeedConfiguration(*each) for each in configurations)
    return to.FastUpdateInflationOffered(epoch, feeds, amount)


_SIGNED = "uint24 indexed rewardEpochId, address indexed signingPolicyAddress, address indexed voter"
_INFO = (
    " indexed rewardEpochId, address delegationAddress, uint16 delegationFeeBIPS, uint256 wNatWeight,"
    " uint256 wNatCappedWeight, bytes20[] nodeIds, uint256[] nodeWeights)"
)
_ADDRESSES = "address indexed signingPolicyAddress, address submitAddress, address submitSignaturesAddress"

_TABLE: Final[tuple[tuple[str, str, Callable[..., to.Event]], ...]] = (
    (
        "Relay",
        (
            "SigningPolicyInitialized(uint24 indexed rewardEpochId, uint32 startVotingRoundId, uint16 threshold,"
            " uint256 seed, address[] voters, uint16[] weights, bytes signingPolicyBytes, uint64 timestamp)"
        ),
        _policy,
    ),
    (
        "Relay",
        (
            "ProtocolMessageRelayed(uint8 indexed protocolId, uint32 indexed votingRoundId, bool isSecureRandom,"
            " bytes32 merkleRoot)"
        ),
        to.ProtocolMessageRelayed,
    ),
    (
        "FlareSystemsManager",
        "RandomAcquisitionStarted(uint24 indexed rewardEpochId, uint64 timestamp)",
        to.RandomAcquisitionStarted,
    ),
    (
        "FlareSystemsManager",
        "VotePowerBlockSelected(uint24 indexed rewardEpochId, uint64 votePowerBlock, uint64 timestamp)",
        to.VotePowerBlockSelected,
    ),
    (
        "FlareSystemsManager",
        "RewardEpochStarted(uint24 indexed rewardEpochId, uint32 startVotingRoundId, uint64 timestamp)",
        to.RewardEpochStarted,
    ),
    (
        "FlareSystemsManager",
        f"SigningPolicySigned({_SIGNED}, uint64 timestamp, bool thresholdReached)",
        to.SigningPolicySigned,
    ),
    (
        "FlareSystemsManager",
        "SignUptimeVoteEnabled(uint24 indexed rewardEpochId, uint64 timestamp)",
        to.SignUptimeVoteEnabled,
    ),
    (
        "FlareSystemsManager",
        f"UptimeVoteSigned({_SIGNED}, bytes32 uptimeVoteHash, uint64 timestamp, bool thresholdReached)",
        to.UptimeVoteSigned,
    ),
    (
        "FlareSystemsManager",
        (
            f"RewardsSigned({_SIGNED}, bytes32 rewardsHash, (uint256 rewardManagerId, uint256 noOfWeightBasedClaims)[]"
            " noOfWeightBasedClaims, uint64 timestamp, bool thresholdReached)"
        ),
        _rewards_signed,
    ),
    (
        "VoterRegistry",
        (
            f"VoterRegistered(address indexed voter, uint24 indexed rewardEpochId, {_ADDRESSES},"
            " bytes32 publicKeyPart1, bytes32 publicKeyPart2, uint256 registrationWeight)"
        ),
        _registered_first,
    ),
    ("VoterRegistry", "VoterRemoved(address indexed voter, uint256 indexed rewardEpochId)", to.VoterRemoved),
    ("FlareSystemsCalculator", f"VoterRegistrationInfo(address indexed voter, uint24{_INFO}", _info(Generation.FIRST)),
    (
        "FtsoRewardOffersManager",
        (
            "InflationRewardsOffered(uint24 indexed rewardEpochId, bytes feedIds, bytes decimals, uint256 amount,"
            " uint16 minRewardedTurnoutBIPS, uint24 primaryBandRewardSharePPM, bytes secondaryBandWidthPPMs,"
            " uint16 mode)"
        ),
        _inflation,
    ),
    (
        "FtsoRewardOffersManager",
        (
            "RewardsOffered(uint24 indexed rewardEpochId, bytes21 feedId, int8 decimals, uint256 amount,"
            " uint16 minRewardedTurnoutBIPS, uint24 primaryBandRewardSharePPM, uint24 secondaryBandWidthPPM,"
            " address claimBackAddress)"
        ),
        _offer,
    ),
    (
        "FastUpdater",
        "FastUpdateFeeds(uint256 indexed votingEpochId, uint256[] feeds, int8[] decimals)",
        to.FastUpdateFeeds,
    ),
    (
        "FastUpdater",
        "FastUpdateFeedsSubmitted(uint32 indexed votingRoundId, address indexed signingPolicyAddress)",
        to.FastUpdateFeedsSubmitted,
    ),
    (
        "FastUpdateIncentiveManager",
        (
            "IncentiveOffered(uint24 indexed rewardEpochId, uint256 rangeIncrease, uint256 sampleSizeIncrease,"
            " uint256 offerAmount)"
        ),
        to.IncentiveOffered,
    ),
    (
        "FastUpdateIncentiveManager",
        (
            "InflationRewardsOffered(uint24 indexed rewardEpochId, (bytes21 feedId, uint32 rewardBandValue,"
            " uint24 inflationShare)[] feedConfigurations, uint256 amount)"
        ),
        _fast_inflation,
    ),
    (
        "RewardManager",
        (
            "RewardClaimed(address indexed beneficiary, address indexed rewardOwner, address indexed recipient,"
            " uint24 rewardEpochId, uint8 claimType, uint120 amount)"
        ),
        to.RewardClaimed,
    ),
    (
        "VoterRegistry",
        (
            f"VoterRegistered(address indexed voter, uint32 indexed rewardEpochId, {_ADDRESSES},"
            " (bytes32 x, bytes32 y) publicKey, uint256 registrationWeight, (uint8 v, bytes32 r, bytes32 s) signature)"
        ),
        _registered_second,
    ),
    ("FlareSystemsCalculator", f"VoterRegistrationInfo(address indexed voter, uint32{_INFO}", _info(Generation.SECOND)),
)

EVENTS: Final = tuple(EventShape(contract, text) for contract, text, _ in _TABLE)
_BY_TOPIC: Final = {shape.topic: (shape, made) for shape, (_, _, made) in zip(EVENTS, _TABLE, strict=True)}


def event_of(topic0: bytes) -> EventShape | None:
    """The event that a topic0 names; None for an unknown one."""
    found = _BY_TOPIC.get(topic0)
    return found[0] if found else None


def decode_event(topics: Sequence[bytes], data: bytes) -> to.Event | None:
    """The event that a log tells, by its topic0; None when the topic is unknown, or there is none.

    Anybody may emit anything: check that the log's address is the contract's. Raises: Malformed when the topic is
    known and the rest is not what it promises, in time bounded by the length.
    """
    found = _BY_TOPIC.get(topics[0]) if topics else None
    if found is None:
        return None
    shape, made = found
    return made(*shape.values(topics, data))
