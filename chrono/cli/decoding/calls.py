"""What calls with ABI arguments say: registrations, signings, claims, fast updates, entity settings."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from chrono.cli.decoding.terms import Document, Terms, hexed, told
from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import checksummed
from chrono.flare.contracts.addresses import registration_generation
from chrono.flare.contracts.functions import Call
from chrono.flare.contracts.shapes import SELECTOR_BYTES, FunctionShape
from chrono.flare.fast_updates.deltas import DOWN, UP, decode_deltas
from chrono.flare.fast_updates.submission import decode_update
from chrono.flare.registration import registration_message
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import leaf
from chrono.flare.signatures import Signature, eth_signed, recover
from chrono.flare.system_messages import (
    UPTIME_VOTE_HASH,
    WeightBasedClaims,
    policy_message,
    rewards_message,
    uptime_message,
)
from chrono_core import keccak256


def describe_call(shape: FunctionShape, calldata: bytes, terms: Terms) -> Document:
    """The arguments by name, and what can be computed from them. Raises: Malformed, at its byte."""
    try:
        call = Call(shape.contract, shape.name, shape.decode(calldata))
    except Malformed as fault:
        raise Malformed(fault.what, SELECTOR_BYTES + fault.at) from fault
    named = {each.name: told(each, call.arguments[each.name]) for each in shape.parameters}
    explain = _EXPLAINED.get(call.name)
    return {"arguments": named, "notes": [], "faults": [], **(explain(call, terms) if explain else {})}


def _signer(message: bytes, call: Call) -> str | None:
    found = recover(eth_signed(message), Signature(*call.arguments["signature"]))
    return checksummed(found) if found else None


def _registration(call: Call, terms: Terms) -> Document:
    """The signed message names the reward epoch, which the call does not: the block time tells it."""
    if terms.time_s is None:
        return {"notes": ["whose signature it is depends on the reward epoch, which needs the block time"]}
    network = terms.network
    epoch = network.timing.reward_epoch_at(terms.time_s * SECOND_NS).id + 1
    if epoch < network.first_reward_epoch:
        return {"notes": ["by its block time this is older than the protocol"]}
    generation = registration_generation(network.contracts, epoch)
    message = registration_message(generation, network.chain_id, epoch, call.arguments["voter"])
    note = (
        f"the signer is right if it is for reward epoch {epoch} and the {generation.value} generation of the contract"
    )
    return {"signer": _signer(message, call), "notes": [note]}


def _policy_signing(call: Call, terms: Terms) -> Document:
    del terms
    return {"signer": _signer(policy_message(call.arguments["newSigningPolicyHash"]), call)}


def _uptime_vote(call: Call, terms: Terms) -> Document:
    del terms
    vote = call.arguments["uptimeVoteHash"]
    notes = [] if vote == UPTIME_VOTE_HASH else ["the vote is not the constant one that clients send"]
    return {"signer": _signer(uptime_message(call.arguments["rewardEpochId"], vote), call), "notes": notes}


def _reward_signing(call: Call, terms: Terms) -> Document:
    del terms
    given = call.arguments
    counts = [WeightBasedClaims(*pair) for pair in given["noOfWeightBasedClaims"]]
    return {"signer": _signer(rewards_message(given["rewardEpochId"], counts, given["rewardsHash"]), call)}


def _claim(call: Call, terms: Terms) -> Document:
    """The claims by type, and the Merkle root that the proofs lead to."""
    del terms
    sums: Counter[str] = Counter()
    roots: set[tuple[int, bytes]] = set()
    for proof, (epoch, beneficiary, amount, claim_type) in call.arguments["proofs"]:
        if claim_type not in set(ClaimType):
            raise Malformed(f"claims have type 0 to {max(ClaimType)}, not {claim_type}")
        kind = ClaimType(claim_type)
        sums[kind.name.lower()] += amount
        roots.add((epoch, _root(leaf(RewardClaim(epoch, beneficiary, amount, kind)), proof)))
    return {
        "claimed_wei": {name: str(amount) for name, amount in sums.items()},
        "merkle_roots": [{"reward_epoch_id": epoch, "root": hexed(root)} for epoch, root in sorted(roots)],
    }


def _root(node: bytes, proof: tuple[bytes, ...]) -> bytes:
    for sibling in proof:
        node = keccak256(min(node, sibling) + max(node, sibling))
    return node


def _passed_update(call: Call, terms: Terms) -> Document:
    del terms
    return _update(call.arguments["data"])


def _update(data: bytes) -> Document:
    update, signature = decode_update(data)
    deltas = decode_deltas(update.deltas)
    signer = recover(eth_signed(update.message_hash()), signature)
    return {
        "update": {
            "sortition_block": update.block,
            "replicate": update.credential.replicate,
            "feeds_up": [place for place, delta in enumerate(deltas) if delta == UP],
            "feeds_down": [place for place, delta in enumerate(deltas) if delta == DOWN],
        },
        "signer": checksummed(signer) if signer else None,
    }


_EXPLAINED: dict[str, Callable[[Call, Terms], Any]] = {
    "registerVoter": _registration,
    "preRegisterVoter": _registration,
    "signNewSigningPolicy": _policy_signing,
    "signUptimeVote": _uptime_vote,
    "signRewards": _reward_signing,
    "claim": _claim,
    "autoClaim": _claim,
    "submitAndPass": _passed_update,
}
