"""What the Relay does with a relay transaction: take it, or refuse it for a reason with a name.

The checks stand in the contract's own order, so the first refusal here is the one that a dry run would report.
Source: fsp.md section 4; flare-smart-contracts-v2 Relay.sol, the reasons word for word.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import IndexedSignature, Relay
from chrono.flare.signatures import recover
from chrono.flare.signing_policy import RAISED_THRESHOLD_BIPS, SigningPolicy, raised
from chrono.flare.units import BIPS

GOVERNANCE_PROTOCOL: Final = 1
MOST_VOTERS: Final = 300
MOST_WEIGHT: Final = 65_535
UNREACHABLE: Final = 1 << 32
"""A threshold above the weight of any policy, so that every signature is looked at."""
LEAST_THRESHOLD_BIPS: Final = 5_000
MOST_THRESHOLD_BIPS: Final = 6_600


class Refusal(StrEnum):
    """Why the contract reverts, in its own words."""

    POLICY_UNKNOWN = "Signing policy hash mismatch"
    ALREADY_RELAYED = "Already relayed"
    GOVERNANCE_ROUND = "Wrong message format"
    GOVERNANCE_RANDOM = "Wrong message format2"
    EPOCH_BEFORE_POLICY = "Wrong sign policy reward epoch"
    TOO_OLD = "Message too old"
    POLICY_NOT_STARTED = "Delayed sign policy"
    POLICY_REPLACED = "Must use new sign policy"
    NO_POLICY_RELAY = "Sign policy relay disabled"
    NO_VOTERS = "must be non-trivial"
    TOO_MANY_VOTERS = "too many voters"
    NOT_NEWEST_POLICY = "Not with last intialized"
    NOT_NEXT_POLICY = "Not next reward epoch"
    TOTAL_TOO_LARGE = "total weight too big"
    THRESHOLD_TOO_LOW = "too small threshold"
    THRESHOLD_TOO_HIGH = "too big threshold"
    INDEX_OUTSIDE = "Index out of range"
    INDEX_NOT_ASCENDING = "Index out of order"
    WRONG_SIGNATURE = "Wrong signature"
    TOO_LITTLE_WEIGHT = "Not enough weight"


class RelayState(Struct, frozen=True):
    """What a Relay knows. `policy_hashes` and `start_rounds` are by reward epoch; `relayed` by protocol and round."""

    policy_hashes: Mapping[int, bytes]
    start_rounds: Mapping[int, int]
    newest_epoch: int
    relayed: Collection[tuple[int, int]]
    timing: Timing
    window_epochs: int
    takes_policies: bool = False
    """Only on chains other than Flare's own, where no FlareSystemsManager sets them."""
    increase_bips: int = RAISED_THRESHOLD_BIPS


class Tally(Struct, frozen=True):
    """How the signatures of a relay count.

    `weight` is that of the signatures up to the one where the contract stops or refuses; `checked` is their number.
    """

    weight: int
    checked: int
    threshold: int
    refusal: Refusal | None


def tally(relay: Relay, threshold: int) -> Tally:
    """Count the signatures as the contract does: in order, and no further than the one that exceeds the threshold."""
    weight, checked, next_index = 0, 0, 0
    digest = relay.digest()
    for each in relay.signatures:
        refusal = _of_signature(relay.policy, each, next_index, digest)
        if refusal is not None:
            return Tally(weight, checked, threshold, refusal)
        next_index = each.index + 1
        weight += relay.policy.weights[each.index]
        checked += 1
        if weight > threshold:
            return Tally(weight, checked, threshold, None)
    return Tally(weight, checked, threshold, Refusal.TOO_LITTLE_WEIGHT)


def is_rewarded_form(relay: Relay) -> bool:
    """Whether the reference counts this finalisation when it rewards: every signature is right, beyond the threshold.

    Stricter than the contract, which looks at none behind the one that exceeds the policy's threshold.
    """
    whole = tally(relay, UNREACHABLE)
    enough = whole.weight > relay.policy.threshold
    return enough and whole.refusal is Refusal.TOO_LITTLE_WEIGHT


def verdict(relay: Relay, state: RelayState) -> Refusal | None:
    """Why the Relay in this state would refuse; None when it would take the relay."""
    policy = relay.policy
    if state.policy_hashes.get(policy.reward_epoch_id) != policy.hash():
        return Refusal.POLICY_UNKNOWN
    if isinstance(relay.subject, SigningPolicy):
        return _of_policy(policy, relay.subject, state) or tally(relay, policy.threshold).refusal
    return _of_message(policy, relay.subject, state) or tally(relay, threshold_for(relay, state)).refusal


def threshold_for(relay: Relay, state: RelayState) -> int:
    """The weight to exceed: raised while the relay's policy stands in for a later one that is not there yet."""
    policy, subject = relay.policy, relay.subject
    if isinstance(subject, SigningPolicy):
        return policy.threshold
    expected = VotingRound(subject.voting_round_id, state.timing).expected_reward_epoch
    late = expected > policy.reward_epoch_id == state.newest_epoch
    return raised(policy.threshold, state.increase_bips) if late else policy.threshold


def _of_signature(policy: SigningPolicy, each: IndexedSignature, next_index: int, digest: bytes) -> Refusal | None:
    if each.index >= len(policy.voters):
        return Refusal.INDEX_OUTSIDE
    if each.index < next_index:
        return Refusal.INDEX_NOT_ASCENDING
    return None if recover(digest, each.signature) == policy.voters[each.index] else Refusal.WRONG_SIGNATURE


def _of_message(policy: SigningPolicy, message: ProtocolMessage, state: RelayState) -> Refusal | None:
    voting_round = message.voting_round_id
    expected = VotingRound(voting_round, state.timing).expected_reward_epoch
    # A mapping of the contract that was never written to holds 0.
    following = state.start_rounds.get(policy.reward_epoch_id + 1, 0)
    replaced = expected > policy.reward_epoch_id and state.newest_epoch > policy.reward_epoch_id
    governs = message.protocol_id == GOVERNANCE_PROTOCOL
    checks = (
        (Refusal.ALREADY_RELAYED, not governs and (message.protocol_id, voting_round) in state.relayed),
        (Refusal.GOVERNANCE_ROUND, governs and voting_round != 0),
        (Refusal.GOVERNANCE_RANDOM, governs and message.is_secure_random),
        (Refusal.EPOCH_BEFORE_POLICY, expected < policy.reward_epoch_id),
        (Refusal.TOO_OLD, expected + state.window_epochs < state.newest_epoch),
        (Refusal.POLICY_NOT_STARTED, voting_round < policy.start_voting_round_id),
        (Refusal.POLICY_REPLACED, replaced and voting_round >= following),
    )
    return next((refusal for refusal, holds in checks if holds), None)


def _of_policy(policy: SigningPolicy, following: SigningPolicy, state: RelayState) -> Refusal | None:
    total = following.total_weight
    checks = (
        (Refusal.NO_POLICY_RELAY, not state.takes_policies),
        (Refusal.NO_VOTERS, not following.voters),
        (Refusal.TOO_MANY_VOTERS, len(following.voters) > MOST_VOTERS),
        (Refusal.NOT_NEWEST_POLICY, policy.reward_epoch_id != state.newest_epoch),
        (Refusal.NOT_NEXT_POLICY, following.reward_epoch_id != state.newest_epoch + 1),
        (Refusal.TOTAL_TOO_LARGE, total > MOST_WEIGHT),
        (Refusal.THRESHOLD_TOO_LOW, following.threshold * BIPS < total * LEAST_THRESHOLD_BIPS),
        (Refusal.THRESHOLD_TOO_HIGH, following.threshold * BIPS > total * MOST_THRESHOLD_BIPS),
    )
    return next((refusal for refusal, holds in checks if holds), None)
