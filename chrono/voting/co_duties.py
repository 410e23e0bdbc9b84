"""The sub-protocols of one round: their parts are asked for, and passed on to the joint calls as they come."""

from collections.abc import Collection, Mapping, Sequence

from chrono.flare.address import Address
from chrono.flare.frames import SubmissionFunction
from chrono.voting.actions import Fetched, FetchFrame
from chrono.voting.joining import Joining
from chrono.voting.plan import RoundPlan
from chrono.voting.signing import Signing
from chrono.voting.sub_protocols import Asking, message_of, payload_of

_ORDER = (SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2, SubmissionFunction.SUBMIT_SIGNATURES)


class CoDuties:
    """What travels beside our own frames in one round."""

    def __init__(self, plan: RoundPlan, protocols: Sequence[int]) -> None:
        self.askings: dict[tuple[SubmissionFunction, int], Asking] = {}
        """Each question so far, by function and protocol."""
        self._plan = plan
        self._protocols = tuple(protocols)

    def ask(
        self, function: SubmissionFunction, joining: Joining, now_ns: int, signings: Mapping[int, Signing] | None = None
    ) -> list[FetchFrame]:
        """The questions that are due; what was told is passed on to the call, or to the protocol's signing."""
        questions: list[FetchFrame] = []
        for each in self._protocols:
            signing = None if signings is None else signings[each]
            if joining.knows(each) and (signing is None or signing.message is not None):
                continue
            asking = self._asking(function, each, joining.sender)
            if asking.told is None:
                questions += asking.due(now_ns)
            elif signing is None:
                joining.give(each, payload_of(asking.question, asking.told))
            elif (message := message_of(asking.question, asking.told)) is not None:
                signing.know(message, asking.told.additional)
            else:
                joining.give(each, None)
        return questions

    def answered(self, question: FetchFrame, fetched: Fetched, now_ns: int) -> None:
        """A sub-protocol answered, or did not."""
        asking = self.askings.get((question.function, question.protocol_id))
        if asking is not None and asking.question == question:
            asking.answered(fetched, now_ns)

    def awaited(self, function: SubmissionFunction) -> list[int]:
        """Those worth waiting for: who answered last time; for the first function, also who was never asked."""
        return [each for each in self._protocols if self._is_alive(function, each)]

    def forget_but(self, functions: Collection[SubmissionFunction]) -> None:
        """Forget what was asked, for another sender, about all other functions."""
        self.askings = {key: asking for key, asking in self.askings.items() if key[0] in functions}

    def _is_alive(self, function: SubmissionFunction, protocol_id: int) -> bool:
        asked = [self.askings[each, protocol_id] for each in _ORDER if (each, protocol_id) in self.askings]
        answers = [asking.alive for asking in asked if asking.alive is not None]
        return answers[-1] if answers else function is SubmissionFunction.SUBMIT1

    def _asking(self, function: SubmissionFunction, protocol_id: int, sender: Address) -> Asking:
        plan, key = self._plan, (function, protocol_id)
        if key not in self.askings:
            from_ns, until_ns = {
                SubmissionFunction.SUBMIT1: (plan.values_at_ns, plan.commit_stop_ns),
                SubmissionFunction.SUBMIT2: (plan.bit_votes_at_ns, plan.reveal_deadline_ns),
                SubmissionFunction.SUBMIT_SIGNATURES: (plan.sign_from_ns, plan.sign_over_ns),
            }[function]
            question = FetchFrame(protocol_id, function, plan.id, sender)
            self.askings[key] = Asking(question, from_ns, until_ns, plan.margins.poll_ns)
        return self.askings[key]
