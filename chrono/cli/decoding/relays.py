"""What a relay transaction says: the policy, the message or new policy, and how far its signatures reach."""

from chrono.cli.decoding.submissions import message_document
from chrono.cli.decoding.terms import PROTOCOLS, Document, Terms, hexed, round_document
from chrono.flare.abi import Malformed
from chrono.flare.address import checksummed
from chrono.flare.epochs import VotingRound
from chrono.flare.finaliser import selected
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import SELECTOR, Relay
from chrono.flare.relay_verdict import Refusal, tally
from chrono.flare.signatures import recover
from chrono.flare.signing_policy import SigningPolicy, raised


def describe_relay(calldata: bytes, terms: Terms) -> Document:
    """The relay behind the selector. Raises: Malformed, at its byte."""
    try:
        relay = Relay.decode(calldata[len(SELECTOR) :])
    except Malformed as fault:
        raise Malformed(fault.what, len(SELECTOR) + fault.at) from fault
    counted = tally(relay, relay.policy.threshold)
    document: Document = {
        "policy": policy_document(relay.policy),
        "signatures": _signatures(relay),
        "weight": counted.weight,
        "enough": counted.refusal is None,
        "refusal": counted.refusal.value if counted.refusal else None,
        "notes": [],
        "faults": [],
    }
    if isinstance(relay.subject, SigningPolicy):
        return document | {"new_policy": policy_document(relay.subject)}
    return document | _finalisation(relay, relay.subject, terms)


def policy_document(policy: SigningPolicy) -> Document:
    """A signing policy with all its voters."""
    voters = zip(policy.voters, policy.weights, strict=True)
    return {
        "reward_epoch_id": policy.reward_epoch_id,
        "start_voting_round_id": policy.start_voting_round_id,
        "threshold": policy.threshold,
        "total_weight": policy.total_weight,
        "seed": hexed(policy.seed.to_bytes(32, "big")),
        "hash": hexed(policy.hash()),
        "voters": [{"address": checksummed(voter), "weight": weight} for voter, weight in voters],
    }


def _finalisation(relay: Relay, message: ProtocolMessage, terms: Terms) -> Document:
    voting_round = VotingRound(message.voting_round_id, terms.network.timing)
    finalisers = selected(relay.policy, message.protocol_id, message.voting_round_id)
    return {
        "protocol": PROTOCOLS.get(message.protocol_id),
        "round": round_document(voting_round),
        "message": message_document(message),
        "selected_finalisers": [checksummed(address) for address in finalisers],
        "sender_is_selected": None if terms.sender is None else terms.sender in finalisers,
        "notes": _notes(relay.policy, voting_round),
    }


def _notes(policy: SigningPolicy, voting_round: VotingRound) -> list[str]:
    expected = voting_round.expected_reward_epoch
    if expected < policy.reward_epoch_id:
        return [f"the Relay refuses it ({Refusal.EPOCH_BEFORE_POLICY}): the round belongs to reward epoch {expected}"]
    if voting_round.id < policy.start_voting_round_id:
        return [f"the Relay refuses it ({Refusal.POLICY_NOT_STARTED}): the policy starts later than the round"]
    if expected > policy.reward_epoch_id:
        higher = raised(policy.threshold)
        return [
            f"by the calendar the round is of reward epoch {expected}; without its policy the threshold is {higher}"
        ]
    return []


def _signatures(relay: Relay) -> list[Document]:
    """Each signature with the voter that it is for, whether it is that voter's, and the weight summed up so far."""
    digest, policy, weight = relay.digest(), relay.policy, 0
    documents: list[Document] = []
    for each in relay.signatures:
        voter = policy.voters[each.index] if each.index < len(policy.voters) else None
        signer = recover(digest, each.signature)
        own = policy.weights[each.index] if voter is not None else 0
        valid = voter is not None and signer == voter
        weight += own if valid else 0
        documents.append(
            {
                "index": each.index,
                "voter": checksummed(voter) if voter else None,
                "signer": checksummed(signer) if signer else None,
                "valid": valid,
                "weight": own,
                "accumulated_weight": weight,
            }
        )
    return documents
