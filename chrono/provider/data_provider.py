"""The seat beside Flare's own system client: it asks us for commits, reveals and results, and sends them itself."""

from typing import Final

import structlog

from chrono.errors import DRY_RUN, NOT_OUR_ADDRESS, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import SubmissionFunction
from chrono.provider.chain_side import ChainSide
from chrono.provider.handed_rounds import Handed, HandedRound, Status
from chrono.provider.rounds import Rounds
from chrono.voting.journal import Journal

KNOWN: Final = (
    SubmissionFunction.SUBMIT1,
    SubmissionFunction.SUBMIT2,
    SubmissionFunction.SUBMIT_SIGNATURES,
)

log = structlog.get_logger()


class DataProvider:
    """Answers for one identity. Everything is called from the duty's loop."""

    def __init__(self, chain: ChainSide, journal: Journal, rounds: Rounds, identity: Address) -> None:
        self._chain = chain
        self._journal = journal
        self._rounds = rounds
        self._identity = identity

    async def answer(self, function: SubmissionFunction, round_id: int, sender: Address) -> Handed:
        """What the system client is to send for a round from this address.

        Raises: ChronoError(NOT_OUR_ADDRESS) for an address that is not ours in the round's reward epoch, and
        JOURNAL_BROKEN when it cannot be kept: then nothing is given out.
        """
        running = next((each for each in self._rounds.running if each.plan.id == round_id), None)
        duty = None if running is None else running.duty
        if not isinstance(duty, HandedRound):
            # One that is not over is not under way yet, or just now: what is owed of it is not to be given up.
            over_ns = VotingRound(round_id, self._chain.network.timing).signature_window.end_ns
            return Handed(Status.EMPTY if self._chain.clock.now_ns() >= over_ns else Status.RETRY)
        self._check(function, round_id, sender)
        if function is SubmissionFunction.SUBMIT1:
            await self._chain.ask_initialised()
        now_ns = self._chain.clock.now_ns()
        view = self._rounds.view(duty.plan, now_ns)
        if function is SubmissionFunction.SUBMIT1:
            handed = duty.commit(now_ns, view)
        elif function is SubmissionFunction.SUBMIT2:
            handed = duty.reveal(now_ns)
        else:
            handed = duty.result(now_ns, view)
        self._tell(function, round_id, handed)
        return handed

    def _check(self, function: SubmissionFunction, round_id: int, sender: Address) -> None:
        """See that the address is ours; while nobody knows the round's reward epoch, that is not judged."""
        facts = self._chain.book.of_round(round_id)
        member = None if facts is None else facts.membership(self._identity)
        commit = self._journal.committed(round_id)
        if function is SubmissionFunction.SUBMIT_SIGNATURES:
            ours = None if member is None else member.submit_signatures
        else:
            ours = Address(commit.submit) if commit is not None else None if member is None else member.submit
        if ours is not None and sender != ours:
            raise ChronoError(NOT_OUR_ADDRESS, round=round_id, asked=checksummed(sender), ours=checksummed(ours))

    def _tell(self, function: SubmissionFunction, round_id: int, handed: Handed) -> None:
        if handed.status is Status.RETRY:
            return
        code = None if handed.reason is None else handed.reason.code
        told = log.info if handed.reason in (None, DRY_RUN) else log.warning
        told("handed_out", round=round_id, function=function.name.lower(), status=handed.status.value, reason=code)
