"""Signatures of others, gathered until they are enough for a relay; and when it is ours to send it. No I/O.

One payload is held of each voter's submitSignatures address, the first, whatever else is sent: a flood costs nothing
but its sender's gas. Source: fsp.md section 4.
"""

from collections.abc import Iterable

from chrono.clock import SECOND_NS
from chrono.errors import Reason
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.finaliser import selected
from chrono.flare.frames import SELECTOR_BYTES, SubmissionFunction, frames_of
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import Relay, compose
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, recover
from chrono.flare.signing_policy import Ruling
from chrono.flare.transaction import decode_signed
from chrono.voting.actions import Finalise, Submitted
from chrono.voting.journal import Journal
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.plan import RoundPlan
from chrono.voting.records import Ended, Included


class Gathering:
    """The signatures of one round of one protocol."""

    def __init__(self, protocol_id: int, voting_round: VotingRound, facts: RewardEpochFacts) -> None:
        self._protocol_id = protocol_id
        self._round_id = voting_round.id
        self._since_s = voting_round.reveal_window.start_ns // SECOND_NS
        self._voters: dict[bytes, Address] = {voter.submit_signatures: voter.signing_policy for voter in facts.voters}
        self._weights: dict[bytes, int] = dict(zip(facts.policy.voters, facts.policy.weights, strict=True))
        self._held: dict[bytes, Signature] = {}
        """By submitSignatures address; not yet verified."""
        self._verified: dict[bytes, dict[bytes, Signature]] = {}
        """By message and signing-policy address."""
        self._judged: dict[bytes, set[bytes]] = {}

    def heard(self, transactions: Iterable[Transaction]) -> None:
        """Take in transactions of the chain. What is no voter's first signature of this round is passed over."""
        for transaction in transactions:
            sender = transaction.sender
            if transaction.block_time_s < self._since_s or sender in self._held or sender not in self._voters:
                continue
            if transaction.calldata[:SELECTOR_BYTES] == SubmissionFunction.SUBMIT_SIGNATURES.value:
                signature = self._signature(transaction.calldata)
                if signature is not None:
                    self._held[sender] = signature

    def weight(self, message: ProtocolMessage) -> int:
        """The weight of those who signed this message."""
        return sum(self._weights.get(signer, 0) for signer in self._signed(message))

    def relay(self, message: ProtocolMessage, ruling: Ruling) -> Relay | None:
        """The relay of the message; None while no more weight than the threshold has signed it."""
        if self.weight(message) <= ruling.threshold:
            return None
        return compose(ruling.policy, message, self._signed(message).values(), ruling.threshold)

    def _signed(self, message: ProtocolMessage) -> dict[bytes, Signature]:
        """The verified signatures of a message; each held one is looked at once."""
        key, digest = message.encode(), message.digest()
        found, judged = self._verified.setdefault(key, {}), self._judged.setdefault(key, set())
        for sender in self._held.keys() - judged:
            judged.add(sender)
            signature, voter = self._held[sender], self._voters[sender]
            if recover(digest, signature) == voter:
                found[voter] = signature
        return found

    def _signature(self, data: bytes) -> Signature | None:
        """The signature in a call; None when there is none of this round and protocol."""
        try:
            frames = frames_of(data[SELECTOR_BYTES:], self._protocol_id)
            payloads = [frame.payload for frame in frames if frame.voting_round_id == self._round_id]
            return SignaturePayload.decode(payloads[0]).signature if payloads else None
        except Malformed:
            return None


class Finaliser:
    """The relay of one round of one protocol, as far as it is ours to send."""

    def __init__(
        self, protocol_id: int, plan: RoundPlan, *, network: str, facts: RewardEpochFacts, membership: Membership
    ) -> None:
        self.gathering = Gathering(protocol_id, plan.round, facts)
        self.selected = membership.signing_policy in selected(facts.policy, protocol_id, plan.id)
        """Whether we may finalise within the grace."""
        self.reason: Reason | None = None
        self._plan = plan
        self._sender = membership.signing_policy
        self._intent_id = f"{network}/{plan.id}/relay/{protocol_id}"
        self._asked = self._done = False
        self._again_ns = 0

    def due(
        self, now_ns: int, message: ProtocolMessage | None, ruling: Ruling | None, journal: Journal
    ) -> list[Finalise]:
        """The relay, when it is our turn and enough have signed. Not to be asked once the round is finalised."""
        if message is None or ruling is None or self._asked or self._done or now_ns < self._again_ns:
            return []
        first = self.selected and now_ns in self._plan.finalise_selected
        if not first and not self._plan.finalise_anyone_ns <= now_ns < self._plan.over_ns:
            return []
        relay = self.gathering.relay(message, ruling)
        if relay is None:
            return []
        self._asked = True
        return [self._finalise(message, self._kept(journal) or relay.calldata(), dry_run=not first)]

    def answered(self, told: Submitted, journal: Journal, now_ns: int) -> None:
        """How the relay ended. One that stands in a block is not sent again, whether it came first or not."""
        self._asked, self._again_ns = False, now_ns + self._plan.margins.poll_ns
        self._done = told.inclusion is not None
        self.reason = told.reason
        if (block := told.inclusion) is not None:
            journal.included(Included(self._intent_id, block.tx_hash, block.block_number, block.block_time_s))
        elif told.reason is not None:
            journal.ended(Ended(self._intent_id, told.reason.code, now_ns))

    def _finalise(self, message: ProtocolMessage, data: bytes, *, dry_run: bool) -> Finalise:
        return Finalise(
            intent_id=self._intent_id,
            message=message,
            sender=self._sender,
            data=data,
            dry_run=dry_run,
            send_until_ns=self._plan.over_ns,
            expires_ns=self._plan.over_ns,
        )

    def _kept(self, journal: Journal) -> bytes | None:
        """What was sent before a restart: the same duty is always the same payload."""
        attempts = journal.attempts_of(self._intent_id)
        return decode_signed(attempts[-1].raw).transaction.data if attempts else None
