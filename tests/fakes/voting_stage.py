"""A round of ours on a stage: time is told, actions are read, answers are given, and the process may die at any moment."""

from collections.abc import Sequence
from typing import Any, TypeVar

from chrono.clock import SECOND_NS
from chrono.errors import Reason
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.outcome import Outcome
from chrono.voting.actions import (
    Action,
    ChainView,
    End,
    Fetched,
    FetchFrame,
    Inclusion,
    Settle,
    Settled,
    Signed,
    SignResult,
    Submit,
    Submitted,
    TakeValues,
    Values,
)
from chrono.voting.rounds import RoundDuty
from tests.fakes.voting_rounds import (
    EPOCH_S,
    IDENTITY,
    NETWORK,
    PLAN,
    ROUND,
    VALUES,
    CrashingLog,
    KnownEpochs,
    at,
    attempt_of,
    counting_random,
    healthy,
    journal_on,
    others_reveals,
    outcome_of,
    signature_of,
)

Kind = TypeVar("Kind", bound=Action)


class Stage:
    """One duty of one round, and everything around it by hand."""

    def __init__(
        self, protocols: Sequence[int] = (), *, epochs: KnownEpochs | None = None, log: CrashingLog | None = None
    ) -> None:
        self.protocols = tuple(protocols)
        self.epochs = epochs or KnownEpochs()
        self.log = log or CrashingLog()
        self.random = counting_random()
        self.view: dict[str, Any] = {}
        self.now_ns = 0
        self.nonce = 0
        self.restart()

    def restart(self) -> None:
        """The process dies and starts again: what is on disk is all that it knows."""
        self.log = CrashingLog(self.log.data)
        self.journal = journal_on(self.log)
        self.duty = RoundDuty(
            PLAN,
            network=NETWORK,
            identity=IDENTITY,
            epochs=self.epochs,
            journal=self.journal,
            protocols=self.protocols,
            random=self.random,
        )

    def due(self, after_s: float, **view: Any) -> list[Action]:
        """What is due so many seconds after the start of the round."""
        self.now_ns = at(after_s)
        return self.duty.due(self.now_ns, self.look(**view))

    def look(self, **view: Any) -> ChainView:
        """The chain as it is now."""
        return healthy(self.now_ns, **{**self.view, **view})

    def one(self, kind: type[Kind], after_s: float, **view: Any) -> Kind:
        """The only action that is due, which is of this kind."""
        actions = self.due(after_s, **view)
        assert [type(action) for action in actions] == [kind], actions
        action = actions[0]
        assert isinstance(action, kind)
        return action

    def all_of(self, kind: type[Kind], actions: Sequence[Action]) -> list[Kind]:
        return [action for action in actions if isinstance(action, kind)]

    def take(self, action: TakeValues, values: Sequence[int | None] = VALUES) -> None:
        self.duty.answered(action, Values(tuple(values), at_ns=self.now_ns), self.now_ns)

    def leave(self, action: Submit) -> None:
        """A signed transaction of it is kept, and leaves."""
        self.journal.attempt(attempt_of(action.intent_id, self.nonce, account_=action.sender))
        self.nonce += 1

    def mine(self, action: Submit, after_s: float | None = None, reason: Reason | None = None) -> None:
        """It stands in a block of this time (default: now), confirmed."""
        at_s = self.now_ns // SECOND_NS if after_s is None else EPOCH_S + int(after_s)
        tx_hash = self.journal.attempts_of(action.intent_id)[-1].tx_hash
        self.duty.answered(action, Submitted(Inclusion(tx_hash, 500, at_s), reason), self.now_ns)

    def send(self, action: Submit) -> None:
        """It leaves, and is in a block at once."""
        self.leave(action)
        self.mine(action)

    def fail(self, action: Submit, reason: Reason) -> None:
        self.duty.answered(action, Submitted(reason=reason), self.now_ns)

    def commit(self, after_s: float = 75) -> Submit:
        """Values are taken and the commit is given out; it is up to the test what becomes of it."""
        self.take(self.one(TakeValues, after_s))
        return self.one(Submit, after_s)

    def reveal(self, after_s: float = 93) -> Submit:
        return self.one(Submit, after_s)

    def revealed(self) -> None:
        """A commit and its reveal are in blocks."""
        self.send(self.commit())
        self.send(self.reveal())

    def outcome(self, *others: int, ours: bool = True) -> Outcome:
        """What becomes of the round when these others revealed, and we as we committed."""
        commit = self.journal.committed(ROUND.id)
        revealers = others_reveals(*others)
        if ours and commit is not None:
            revealers[0] = Reveal(commit.random, commit.encoded_values)
        return outcome_of(revealers, () if ours or commit is None else (0,))

    def settle(self, after_s: float, outcome: Outcome) -> list[Action]:
        """The outcome is computed; what is due then."""
        self.duty.answered(self.one(Settle, after_s), Settled(outcome), self.now_ns)
        return self.due(after_s)

    def sign(self, action: SignResult) -> None:
        self.duty.answered(action, Signed(signature_of(0, action.message)), self.now_ns)

    def signed(self, after_s: float = 136) -> ProtocolMessage:
        """The result of a round in which three revealed is signed, and our signature is in a block."""
        actions = self.settle(after_s, self.outcome(1, 2))
        asked = self.all_of(SignResult, actions)[0]
        self.sign(asked)
        self.send(self.all_of(Submit, self.due(after_s))[0])
        return asked.message

    def tell(self, action: FetchFrame, data: bytes | None, additional: bytes = b"") -> None:
        """A sub-protocol answers."""
        self.duty.answered(action, Fetched(data, additional), self.now_ns)

    def fail_fetch(self, action: FetchFrame, reason: Reason) -> None:
        self.duty.answered(action, Fetched(reason=reason), self.now_ns)

    def end(self) -> End:
        """The end of the round."""
        return self.all_of(End, self.due(180))[0]

    def knows(self, function: SubmissionFunction) -> bytes | None:
        return self.journal.payload(function, FTSO, ROUND.id)
