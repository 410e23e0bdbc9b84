"""Whom the FDC rewards in a round, and who offended, found out from the round's transactions. No I/O.

The amounts are not known here and do not matter: a round is paid from inflation, so that every share is more than
nothing. Source: fsp.md sections 7.6 to 7.8; FTSO-Scaling DataManagerForRewarding.ts (`extractSignatures`: of each
sender the first signature that matches, and the first that does not) and minimal-conditions.ts (who is rewarded has a
claim of the type FEE).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.fdc import SIGNED_IN_TIME_S, BitVote, Judgement, Signed, judge
from chrono.flare.finaliser import selected
from chrono.flare.frames import FDC, SELECTOR_BYTES, SubmissionFunction, frames_of
from chrono.flare.relay import SELECTOR, Relay
from chrono.flare.relay_verdict import is_rewarded_form
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.fdc import FdcSigner, fdc_signing_claims, split_fdc
from chrono.flare.rewards.finalisation import SeenFinalisation, finalisation_claims, first_success
from chrono.flare.rewards.parameters import DEAD
from chrono.flare.rewards.voters import RewardedVoter
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.units import COIN_WEI
from chrono.voting.membership import Finalised, RewardEpochFacts

_OFFER_WEI: Final = 10**6 * COIN_WEI


class FdcRewards(Struct, frozen=True):
    """Identities: those that the FDC paid a fee in a round, and those that offended in it."""

    paid: frozenset[Address] = frozenset()
    offended: frozenset[Address] = frozenset()

    def rewards(self, identity: Address) -> bool:
        """Whether the round counts for the condition of this entity."""
        return identity in self.paid and identity not in self.offended


class RoundTraffic(Struct, frozen=True, kw_only=True):
    """What a round of the FDC is judged by. `transactions` may hold any others too, in the order of the chain."""

    round: VotingRound
    transactions: Sequence[Transaction]
    submission: Address
    relays: Collection[Address]
    """Every address of the Relay."""
    finalised: Finalised | None
    """As the Relay told it; None when nobody made the round final."""


def fdc_rewards(traffic: RoundTraffic, facts: RewardEpochFacts) -> FdcRewards:
    """Who was rewarded in a round whose signature window is over. Raises: LookupError when a fee is not known."""
    finalised, voting_round = traffic.finalised, traffic.round
    if finalised is None:
        return FdcRewards()
    voters = rewarded_voters(facts)
    finalisations = list(_finalisations(traffic, finalised, facts))
    success = first_success(finalisations)
    if success is None:
        return FdcRewards()
    bit_votes = _bit_votes(traffic, facts)
    right, wrong = _signatures(traffic, finalised, facts)
    judged = judge(right, wrong, bit_votes)
    parts, fip16 = split_fdc(_OFFER_WEI), facts.electorate.fip16
    signing = fdc_signing_claims(
        parts.signing,
        _signers(right, judged, bit_votes, traffic, facts),
        success.at_ns,
        judged.consensus,
        voting_round,
        voters,
        DEAD,
        fip16=fip16,
    )
    drawn = frozenset(selected(facts.policy, FDC, voting_round.id))
    finalising = finalisation_claims(
        parts.finalisation, finalisations, drawn, drawn, voting_round, voters, DEAD, fip16=fip16
    )
    identity_of = {voter.submit_signatures: voter.identity for voter in facts.voters}
    return FdcRewards(_paid((*signing, *finalising)), frozenset(identity_of[each] for each in judged.offences))


def rewarded_voters(facts: RewardEpochFacts) -> tuple[RewardedVoter, ...]:
    """The voters as rewards know them. Raises: LookupError when the chain has not told a fee or a weight."""
    found = []
    for voter, weight in zip(facts.voters, facts.policy.weights, strict=True):
        if voter.delegation is None or voter.fee_bips is None or voter.wnat_capped_wei is None:
            raise LookupError(f"the fee of 0x{voter.identity.hex()} was not told")
        found.append(
            RewardedVoter(
                identity=voter.identity,
                submit=voter.submit,
                signing=voter.signing_policy,
                delegation=voter.delegation,
                capped_delegation_weight=voter.wnat_capped_wei,
                signing_weight=weight,
                fee_bips=voter.fee_bips,
                node_ids=voter.node_ids,
                node_weights=voter.node_weights,
            )
        )
    return tuple(found)


def _paid(claims: Iterable[PartialClaim]) -> frozenset[Address]:
    return frozenset(Address(each.beneficiary) for each in claims if each.claim_type is ClaimType.FEE and each.amount)


def _bit_votes(traffic: RoundTraffic, facts: RewardEpochFacts) -> dict[Address, bytes]:
    """The last bit vote of each voter by submitSignatures address."""
    signatures_of = {voter.submit: voter.submit_signatures for voter in facts.voters}
    found: dict[Address, bytes] = {}
    for transaction, payload in _payloads(traffic, SubmissionFunction.SUBMIT2):
        within = transaction.block_time_s * SECOND_NS in traffic.round.reveal_window
        if within and payload and transaction.sender in signatures_of:
            found[signatures_of[transaction.sender]] = payload
    return found


def _signatures(
    traffic: RoundTraffic, finalised: Finalised, facts: RewardEpochFacts
) -> tuple[list[Signed], list[Address]]:
    """Each voter's first signature of the final message, and who sent any other."""
    voters = {voter.submit_signatures: place for place, voter in enumerate(facts.voters)}
    right: dict[Address, Signed] = {}
    wrong: dict[Address, None] = {}
    for transaction, payload in _payloads(traffic, SubmissionFunction.SUBMIT_SIGNATURES):
        place = voters.get(transaction.sender)
        if place is None or transaction.block_time_s * SECOND_NS not in traffic.round.signature_window:
            continue
        told = _signature(payload, traffic.round.id)
        if told is None:
            continue
        if told.signer(finalised.message) != facts.voters[place].signing_policy:
            wrong[transaction.sender] = None
            continue
        after_s = transaction.block_time_s - traffic.round.commit_window.end_ns // SECOND_NS
        signed = Signed(transaction.sender, facts.policy.weights[place], told.unsigned_message, after_s)
        right.setdefault(transaction.sender, signed)
    return list(right.values()), list(wrong)


def _signature(payload: bytes, round_id: int) -> SignaturePayload | None:
    """The signature in a payload; None when it is none, or carries the message of another round."""
    try:
        told = SignaturePayload.decode(payload)
    except Malformed:
        return None
    inner = told.message
    foreign = inner is not None and (inner.protocol_id, inner.voting_round_id) != (FDC, round_id)
    return None if foreign else told


def _signers(
    right: Sequence[Signed],
    judged: Judgement,
    bit_votes: dict[Address, bytes],
    traffic: RoundTraffic,
    facts: RewardEpochFacts,
) -> dict[Address, FdcSigner]:
    """Those whose signature may be rewarded, by signing address."""
    signing_of = {voter.submit_signatures: voter.signing_policy for voter in facts.voters}
    found = {}
    for signed in right:
        if signed.after_s >= SIGNED_IN_TIME_S:
            continue
        vote = BitVote.decode(bit_votes.get(signed.sender, b""))
        covers = vote is not None and judged.consensus is not None and vote.covers(judged.consensus)
        at_ns = traffic.round.commit_window.end_ns + signed.after_s * SECOND_NS
        found[signing_of[signed.sender]] = FdcSigner(at_ns, covers)
    return found


def _finalisations(traffic: RoundTraffic, finalised: Finalised, facts: RewardEpochFacts) -> Iterator[SeenFinalisation]:
    """Relays of the final message in its window. The chain told in which block one was taken: the first there."""
    taken = False
    for transaction in traffic.transactions:
        at_ns = transaction.block_time_s * SECOND_NS
        if transaction.to not in traffic.relays or at_ns not in traffic.round.signature_window:
            continue
        if not _relays(transaction.calldata, finalised, facts):
            continue
        succeeded = not taken and transaction.block_number == finalised.block_number
        taken = taken or succeeded
        yield SeenFinalisation(transaction.sender, at_ns, succeeded)


def _relays(data: bytes, finalised: Finalised, facts: RewardEpochFacts) -> bool:
    """Whether this is a relay of the message that counts."""
    if data[:SELECTOR_BYTES] != SELECTOR:
        return False
    try:
        relay = Relay.decode(data[SELECTOR_BYTES:])
    except Malformed:
        return False
    same = relay.subject == finalised.message and relay.policy.hash() == facts.policy.hash()
    return same and is_rewarded_form(relay)


def _payloads(traffic: RoundTraffic, function: SubmissionFunction) -> Iterator[tuple[Transaction, bytes]]:
    """Every payload about the round in the calls of one function, in the order of the chain."""
    for transaction in traffic.transactions:
        if transaction.to != traffic.submission or transaction.calldata[:SELECTOR_BYTES] != function.value:
            continue
        try:
            frames = frames_of(transaction.calldata[SELECTOR_BYTES:], FDC)
        except Malformed:
            continue  # one bad frame makes the whole transaction void
        for frame in frames:
            if frame.voting_round_id == traffic.round.id:
                yield transaction, frame.payload
