"""What the records of a journal say together: built by one record after the other, and written out again whole."""

from collections.abc import Iterator

from msgspec import Struct, field

from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.voting.records import (
    Attempt,
    Bound,
    Call,
    Commit,
    Ended,
    HandedOut,
    Header,
    Included,
    Mark,
    Pin,
    Record,
    Settled,
)

NO_MARK = -1


class Kept(Struct):
    """What is known of one round."""

    pin: Pin | None = None
    commit: Commit | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    """By intent."""
    bounds: dict[int, Bound] = field(default_factory=dict)
    """By protocol."""

    @property
    def records(self) -> Iterator[Record]:
        """In the order in which they depend on one another."""
        yield from (each for each in (self.pin, self.commit) if each is not None)
        yield from self.calls.values()
        yield from self.bounds.values()


class JournalState:
    """All that is known. `apply` takes a record that is on disk."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.mark = NO_MARK
        self.rounds: dict[int, Kept] = {}
        self.attempts: dict[bytes, Attempt] = {}
        """By hash, in the order in which they were kept."""
        self.handed_out: dict[str, HandedOut] = {}
        self.included: dict[str, Included] = {}
        self.ended: dict[str, Ended] = {}
        self.randoms: dict[bytes, int] = {}
        self.settled: dict[bytes, int] = {}
        """By account: nonces below it are used, and it is known by what."""
        self.used: dict[bytes, int] = {}
        """By account: nonces below it are used, by ours or by others'."""

    def apply(self, record: Record) -> None:
        """Take in a record. The same again changes nothing; of two that exclude each other, the first stays."""
        match record:
            case Pin() | Commit() | Call() | Bound():
                self._apply_to_round(record, self.rounds.setdefault(record.round_id, Kept()))
            case Header():
                self.header = self.header or record
            case Attempt():
                self.attempts.setdefault(record.tx_hash, record)
            case HandedOut():
                self.handed_out.setdefault(record.intent_id, record)
            case Included():
                self._include(record)
            case Ended():
                self.ended[record.intent_id] = record
            case Settled():
                self.settled[record.account] = max(self.settled.get(record.account, 0), record.next_nonce)
            case Mark():
                self.mark = max(self.mark, record.round_id)

    def calls(self, round_id: int, function: SubmissionFunction | None = None) -> tuple[Call, ...]:
        """The calls of a round, in the order in which they were kept."""
        kept = self.rounds.get(round_id)
        calls = () if kept is None else kept.calls.values()
        return tuple(call for call in calls if function is None or call.selector == function.value)

    def carrying(self, round_id: int, function: SubmissionFunction, protocol_id: int) -> tuple[Call, ...]:
        """The calls of a round in which a protocol has a frame."""
        return tuple(call for call in self.calls(round_id, function) if protocol_id in call.protocols)

    def tried(self) -> set[str]:
        """The intents that may have left the process."""
        return {attempt.intent_id for attempt in self.attempts.values()} | self.handed_out.keys()

    def owed(self, now_ns: int) -> tuple[Commit, ...]:
        """Commits that may have left, whose reveal is in no block, and whose deadline is not over."""
        tried = self.tried()
        commits = (kept.commit for _, kept in sorted(self.rounds.items()))
        return tuple(
            commit
            for commit in commits
            if commit is not None and now_ns < commit.reveal_deadline_ns and self._is_owed(commit.round_id, tried)
        )

    def minable(self) -> list[Attempt]:
        """The attempts that may still get into a block, or of which nobody has said what became of them."""
        return [attempt for attempt in self.attempts.values() if self._is_minable(attempt)]

    def newest_round(self) -> int:
        """The newest round that anything is known of; NO_MARK when there is none."""
        return max(self.rounds, default=NO_MARK)

    def records(self) -> Iterator[Record]:
        """Everything, as few records."""
        if self.header is not None:
            yield self.header
        if self.mark > NO_MARK:
            yield Mark(self.mark)
        for _, kept in sorted(self.rounds.items()):
            yield from kept.records
        yield from self.attempts.values()
        yield from self.handed_out.values()
        yield from self.included.values()
        yield from self.ended.values()
        yield from (Settled(account, nonce) for account, nonce in sorted(self.settled.items()))

    def without_rounds_before(self, round_id: int) -> "JournalState":
        """The same, older rounds forgotten and closed; attempts that may still be mined stay."""
        kept = JournalState()
        gone = {intent for old, each in self.rounds.items() if old < round_id for intent in each.calls}
        minable = {attempt.tx_hash for attempt in self.minable()}
        known = {intent for each in self.rounds.values() for intent in each.calls} - gone
        for record in self.records():
            match record:
                case Pin() | Commit() | Call() | Bound() if record.round_id < round_id:
                    continue
                case Attempt() if record.intent_id not in known and record.tx_hash not in minable:
                    continue
                case HandedOut() | Included() | Ended() if record.intent_id in gone:
                    continue
            kept.apply(record)
        kept.apply(Mark(round_id - 1))
        return kept._without_idle_endings()

    def _without_idle_endings(self) -> "JournalState":
        """Endings of intents that nothing else is known of (those of no round) are of no use any more."""
        live = {attempt.intent_id for attempt in self.attempts.values()}
        live |= {intent for each in self.rounds.values() for intent in each.calls}
        self.included = {intent: each for intent, each in self.included.items() if intent in live}
        self.ended = {intent: each for intent, each in self.ended.items() if intent in live}
        return self

    def _apply_to_round(self, record: Pin | Commit | Call | Bound, kept: Kept) -> None:
        match record:
            case Pin():
                kept.pin = kept.pin or record
            case Commit():
                kept.commit = kept.commit or record
                self.randoms[kept.commit.random] = record.round_id
            case Call():
                kept.calls.setdefault(record.intent_id, record)
            case Bound():
                kept.bounds.setdefault(record.protocol_id, record)

    def _include(self, record: Included) -> None:
        self.included[record.intent_id] = record
        attempt = self.attempts.get(record.tx_hash)
        if attempt is not None:
            self.used[attempt.account] = max(self.used.get(attempt.account, 0), attempt.nonce + 1)

    def _is_owed(self, round_id: int, tried: set[str]) -> bool:
        left = any(call.intent_id in tried for call in self.carrying(round_id, SubmissionFunction.SUBMIT1, FTSO))
        reveals = self.carrying(round_id, SubmissionFunction.SUBMIT2, FTSO)
        return left and not any(call.intent_id in self.included for call in reveals)

    def _is_minable(self, attempt: Attempt) -> bool:
        if attempt.nonce < self.settled.get(attempt.account, 0):
            return False
        concluded = attempt.intent_id in self.included or attempt.intent_id in self.ended
        return attempt.nonce >= self.used.get(attempt.account, 0) or not concluded
