"""The events of the system contracts that decide who votes on what, and what was finalised."""

from dataclasses import dataclass

from tests.judge.chain import Chain, Log
from tests.judge.words import Words, topic

REGISTERED_FIRST = topic("VoterRegistered(address,uint24,address,address,address,bytes32,bytes32,uint256)")
REGISTERED_SECOND = topic(
    "VoterRegistered(address,uint32,address,address,address,(bytes32,bytes32),uint256,(uint8,bytes32,bytes32))"
)
REMOVED = topic("VoterRemoved(address,uint256)")
INFO = tuple(
    topic(f"VoterRegistrationInfo(address,{epoch},address,uint16,uint256,uint256,bytes20[],uint256[])")
    for epoch in ("uint24", "uint32")
)
POLICY = topic("SigningPolicyInitialized(uint24,uint32,uint16,uint256,address[],uint16[],bytes,uint64)")
RELAYED = topic("ProtocolMessageRelayed(uint8,uint32,bool,bytes32)")
EPOCH_STARTED = topic("RewardEpochStarted(uint24,uint32,uint64)")
RANDOM_STARTED = topic("RandomAcquisitionStarted(uint24,uint64)")
INFLATION = topic("InflationRewardsOffered(uint24,bytes,bytes,uint256,uint16,uint24,bytes,uint16)")
COMMUNITY = topic("RewardsOffered(uint24,bytes21,int8,uint256,uint16,uint24,uint24,address)")


@dataclass(frozen=True)
class Policy:
    reward_epoch: int
    start_round: int
    threshold: int
    seed: int
    signers: tuple[bytes, ...]
    weights: tuple[int, ...]
    encoded: bytes
    time_s: int


@dataclass(frozen=True)
class Registered:
    voter: bytes
    reward_epoch: int
    signing_policy: bytes
    submit: bytes
    submit_signatures: bytes


@dataclass(frozen=True)
class Weighed:
    voter: bytes
    reward_epoch: int
    capped_wei: int


@dataclass(frozen=True)
class Relayed:
    protocol: int
    round_id: int
    is_secure: bool
    root: bytes
    time_s: int
    block: int


@dataclass(frozen=True)
class Offer:
    """Feeds with their decimals; `amount` only of what the community offers."""

    reward_epoch: int
    feeds: tuple[tuple[bytes, int], ...]
    amount: int | None
    time_s: int


def _uint(word: bytes) -> int:
    return int.from_bytes(word, "big")


def policy_of(log: Log) -> Policy:
    words = Words(log.data)
    signers = tuple(word[12:] for word in words.array(3))
    weights = tuple(_uint(word) for word in words.array(4))
    return Policy(
        _uint(log.topics[1]),
        words.uint(0),
        words.uint(1),
        words.uint(2),
        signers,
        weights,
        words.dynamic(5),
        log.time_s,
    )


def registered_of(log: Log) -> Registered:
    words = Words(log.data)
    return Registered(log.topics[1][12:], _uint(log.topics[2]), log.topics[3][12:], words.address(0), words.address(1))


def weighed_of(log: Log) -> Weighed:
    return Weighed(log.topics[1][12:], _uint(log.topics[2]), Words(log.data).uint(3))


def relayed_of(log: Log) -> Relayed:
    words = Words(log.data)
    return Relayed(_uint(log.topics[1]), _uint(log.topics[2]), words.flag(0), words.raw(1), log.time_s, log.place[0])


def inflation_of(log: Log) -> Offer:
    words = Words(log.data)
    ids, decimals = words.dynamic(0), words.dynamic(1)
    if len(ids) != 21 * len(decimals):
        raise ValueError("an inflation offer with more feeds than decimals, or fewer")
    feeds = tuple(
        (ids[21 * place : 21 * place + 21], int.from_bytes(decimals[place : place + 1], "big", signed=True))
        for place in range(len(decimals))
    )
    return Offer(_uint(log.topics[1]), feeds, None, log.time_s)


def community_of(log: Log) -> Offer:
    words = Words(log.data)
    return Offer(_uint(log.topics[1]), ((words.raw(0)[:21], words.signed(1)),), words.uint(2), log.time_s)


def logs_of(chain: Chain, contract: str, *topics: bytes) -> list[Log]:
    """Those that the contract itself told; anybody else may emit what they like."""
    return [log for log in chain.told_by(contract) if log.topics and log.topics[0] in topics]
