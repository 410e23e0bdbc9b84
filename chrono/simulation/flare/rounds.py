"""Drives the simulated voters through their rounds: commit, reveal, sign, finalise. Source: fsp.md sections 1 to 4."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from chrono.clock import MS_NS, SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.finaliser import selected
from chrono.flare.frames import SELECTOR_BYTES, SubmissionFunction, frames_of
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.refusal import Refused
from chrono.flare.relay import compose
from chrono.flare.round.outcome import Outcome, conclude
from chrono.flare.round.submissions import Submissions, read_submissions
from chrono.flare.round.transactions import RoundTransactions, Transaction, by_round
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature
from chrono.simulation.flare.agenda import Agenda
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.deployment import Deployment
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.prices import Prices
from chrono.simulation.flare.voter import SimulatedVoter, send

_COMMIT_SHARES = (0.70, 0.92)
_REVEAL_SHARES = (0.05, 0.70)
_SIGN_SHARES = (0.03, 0.20)
"""Of the reveal window's length, after its end."""
_FINALISE_SHARE = 0.02


class Rounds:
    """What all voters do in a round. `offences` says who does what wrong."""

    def __init__(
        self, deployment: Deployment, agenda: Agenda, voters: Sequence[SimulatedVoter], prices: Prices, seed: int
    ) -> None:
        self._deployment = deployment
        self._agenda = agenda
        self._voters = voters
        self._prices = prices
        self._seed = seed
        self._outcomes: dict[tuple[int, bytes], Outcome] = {}
        self._read: dict[tuple[int, bytes], Submissions] = {}
        self.offences: dict[tuple[Address, int], Offence] = {}
        """By identity and round."""
        self.attestations: Attestations | None = None
        """What is finalised beside the anchor feeds; None: nothing is."""

    def plan(self, round_id: int) -> None:
        """Enter everything that is to happen for a round; asked as its voting epoch begins."""
        deployment = self._deployment
        epoch = deployment.reward_epoch_of(round_id)
        if epoch is None:
            return
        members = deployment.identities(epoch)
        for voter in self._voters:
            if voter.entity.identity in members:
                self._plan_voter(voter, VotingRound(round_id, deployment.network.timing))
        self._plan_finalisation(VotingRound(round_id, deployment.network.timing))
        self._forget(round_id)

    def outcome(self, round_id: int) -> Outcome | None:
        """The outcome of a round by the chain as it is now; None where it has no electorate."""
        electorate = self._deployment.electorate(round_id)
        if electorate is None:
            return None
        key = round_id, self._stand(round_id)
        if key not in self._outcomes:
            network = self._deployment.network
            past = range(round_id - network.benching_rounds, round_id)
            offenders = [read.offenders for each in past if (read := self._submissions(each)) is not None]
            this = self._submissions(round_id) or read_submissions(round_id, RoundTransactions([], []), electorate)
            self._outcomes[key] = conclude(this, frozenset().union(*offenders), electorate)
        return self._outcomes[key]

    def message(self, round_id: int) -> ProtocolMessage | None:
        """What is to be signed for a round; None when nobody revealed."""
        outcome = self.outcome(round_id)
        return None if outcome is None or outcome.result is None else outcome.result.message

    def _plan_voter(self, voter: SimulatedVoter, voting_round: VotingRound) -> None:
        chance = Random(f"{self._seed} {voter.name} {voting_round.id} times")
        timing = voting_round.timing
        offence = self.offences.get((voter.entity.identity, voting_round.id))
        commit_ns = voting_round.commit_window.start_ns + _within(chance, _COMMIT_SHARES, timing.epoch_s)
        reveal_ns = voting_round.reveal_window.start_ns + _within(chance, _REVEAL_SHARES, timing.reveal_s)
        sign_ns = voting_round.reveal_window.end_ns + _within(chance, _SIGN_SHARES, timing.reveal_s)
        if offence is Offence.SILENT:
            return
        if offence is Offence.LATE_COMMIT:
            commit_ns = voting_round.commit_window.end_ns + MS_NS
        if offence is Offence.LATE_REVEAL:
            reveal_ns = voting_round.reveal_window.end_ns + MS_NS
        self._agenda.at(commit_ns, partial(self._commit, voter, voting_round.id, offence))
        self._agenda.at(reveal_ns, partial(self._reveal, voter, voting_round.id, offence))
        self._agenda.at(sign_ns, partial(self._sign, voter, voting_round.id, offence))

    def _plan_finalisation(self, voting_round: VotingRound) -> None:
        """In the grace period whoever is selected tries each second; after it, anybody."""
        grace, rest = voting_round.finalisation_grace, voting_round.open_finalisation
        early_ns = grace.start_ns + int(_FINALISE_SHARE * voting_round.timing.reveal_s * SECOND_NS)
        for at_ns in range(early_ns, min(grace.end_ns, rest.end_ns), 2 * SECOND_NS):
            self._agenda.at(at_ns, partial(self._finalise, voting_round.id, True))
        for at_ns in range(rest.start_ns + SECOND_NS, rest.end_ns, 4 * SECOND_NS):
            self._agenda.at(at_ns, partial(self._finalise, voting_round.id, False))

    def _commit(self, voter: SimulatedVoter, round_id: int, offence: Offence | None, at_ns: int) -> None:
        feeds = self._deployment.feeds(round_id)
        for data in voter.commit(round_id, feeds, self._prices, at_ns, offence):
            self._send(voter.keys.submit, voter.entity.submit, data)

    def _reveal(self, voter: SimulatedVoter, round_id: int, offence: Offence | None, _: int) -> None:
        for data in voter.reveal(round_id, offence):
            self._send(voter.keys.submit, voter.entity.submit, data)

    def _sign(self, voter: SimulatedVoter, round_id: int, offence: Offence | None, _: int) -> None:
        message = self.message(round_id)
        if message is not None:
            for data in voter.signatures(message, offence):
                self._send(voter.keys.submit_signatures, voter.entity.submit_signatures, data)

    def _finalise(self, round_id: int, only_selected: bool, _: int) -> None:
        message = self.message(round_id)
        if message is not None:
            self._relay(message, only_selected=only_selected)
        if self.attestations is not None:
            self._relay(self.attestations.message(round_id), only_selected=only_selected)

    def _relay(self, message: ProtocolMessage, *, only_selected: bool) -> None:
        """Finalise a result, if nobody has, enough have signed it, and somebody here may."""
        deployment, round_id, protocol_id = self._deployment, message.voting_round_id, message.protocol_id
        ruling = deployment.ruling(round_id)
        if ruling is None or deployment.relays.final(protocol_id, round_id) is not None:
            return
        chosen = selected(ruling.policy, protocol_id, round_id) if only_selected else ruling.policy.voters
        sender = next((voter for voter in self._voters if voter.entity.signing_policy in chosen), None)
        if sender is None or deployment.chain.pool.get(sender.entity.signing_policy):
            return
        relay = compose(ruling.policy, message, self._signatures(protocol_id, round_id), ruling.threshold)
        if relay is not None:
            to = deployment.world.address("Relay")
            send(deployment.chain, sender.keys.signing_policy, sender.entity.signing_policy, to, relay.calldata())

    def _send(self, key: bytes, account: Address, data: bytes) -> None:
        send(self._deployment.chain, key, account, self._deployment.world.address("Submission"), data)

    def _signatures(self, protocol_id: int, round_id: int) -> list[Signature]:
        """Every signature of a protocol's round that stands in a block."""
        since_s = VotingRound(round_id, self._deployment.network.timing).reveal_window.end_ns // SECOND_NS
        found = []
        for each in self._transactions(since_s, None):
            if each.calldata[:SELECTOR_BYTES] == SubmissionFunction.SUBMIT_SIGNATURES.value:
                found += _signatures_in(each.calldata, protocol_id, round_id)
        return found

    def _submissions(self, round_id: int) -> Submissions | None:
        electorate = self._deployment.electorate(round_id)
        if electorate is None:
            return None
        key = round_id, self._stand(round_id)
        if key not in self._read:
            window = VotingRound(round_id, self._deployment.network.timing)
            since_s, until_s = window.commit_window.start_ns // SECOND_NS, window.reveal_window.end_ns // SECOND_NS
            sent = self._transactions(since_s, until_s)
            submission = self._deployment.world.address("Submission")
            found: Mapping[int, RoundTransactions] = by_round(sent, submission, window.timing)
            this = found.get(round_id, RoundTransactions([], []))
            self._read[key] = read_submissions(round_id, this, electorate)
        return self._read[key]

    def _stand(self, round_id: int) -> bytes:
        """The last block before the reveal deadline: by it, what is known of the round is known for good."""
        until_s = VotingRound(round_id, self._deployment.network.timing).reveal_window.end_ns // SECOND_NS
        return next(block.head.hash for block in reversed(self._deployment.chain.blocks) if block.head.time_s < until_s)

    def _transactions(self, since_s: int, until_s: int | None) -> list[Transaction]:
        """The transactions to Submission in blocks of these times, in the order of the chain."""
        submission = self._deployment.world.address("Submission")
        found = []
        for block in reversed(self._deployment.chain.blocks):
            head = block.head
            if head.time_s < since_s:
                break
            if until_s is None or head.time_s < until_s:
                found += [
                    Transaction(sender, submission, signed.transaction.data, head.number, index, head.time_s)
                    for index, (signed, sender, _) in enumerate(block.mined)
                    if signed.transaction.to == submission
                ]
        return sorted(found, key=lambda each: each.place)

    def _forget(self, round_id: int) -> None:
        kept = round_id - 2 * self._deployment.network.benching_rounds
        self._outcomes = {key: known for key, known in self._outcomes.items() if key[0] >= kept}
        self._read = {key: known for key, known in self._read.items() if key[0] >= kept}


def _within(chance: Random, shares: tuple[float, float], length_s: int) -> int:
    return int(chance.uniform(*shares) * length_s * SECOND_NS)


def _signatures_in(data: bytes, protocol_id: int, round_id: int) -> list[Signature]:
    try:
        frames = frames_of(data[SELECTOR_BYTES:], protocol_id)
        payloads = [frame.payload for frame in frames if frame.voting_round_id == round_id]
        return [SignaturePayload.decode(payload).signature for payload in payloads]
    except (Refused, Malformed):
        return []
