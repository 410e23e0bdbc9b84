"""What must outlive a crash: commits and their randoms, calls and attempts, and which result was signed. Disk first.

One round has one commit, one payload of each function and protocol, and one signed result of each protocol, for ever.
Not for several threads at once. Fits keys.ports.SigningRecord and keys.ports.Journalled.
"""

import structlog
from msgspec.structs import replace

from chrono.errors import (
    COMMIT_CONFLICT,
    JOURNAL_BROKEN,
    JOURNAL_DAMAGED,
    JOURNAL_FOREIGN,
    RANDOM_REPEATED,
    ROUND_CLOSED,
    ChronoError,
    Reason,
)
from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.voting import records
from chrono.voting.journal_state import JournalState
from chrono.voting.ports import ByteLog
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

log = structlog.get_logger()


class Journal:
    """The journal of one identity on one network."""

    def __init__(self, log: ByteLog, *, network: str, chain_id: int, identity: Address) -> None:
        """Raises: ChronoError(JOURNAL_FOREIGN, JOURNAL_BROKEN)."""
        self._log = log
        self._state = JournalState()
        for raw in log.records():
            self._state.apply(records.decode(raw))
        self._check_header(Header(records.VERSION, network, chain_id, identity))
        if log.damaged:
            self._close_damaged()

    @property
    def fault(self) -> Reason | None:
        """Why nothing may be committed; None when it is sound."""
        return None if self._log.sound else JOURNAL_BROKEN

    @property
    def mark(self) -> int:
        """Up to and with this round, nothing new is committed or signed; -1 at first."""
        return self._state.mark

    def mend(self) -> None:
        """After a fault: write all that is known anew. Raises: ChronoError(JOURNAL_BROKEN), while the disk fails."""
        self._log.replace(map(records.encode, self._state.records()))

    # What a value provider's callers were told

    def pin(self, round_id: int, answer: bytes) -> bytes:
        """What is answered for the round, for ever: the first answer, on disk before it is given.

        Raises: ChronoError(JOURNAL_BROKEN).
        """
        pinned = self.pinned(round_id)
        if pinned is not None:
            return pinned
        self._write(Pin(round_id, answer))
        return answer

    def pinned(self, round_id: int) -> bytes | None:
        """What was answered for the round; None before it was pinned."""
        kept = self._state.rounds.get(round_id)
        return None if kept is None or kept.pin is None else kept.pin.answer

    # Commits

    def commit(self, commit: Commit) -> None:
        """Keep a commit, before anything of it leaves. The same again changes nothing.

        Raises: ChronoError(COMMIT_CONFLICT, RANDOM_REPEATED, ROUND_CLOSED, JOURNAL_BROKEN); ValueError for a hash that
        is not the commit's own.
        """
        reveal = Reveal(commit.random, commit.encoded_values)
        if commit.commit_hash != reveal.commit_hash(Address(commit.submit), commit.round_id):
            raise ValueError(f"the commit of round {commit.round_id} does not fix its own reveal")
        earlier = self.committed(commit.round_id)
        if earlier is not None:
            if replace(commit, at_ns=earlier.at_ns) != earlier:
                raise ChronoError(COMMIT_CONFLICT, round=commit.round_id)
            return
        if commit.round_id <= self.mark:
            raise ChronoError(ROUND_CLOSED, round=commit.round_id, mark=self.mark)
        if commit.random in self._state.randoms:
            raise ChronoError(RANDOM_REPEATED, round=commit.round_id, before=self._state.randoms[commit.random])
        self._write(commit)

    def committed(self, round_id: int) -> Commit | None:
        """The commit of a round; None while there is none."""
        kept = self._state.rounds.get(round_id)
        return None if kept is None else kept.commit

    # Calls, and the transactions that carry them

    def call(self, call: Call) -> Call:
        """Keep a call before it is sent; the one that is kept of this intent, for the first one stays.

        Raises: ChronoError(COMMIT_CONFLICT) for other bytes of a frame than were kept before, JOURNAL_BROKEN.
        """
        earlier = next((each for each in self.calls(call.round_id) if each.intent_id == call.intent_id), None)
        if earlier is not None:
            return earlier
        for protocol_id, payload in call.frames:
            if self.payload(call.function, protocol_id, call.round_id) not in (None, payload):
                raise ChronoError(COMMIT_CONFLICT, round=call.round_id, protocol=protocol_id, intent=call.intent_id)
        self._write(call)
        return call

    def calls(self, round_id: int, function: SubmissionFunction | None = None) -> tuple[Call, ...]:
        """The calls of a round, or those of one function, in the order in which they were kept."""
        return self._state.calls(round_id, function)

    def attempt(self, attempt: Attempt) -> None:
        """Keep an attempt before it is sent. Raises: ChronoError(JOURNAL_BROKEN)."""
        if attempt.tx_hash not in self._state.attempts:
            self._write(attempt)

    def attempts(self, account: Address, chain_id: int) -> tuple[Attempt, ...]:
        """The attempts of an account that may still be mined, in the order in which they were kept."""
        wanted = (bytes(account), chain_id)
        return tuple(each for each in self._state.minable() if (each.account, each.chain_id) == wanted)

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        """The nonce after all that attempts of the account have; None when none was ever kept."""
        wanted = (bytes(account), chain_id)
        after = [each.nonce + 1 for each in self._state.attempts.values() if (each.account, each.chain_id) == wanted]
        if account in self._state.settled:
            after.append(self._state.settled[account])
        return max(after, default=None)

    def attempts_of(self, intent_id: str) -> tuple[Attempt, ...]:
        """Every attempt of an intent, in the order in which they were kept."""
        return tuple(each for each in self._state.attempts.values() if each.intent_id == intent_id)

    def settle(self, account: Address, next_nonce: int) -> None:
        """All lower nonces of the account are used, and it is known by what. In memory until the next compaction."""
        self._state.apply(Settled(account, next_nonce))

    def hand_out(self, intent_id: str, at_ns: int) -> None:
        """Another program is given a call's frames, and may send them: it counts as an attempt.

        Raises: ChronoError(JOURNAL_BROKEN).
        """
        if intent_id not in self._state.handed_out:
            self._write(HandedOut(intent_id, at_ns))

    def included(self, included: Included) -> None:
        """An intent stands in a block that counts for it. Never raises: to forget it costs a transaction, no more."""
        if self._state.included.get(included.intent_id) != included:
            self._note(included)

    def inclusion(self, intent_id: str) -> Included | None:
        """In which block an intent stands; None while in none."""
        return self._state.included.get(intent_id)

    def ended(self, ended: Ended) -> None:
        """An intent is given up. Never raises."""
        if ended.intent_id not in self._state.ended:
            self._note(ended)

    def ending(self, intent_id: str) -> Ended | None:
        """How an intent was given up; None when it was not."""
        return self._state.ended.get(intent_id)

    # What is owed

    def left(self, round_id: int, function: SubmissionFunction, protocol_id: int) -> bool:
        """Whether a protocol's frame may have left the process."""
        tried = self._state.tried()
        return any(call.intent_id in tried for call in self._state.carrying(round_id, function, protocol_id))

    def done(self, round_id: int, function: SubmissionFunction, protocol_id: int) -> bool:
        """Whether a protocol's frame stands in a block that counts for it."""
        calls = self._state.carrying(round_id, function, protocol_id)
        return any(call.intent_id in self._state.included for call in calls)

    def owed(self, now_ns: int) -> tuple[Commit, ...]:
        """Commits that may have left, whose reveal is in no block, and whose deadline is not over."""
        return self._state.owed(now_ns)

    def rounds(self) -> tuple[int, ...]:
        """The rounds of which anything is kept, the oldest first."""
        return tuple(sorted(self._state.rounds))

    # keys.ports

    def payload(self, function: SubmissionFunction, protocol_id: int, voting_round_id: int) -> bytes | None:
        """The payload of the frame that a protocol sends in a round with this function; None when none is kept."""
        commit = self.committed(voting_round_id)
        if protocol_id == FTSO and function is SubmissionFunction.SUBMIT1:
            return None if commit is None else commit.commit_hash
        if protocol_id == FTSO and function is SubmissionFunction.SUBMIT2:
            return None if commit is None else Reveal(commit.random, commit.encoded_values).payload
        calls = self._state.carrying(voting_round_id, function, protocol_id)
        return calls[0].payload(protocol_id) if calls else None

    def bind(self, protocol_id: int, voting_round_id: int, message_hash: bytes) -> bytes:
        """Bind a result to its round, on disk before it returns; the one that is bound, for ever.

        Raises: ChronoError(ROUND_CLOSED, JOURNAL_BROKEN); then nothing may be signed.
        """
        bound = self.bound(protocol_id, voting_round_id)
        if bound is not None:
            return bound
        if voting_round_id <= self.mark:
            raise ChronoError(ROUND_CLOSED, round=voting_round_id, protocol=protocol_id, mark=self.mark)
        self._write(Bound(protocol_id, voting_round_id, message_hash))
        return message_hash

    def bound(self, protocol_id: int, voting_round_id: int) -> bytes | None:
        """The result that is bound to a round of a protocol; None while there is none."""
        kept = self._state.rounds.get(voting_round_id)
        bound = None if kept is None else kept.bounds.get(protocol_id)
        return None if bound is None else bound.message_hash

    # Housekeeping

    def raise_mark(self, round_id: int) -> None:
        """Say nothing new up to and with this round, for ever. Raises: ChronoError(JOURNAL_BROKEN)."""
        if round_id > self.mark:
            self._write(Mark(round_id))

    def compact(self, keep_from_round: int, now_ns: int) -> None:
        """Forget older rounds, but nothing that is owed or may still be mined; what is forgotten is closed for ever.

        Raises: ChronoError(JOURNAL_BROKEN); the old records then still stand.
        """
        keep_from = min([keep_from_round, *(commit.round_id for commit in self.owed(now_ns))])
        if keep_from - 1 <= self.mark and not any(round_id < keep_from for round_id in self.rounds()):
            return
        kept = self._state.without_rounds_before(keep_from)
        self._log.replace(map(records.encode, kept.records()))
        self._state = kept

    def _write(self, record: Record) -> None:
        """What is not on disk is not known either."""
        self._log.append(records.encode(record))
        self._state.apply(record)

    def _note(self, record: Record) -> None:
        """Known at once, and on disk when the disk takes it."""
        self._state.apply(record)
        try:
            self._log.append(records.encode(record))
        except ChronoError as error:
            log.warning("journal_not_noted", cause=error.reason.code, record=type(record).__name__)

    def _check_header(self, ours: Header) -> None:
        found = self._state.header
        if found is None:
            if self._state.rounds or self._state.attempts:
                raise ChronoError(JOURNAL_FOREIGN, why="it does not say whose it is")
            self._write(ours)
        elif replace(found, version=ours.version) != ours or found.version > ours.version:
            raise ChronoError(JOURNAL_FOREIGN, network=found.network, identity="0x" + found.identity.hex())

    def _close_damaged(self) -> None:
        """What was lost may have been about any round known here: none of them is said anything new in."""
        newest = self._state.newest_round()
        log.error(JOURNAL_DAMAGED.code, closed_through=newest)
        if newest > self.mark:
            self._note(Mark(newest))  # on a disk that takes nothing it holds all the same, and what is owed goes on
