"""A round under any order of answers, failures, disk faults and restarts: it never says two things, and never late.

The world below is the driver, the lanes, the signer with its record, and the chain, as unkind as they may be: a
transaction that left may be mined while the process is down, an answer may never come, the outcome may be another one
after a restart.
"""

import random
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chrono.clock import SECOND_NS
from chrono.errors import NOT_MINED, SIGNER_CONFLICT, SIGNER_REFUSED, SUB_PROTOCOL_AWAY, ChronoError
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO, SubmissionFunction, decode_calldata
from chrono.voting.actions import (
    Action,
    Answer,
    Fetched,
    FetchFrame,
    Finalise,
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
from tests.fakes.voting_rounds import (
    EPOCH_S,
    FDC,
    PLAN,
    ROUND,
    SIGNATURES,
    SUBMIT1,
    SUBMIT2,
    US,
    VALUES,
    at,
    attempt_of,
    fdc_message,
    frame_bytes,
    others_reveals,
    outcome_of,
    signature_of,
)
from tests.fakes.voting_stage import Stage

SIGNED_BYTES = 66
"""Type and signature."""

VIEWS: tuple[dict[str, Any], ...] = (
    *({},) * 8,
    {"scanned": False},
    {"silent_through": ROUND.id + 2},
    {"head_time_ns": None},
    {"head_time_ns": (EPOCH_S + 60) * SECOND_NS},
    {"skew_ns": 11 * SECOND_NS},
    {"initialised": 99},
    {"stopping": True},
    {"reveals_read": False},
)


class World:
    """Everything around the duty, by one generator of chances."""

    def __init__(self, seed: int, *, beside: bool) -> None:
        self.chance = random.Random(seed)
        self.stage = Stage((FDC,) if beside else ())
        self.open: list[Action] = []
        self.flying: dict[str, Submit] = {}
        """What left and is in no block."""
        self.nonce = 0
        self.said: defaultdict[tuple[SubmissionFunction, int], set[bytes]] = defaultdict(set)
        self.intents: defaultdict[str, set[bytes]] = defaultdict(set)
        self.signed: defaultdict[int, set[bytes]] = defaultdict(set)
        self.commit_left = False

    @property
    def now_ns(self) -> int:
        return self.stage.now_ns

    def run(self, until_s: float) -> None:
        after_s = self.chance.choice([0.0, 70.0, 74.0])
        while after_s < until_s:
            self.happens()
            self.look(after_s)
            after_s += self.chance.choice([0.05, 0.3, 1.0, 1.0, 4.0])

    def look(self, after_s: float, **view: Any) -> list[Action]:
        view = view or self.chance.choice(VIEWS)
        actions = self.stage.due(after_s, **view)
        for action in actions:
            self.judge(action)
        self.open += actions
        return actions

    def judge(self, action: Action) -> None:
        """The promises."""
        if isinstance(action, Submit):
            self.judge_submit(action)
        if isinstance(action, TakeValues):
            assert self.stage.journal.committed(ROUND.id) is None
            assert PLAN.values_at_ns <= self.now_ns <= PLAN.commit_stop_ns

    def judge_submit(self, action: Submit) -> None:
        function, frames = decode_calldata(action.data)
        assert function is action.function
        self.intents[action.intent_id].add(action.data)
        assert len(self.intents[action.intent_id]) == 1, "an intent changed"
        for frame in frames:
            assert frame.voting_round_id == ROUND.id
            # What a sub-protocol says beside its signature is kept with the call; see `dies`.
            signs = function is SIGNATURES
            self.said[function, frame.protocol_id].add(frame.payload[:SIGNED_BYTES] if signs else frame.payload)
            assert len(self.said[function, frame.protocol_id]) == 1, "a second payload"
        commit = self.stage.journal.committed(ROUND.id)
        own = {frame.protocol_id: frame.payload for frame in frames}.get(FTSO)
        if function is SUBMIT1:
            left = bool(self.stage.journal.attempts_of(action.intent_id))
            assert PLAN.values_at_ns <= self.now_ns
            assert self.now_ns <= PLAN.commit_stop_ns or left, "a commit after its last moment"
            assert action.send_until_ns == PLAN.commit_stop_ns
            assert own is None or (commit is not None and own == commit.commit_hash)
        if function is SUBMIT2 and own is not None:
            assert PLAN.reveal_from_ns <= self.now_ns < PLAN.reveal_deadline_ns
            assert commit is not None
            assert own == commit.random + commit.encoded_values
            fixed = Reveal(own[:32], own[32:]).commit_hash(US.submit, ROUND.id)
            assert self.said[SUBMIT1, FTSO] <= {fixed}, "another reveal than the commit fixed"
            assert self.commit_left, "a reveal without a commit"
        if function is SIGNATURES:
            assert PLAN.sign_from_ns <= self.now_ns < PLAN.sign_over_ns

    def happens(self) -> None:
        """One or more things between two looks."""
        for _ in range(self.chance.choice([0, 1, 1, 2, 3])):
            kind = self.chance.random()
            if kind < 0.1:
                self.dies()
            elif kind < 0.15:
                self.stage.log.full = not self.stage.log.full
            elif kind < 0.2:
                self.mends()
            elif kind < 0.3 and self.flying:
                self.mines_silently()
            elif self.open:
                self.does(self.open.pop(self.chance.randrange(len(self.open))))

    def dies(self) -> None:
        """What is owed goes out even if the disk takes no call; of that a restart knows no more than the commit."""
        self.open.clear()
        self.stage.restart()
        kept = {call.intent_id for call in self.stage.journal.calls(ROUND.id)}
        self.intents = defaultdict(set, {intent: data for intent, data in self.intents.items() if intent in kept})

    def mends(self) -> None:
        self.stage.log.full = False
        self.stage.journal.mend()

    def mines_silently(self) -> None:
        """A block takes it; nobody tells us."""
        self.flying.pop(self.chance.choice(list(self.flying)))

    def does(self, action: Action) -> None:
        """The driver does it, or not: some answers never come."""
        answer = self.answer(action)
        if answer is not None:
            self.stage.duty.answered(action, answer, self.now_ns)

    def answer(self, action: Action) -> Answer | None:
        match action:
            case TakeValues():
                return Values(VALUES) if self.chance.random() < 0.9 else Values((None,) * 3)
            case FetchFrame():
                return self.fetched(action)
            case Submit():
                return self.submitted(action)
            case Settle():
                return self.settled()
            case SignResult():
                return self.sign(action)
            case Finalise():
                return Submitted(Inclusion(bytes(32), 9, self.now_ns // SECOND_NS))
        return None

    def fetched(self, action: FetchFrame) -> Fetched:
        number = self.chance.randrange(4)
        if number == 0:
            return Fetched(reason=SUB_PROTOCOL_AWAY)
        if number == 1:
            return Fetched(ready=False)
        if action.function is SIGNATURES:
            root = bytes([self.chance.randrange(2)]) * 32
            return Fetched(fdc_message(root).encode(), bytes([self.chance.randrange(3)]))
        return Fetched(frame_bytes(FDC, bytes([self.chance.randrange(200)])))

    def submitted(self, action: Submit) -> Submitted | None:
        """A lane: the attempt is kept, then sent, then in a block or not."""
        kept = self.stage.journal.attempts_of(action.intent_id)
        if not kept and self.now_ns <= action.send_until_ns:
            try:
                self.stage.journal.attempt(attempt_of(action.intent_id, self.nonce, account_=action.sender))
            except ChronoError:
                if not action.owed:
                    return Submitted(reason=NOT_MINED)
            self.nonce += 1
            self.commit_left |= action.function is SUBMIT1 and FTSO in action.protocols
            self.flying[action.intent_id] = action
        number = self.chance.randrange(5)
        if number == 0 and not self.stage.journal.attempts_of(action.intent_id):
            self.flying.pop(action.intent_id, None)
            return Submitted(reason=SIGNER_REFUSED)
        if number <= 1:
            return Submitted(reason=NOT_MINED)
        if number == 2 and self.now_ns < action.expires_ns:
            self.open.append(action)
            return None
        if action.intent_id not in self.flying:
            return Submitted(reason=NOT_MINED)
        self.flying.pop(action.intent_id)
        return Submitted(Inclusion(bytes(32), 9, self.now_ns // SECOND_NS))

    def settled(self) -> Settled:
        """The outcome; another one now and then, as if some transactions were missing."""
        return Settled(outcome_of(others_reveals(*self.chance.choice([(1, 2), (1, 2), (1, 3), ()]))))

    def sign(self, action: SignResult) -> Signed:
        """The signer: the record decides."""
        message = action.message
        try:
            bound = self.stage.journal.bind(message.protocol_id, message.voting_round_id, message.hash())
        except ChronoError as error:
            return Signed(reason=error.reason)
        if bound != message.hash():
            return Signed(reason=SIGNER_CONFLICT)
        self.signed[message.protocol_id].add(message.hash())
        assert len(self.signed[message.protocol_id]) == 1, "two results signed"
        return Signed(signature_of(0, message))


@given(seed=st.integers(0, 2**32), beside=st.booleans())
def test_whatever_happens_it_says_one_thing_and_in_time(seed: int, beside: bool) -> None:
    World(seed, beside=beside).run(until_s=182)


@given(seed=st.integers(0, 2**32), beside=st.booleans(), after_s=st.floats(93.2, 134.9))
def test_a_commit_that_left_is_revealed_whenever_the_process_is_up_before_the_deadline(
    seed: int, beside: bool, after_s: float
) -> None:
    """After anything at all: the process starts, and the reveal is given out at its first look, or stands in a block."""
    world = World(seed, beside=beside)
    world.run(until_s=93.1)
    world.dies()
    actions = world.look(after_s, scanned=False)
    reveals = [each for each in actions if isinstance(each, Submit) and each.function is SUBMIT2]
    carried = [protocol for each in reveals for protocol in each.protocols]
    done = world.stage.journal.done(ROUND.id, SUBMIT2, FTSO)
    left = world.stage.journal.left(ROUND.id, SUBMIT1, FTSO)
    assert left == world.commit_left
    assert (carried.count(FTSO) == 1) is (left and not done)
    assert all(each.owed for each in reveals if FTSO in each.protocols)


def test_the_world_reaches_every_part_of_a_round() -> None:
    """The chances are no blank: over some seeds every kind of thing is said."""
    reached: defaultdict[str, int] = defaultdict(int)
    for seed in range(150):
        world = World(seed, beside=True)
        world.run(until_s=182)
        for function, protocol_id in world.said:
            reached[f"{function.name}/{protocol_id}"] += 1
        reached["two signed"] += len(world.signed) == 2
        reached["over"] += world.stage.duty.over
    assert set(reached) == {
        *(f"{each.name}/{protocol}" for each in (SUBMIT1, SUBMIT2, SIGNATURES) for protocol in (FTSO, FDC)),
        "two signed",
        "over",
    }
    assert min(reached.values()) >= 10, dict(reached)
    assert at(0) == EPOCH_S * SECOND_NS
