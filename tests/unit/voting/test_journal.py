"""The journal: one commit, one payload, one signed result for each round, for ever; and what is owed by it."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chrono.errors import (
    COMMIT_CONFLICT,
    JOURNAL_BROKEN,
    JOURNAL_FOREIGN,
    RANDOM_REPEATED,
    ROUND_CLOSED,
    ChronoError,
    Reason,
)
from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO
from chrono.voting import records
from chrono.voting.journal import Journal
from chrono.voting.records import Ended, HandedOut, Header, Included, Pin
from tests.fakes.voting_rounds import (
    CHAIN_ID,
    FDC,
    IDENTITY,
    NETWORK,
    ROUND,
    SIGNATURES,
    SUBMIT1,
    SUBMIT2,
    US,
    CrashingLog,
    attempt_of,
    call_of,
    commit_of,
    journal_on,
)

ID = ROUND.id
HASH, OTHER = b"\x01" * 32, b"\x02" * 32
COMMIT = commit_of()
COMMIT_CALL = call_of(SUBMIT1, {FTSO: COMMIT.commit_hash})
REVEAL_CALL = call_of(SUBMIT2, {FTSO: Reveal(COMMIT.random, COMMIT.encoded_values).payload, FDC: b"\0\1\x80"})
BEFORE_NS = COMMIT.reveal_deadline_ns - 1


def refusal(act: Callable[[], object]) -> Reason:
    with pytest.raises(ChronoError) as refused:
        act()
    return refused.value.reason


def reopened(log: CrashingLog) -> Journal:
    """What a restart finds."""
    return journal_on(CrashingLog(log.data))


@pytest.fixture
def log() -> CrashingLog:
    return CrashingLog()


@pytest.fixture
def journal(log: CrashingLog) -> Journal:
    return journal_on(log)


def left(journal: Journal) -> None:
    """A commit that may have left."""
    journal.commit(COMMIT)
    journal.call(COMMIT_CALL)
    journal.attempt(attempt_of(COMMIT_CALL.intent_id))


def test_a_commit_survives_a_restart_to_the_byte(journal: Journal, log: CrashingLog) -> None:
    journal.commit(COMMIT)
    again = reopened(log)
    assert again.committed(ID) == COMMIT
    assert again.payload(SUBMIT1, FTSO, ID) == COMMIT.commit_hash
    assert again.payload(SUBMIT2, FTSO, ID) == COMMIT.random + COMMIT.encoded_values
    assert again.rounds() == (ID,)


def test_a_commit_is_on_disk_before_it_is_known(journal: Journal, log: CrashingLog) -> None:
    log.full = True
    assert refusal(lambda: journal.commit(COMMIT)) is JOURNAL_BROKEN
    assert journal.committed(ID) is None
    assert journal.fault is JOURNAL_BROKEN


def test_the_same_commit_again_changes_nothing_and_writes_nothing(journal: Journal, log: CrashingLog) -> None:
    journal.commit(COMMIT)
    written = log.appends
    journal.commit(replace(COMMIT, at_ns=COMMIT.at_ns + 5))
    assert log.appends == written
    assert journal.committed(ID) == COMMIT


@pytest.mark.parametrize("other", [commit_of(random=2), commit_of(values=(1, 2, 3))])
def test_a_second_commit_of_a_round_is_refused_also_after_a_restart(
    journal: Journal, log: CrashingLog, other: records.Commit
) -> None:
    journal.commit(COMMIT)
    for each in (journal, reopened(log)):
        assert refusal(lambda each=each: each.commit(other)) is COMMIT_CONFLICT
        assert each.committed(ID) == COMMIT


def test_a_random_is_used_once(journal: Journal, log: CrashingLog) -> None:
    journal.commit(COMMIT)
    for each in (journal, reopened(log)):
        assert refusal(lambda each=each: each.commit(commit_of(ID + 1))) is RANDOM_REPEATED
    journal.commit(commit_of(ID + 1, random=2))


def test_a_commit_that_does_not_fix_its_own_reveal_is_a_fault_of_ours(journal: Journal) -> None:
    with pytest.raises(ValueError, match="does not fix"):
        journal.commit(replace(COMMIT, encoded_values=b"\0\0\0\1"))


def test_a_reveal_is_owed_once_an_attempt_of_the_commit_may_have_left(journal: Journal, log: CrashingLog) -> None:
    journal.commit(COMMIT)
    assert journal.owed(BEFORE_NS) == ()
    journal.call(COMMIT_CALL)
    assert journal.owed(BEFORE_NS) == ()
    journal.attempt(attempt_of(COMMIT_CALL.intent_id))
    for each in (journal, reopened(log)):
        assert each.owed(BEFORE_NS) == (COMMIT,)
        assert each.left(ID, SUBMIT1, FTSO)


def test_a_commit_that_another_program_was_given_is_owed_as_well(journal: Journal, log: CrashingLog) -> None:
    journal.commit(COMMIT)
    journal.call(COMMIT_CALL)
    journal.hand_out(COMMIT_CALL.intent_id, 5)
    journal.hand_out(COMMIT_CALL.intent_id, 6)
    assert reopened(log).owed(BEFORE_NS) == (COMMIT,)
    assert [each for each in map(records.decode, log.records()) if isinstance(each, HandedOut)] == [
        HandedOut(COMMIT_CALL.intent_id, 5)
    ]


def test_a_reveal_is_owed_until_it_is_in_a_block_or_its_deadline_is_over(journal: Journal, log: CrashingLog) -> None:
    left(journal)
    journal.call(REVEAL_CALL)
    journal.attempt(attempt_of(REVEAL_CALL.intent_id, nonce=1))
    journal.ended(Ended(REVEAL_CALL.intent_id, "not_mined", 5))
    assert journal.owed(BEFORE_NS) == (COMMIT,)
    assert journal.owed(COMMIT.reveal_deadline_ns) == ()
    journal.included(Included(REVEAL_CALL.intent_id, HASH, 7, 8))
    for each in (journal, reopened(log)):
        assert each.owed(BEFORE_NS) == ()
        assert each.done(ID, SUBMIT2, FTSO)
        assert each.done(ID, SUBMIT2, FDC)
        assert not each.done(ID, SUBMIT1, FTSO)


def test_a_commit_in_a_block_is_no_reveal(journal: Journal) -> None:
    left(journal)
    journal.included(Included(COMMIT_CALL.intent_id, HASH, 7, 8))
    assert journal.owed(BEFORE_NS) == (COMMIT,)


def test_the_call_of_an_intent_is_the_first_one_for_ever(journal: Journal, log: CrashingLog) -> None:
    first = call_of(SUBMIT2, {FTSO: b"reveal"})
    assert journal.call(first) == first
    joined = call_of(SUBMIT2, {FTSO: b"reveal", FDC: b"vote"})
    assert journal.call(joined) == first
    assert reopened(log).call(joined) == first


def test_a_frame_is_not_said_in_two_ways(journal: Journal) -> None:
    journal.commit(COMMIT)
    journal.call(call_of(SUBMIT2, {FDC: b"vote"}, suffix="/200"))
    other = call_of(SUBMIT2, {FDC: b"other vote"})
    assert refusal(lambda: journal.call(other)) is COMMIT_CONFLICT
    assert refusal(lambda: journal.call(call_of(SUBMIT2, {FTSO: b"another reveal"}))) is COMMIT_CONFLICT
    assert journal.payload(SUBMIT2, FDC, ID) == b"vote"
    assert journal.payload(SIGNATURES, FDC, ID) is None


def test_what_was_not_committed_has_no_payload(journal: Journal) -> None:
    assert journal.payload(SUBMIT1, FTSO, ID) is None
    assert journal.payload(SUBMIT2, FTSO, ID) is None
    assert journal.payload(SUBMIT2, FDC, ID) is None


def test_the_values_of_a_round_are_answered_alike_for_ever(journal: Journal, log: CrashingLog) -> None:
    assert journal.pinned(ID) is None
    assert journal.pin(ID, b"first") == b"first"
    assert journal.pin(ID, b"second") == b"first"
    assert reopened(log).pin(ID, b"third") == b"first"
    log.full = True
    assert journal.pin(ID, b"fourth") == b"first"
    assert refusal(lambda: journal.pin(ID + 1, b"blind")) is JOURNAL_BROKEN


class TestSigningRecord:
    def test_the_first_result_of_a_round_is_the_only_one(self, journal: Journal, log: CrashingLog) -> None:
        assert journal.bound(FTSO, ID) is None
        assert journal.bind(FTSO, ID, HASH) == HASH
        for each in (journal, reopened(log)):
            assert each.bind(FTSO, ID, OTHER) == HASH
            assert each.bind(FTSO, ID, HASH) == HASH
            assert each.bound(FTSO, ID) == HASH

    def test_protocols_and_rounds_are_bound_apart(self, journal: Journal) -> None:
        journal.bind(FTSO, ID, HASH)
        assert journal.bind(FDC, ID, OTHER) == OTHER
        assert journal.bind(FTSO, ID + 1, OTHER) == OTHER

    def test_nothing_is_bound_that_is_not_on_disk(self, journal: Journal, log: CrashingLog) -> None:
        log.full = True
        assert refusal(lambda: journal.bind(FTSO, ID, HASH)) is JOURNAL_BROKEN
        assert journal.bound(FTSO, ID) is None

    def test_behind_the_mark_only_what_is_bound_may_go_again(self, journal: Journal, log: CrashingLog) -> None:
        journal.bind(FTSO, ID, HASH)
        journal.raise_mark(ID + 1)
        journal.raise_mark(ID)
        for each in (journal, reopened(log)):
            assert each.mark == ID + 1
            assert each.bind(FTSO, ID, HASH) == HASH
            assert refusal(lambda each=each: each.bind(FDC, ID, HASH)) is ROUND_CLOSED
            assert refusal(lambda each=each: each.bind(FTSO, ID + 1, HASH)) is ROUND_CLOSED
            assert refusal(lambda each=each: each.commit(commit_of(ID + 1))) is ROUND_CLOSED
        journal.commit(commit_of(ID + 2))
        assert journal.bind(FTSO, ID + 2, OTHER) == OTHER


class TestAttempts:
    INTENT = COMMIT_CALL.intent_id

    def test_they_are_given_back_as_they_were_kept(self, journal: Journal, log: CrashingLog) -> None:
        kept = [attempt_of(self.INTENT, 3, 0), attempt_of(self.INTENT, 3, 1), attempt_of("other", 4)]
        for each in (*kept, kept[0]):
            journal.attempt(each)
        again = reopened(log)
        assert list(again.attempts(US.submit, CHAIN_ID)) == kept
        assert list(again.attempts_of(self.INTENT)) == kept[:2]
        assert again.attempts(US.submit, CHAIN_ID + 1) == ()
        assert again.attempts(US.submit_signatures, CHAIN_ID) == ()

    def test_an_attempt_that_is_not_on_disk_is_not_known(self, journal: Journal, log: CrashingLog) -> None:
        log.full = True
        assert refusal(lambda: journal.attempt(attempt_of(self.INTENT))) is JOURNAL_BROKEN
        assert journal.attempts_of(self.INTENT) == ()

    def test_what_is_in_a_block_or_below_it_cannot_be_mined_any_more(self, journal: Journal) -> None:
        low, high, above = attempt_of("low", 3), attempt_of("high", 4), attempt_of("above", 5)
        for each in (low, high, above):
            journal.attempt(each)
        journal.ended(Ended("low", "not_mined", 1))
        journal.included(Included("high", high.tx_hash, 7, 8))
        assert journal.attempts(US.submit, CHAIN_ID) == (above,)

    def test_an_intent_given_up_may_still_be_mined_while_its_nonce_is_free(self, journal: Journal) -> None:
        low = attempt_of("low", 3)
        journal.attempt(low)
        journal.ended(Ended("low", "not_mined", 1))
        assert journal.attempts(US.submit, CHAIN_ID) == (low,)

    def test_one_that_nobody_heard_of_stays_until_nonces_are_settled(self, journal: Journal) -> None:
        low, high = attempt_of("low", 3), attempt_of("high", 4)
        journal.attempt(low)
        journal.attempt(high)
        journal.included(Included("high", high.tx_hash, 7, 8))
        assert journal.attempts(US.submit, CHAIN_ID) == (low,)
        journal.settle(US.submit, 5)
        assert journal.attempts(US.submit, CHAIN_ID) == ()

    def test_endings_never_raise_for_a_bad_disk_and_are_known_at_once(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        log.full = True
        journal.included(Included(self.INTENT, HASH, 7, 8))
        journal.ended(Ended("other", "not_mined", 1))
        assert journal.inclusion(self.INTENT) == Included(self.INTENT, HASH, 7, 8)
        assert journal.ending("other") is not None
        log.full = False
        journal.mend()
        assert reopened(log).inclusion(self.INTENT) == Included(self.INTENT, HASH, 7, 8)


class TestFaults:
    def test_a_mended_journal_holds_all_that_was_known_and_takes_more(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        log.full = True
        assert refusal(lambda: journal.bind(FTSO, ID, HASH)) is JOURNAL_BROKEN
        log.full = False
        assert refusal(lambda: journal.bind(FTSO, ID, HASH)) is JOURNAL_BROKEN  # not trusted until all was written
        assert journal.fault is JOURNAL_BROKEN
        journal.mend()
        assert journal.fault is None
        assert journal.bind(FTSO, ID, HASH) == HASH
        again = reopened(log)
        assert again.owed(BEFORE_NS) == (COMMIT,)
        assert again.bound(FTSO, ID) == HASH

    def test_the_owed_stays_known_while_the_disk_is_away(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        log.full = True
        assert refusal(lambda: journal.call(REVEAL_CALL)) is JOURNAL_BROKEN
        assert journal.owed(BEFORE_NS) == (COMMIT,)
        assert journal.payload(SUBMIT2, FTSO, ID) == COMMIT.random + COMMIT.encoded_values

    def test_damage_closes_every_round_that_it_may_have_been_about(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        journal.bind(FTSO, ID - 1, HASH)
        damaged = CrashingLog(log.data)
        damaged.damaged = True
        again = journal_on(damaged)
        assert again.mark == ID
        assert again.owed(BEFORE_NS) == (COMMIT,)
        assert refusal(lambda: again.bind(FTSO, ID, HASH)) is ROUND_CLOSED
        assert again.bind(FTSO, ID - 1, OTHER) == HASH
        assert reopened(damaged).mark == ID

    @pytest.mark.parametrize(
        ("network", "chain_id", "identity"),
        [("flare", CHAIN_ID, IDENTITY), (NETWORK, 14, IDENTITY), (NETWORK, CHAIN_ID, Address(bytes(20)))],
    )
    def test_the_journal_of_another_is_not_used(
        self, journal: Journal, log: CrashingLog, network: str, chain_id: int, identity: Address
    ) -> None:
        again = CrashingLog(log.data)
        act = lambda: Journal(again, network=network, chain_id=chain_id, identity=identity)  # noqa: E731
        assert refusal(act) is JOURNAL_FOREIGN

    def test_a_journal_without_its_owner_is_not_used(self) -> None:
        log = CrashingLog()
        log.append(records.encode(Pin(5, b"x")))
        assert refusal(lambda: journal_on(log)) is JOURNAL_FOREIGN

    @pytest.mark.parametrize("record", [b"\x93\xa3new\x01\x02", b"\xff", b"not msgpack at all"])
    def test_a_record_of_a_newer_chrono_is_not_guessed(self, log: CrashingLog, record: bytes) -> None:
        journal_on(log)
        log.append(record)
        assert refusal(lambda: journal_on(log)) is JOURNAL_FOREIGN

    def test_a_newer_version_is_not_written_to(self) -> None:
        log = CrashingLog()
        log.append(records.encode(Header(records.VERSION + 1, NETWORK, CHAIN_ID, IDENTITY)))
        assert refusal(lambda: journal_on(log)) is JOURNAL_FOREIGN


class TestCompaction:
    def test_old_rounds_go_and_are_closed_for_ever(self, journal: Journal, log: CrashingLog) -> None:
        for round_id in range(ID, ID + 5):
            journal.commit(commit_of(round_id, random=round_id))
            journal.bind(FTSO, round_id, HASH)
        size = len(log.data)
        journal.compact(ID + 3, BEFORE_NS)
        assert len(log.data) < size
        for each in (journal, reopened(log)):
            assert each.rounds() == (ID + 3, ID + 4)
            assert each.mark == ID + 2
            assert refusal(lambda each=each: each.bind(FTSO, ID + 2, HASH)) is ROUND_CLOSED
            assert refusal(lambda each=each: each.commit(commit_of(ID + 1))) is ROUND_CLOSED
            assert each.bind(FTSO, ID + 3, OTHER) == HASH

    def test_a_round_that_is_owed_stays_whole(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        journal.commit(commit_of(ID + 1, random=2))
        journal.compact(ID + 2, BEFORE_NS)
        assert reopened(log).owed(BEFORE_NS) == (COMMIT,)
        assert reopened(log).rounds() == (ID, ID + 1)
        journal.compact(ID + 2, COMMIT.reveal_deadline_ns)
        assert reopened(log).rounds() == ()

    def test_the_next_nonce_is_known_also_when_the_attempts_are_forgotten(
        self, journal: Journal, log: CrashingLog
    ) -> None:
        assert journal.next_nonce(US.submit, CHAIN_ID) is None
        left(journal)
        journal.attempt(attempt_of(COMMIT_CALL.intent_id, nonce=6))
        assert reopened(log).next_nonce(US.submit, CHAIN_ID) == 7
        assert reopened(log).next_nonce(US.submit, CHAIN_ID + 1) is None
        journal.settle(US.submit, 7)
        journal.compact(ID + 2, COMMIT.reveal_deadline_ns)
        assert reopened(log).attempts(US.submit, CHAIN_ID) == ()
        assert reopened(log).next_nonce(US.submit, CHAIN_ID) == 7

    def test_an_attempt_that_may_still_be_mined_stays(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        gone = attempt_of("before", nonce=0)
        journal.attempt(gone)
        journal.ended(Ended("before", "not_mined", 1))
        journal.ended(Ended(COMMIT_CALL.intent_id, "not_mined", 1))
        first = attempt_of(COMMIT_CALL.intent_id)
        journal.compact(ID + 1, COMMIT.reveal_deadline_ns)
        assert set(reopened(log).attempts(US.submit, CHAIN_ID)) == {gone, first}
        journal.settle(US.submit, 1)
        journal.bind(FTSO, ID + 1, HASH)
        journal.compact(ID + 2, COMMIT.reveal_deadline_ns)
        again = reopened(log)
        assert again.attempts(US.submit, CHAIN_ID) == ()
        assert again.inclusion(COMMIT_CALL.intent_id) is None
        assert again.ending("before") is None

    def test_it_writes_nothing_when_there_is_nothing_to_forget(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        journal.compact(ID + 1, COMMIT.reveal_deadline_ns)
        data = log.data
        log.full = True
        journal.compact(ID + 1, COMMIT.reveal_deadline_ns)
        assert log.data == data

    def test_a_failed_rewrite_forgets_nothing(self, journal: Journal, log: CrashingLog) -> None:
        left(journal)
        log.full = True
        assert refusal(lambda: journal.compact(ID + 1, COMMIT.reveal_deadline_ns)) is JOURNAL_BROKEN
        assert journal.committed(ID) == COMMIT
        assert journal.mark == -1
        assert reopened(log).committed(ID) == COMMIT


class TestReplay:
    """Of two records that exclude each other, the first one on disk stays: it may have been acted upon."""

    def replayed(self, *told: records.Record) -> Journal:
        log = CrashingLog()
        journal_on(log)
        for record in told:
            log.append(records.encode(record))
        return journal_on(log)

    def test_of_two_results_the_first_is_signed(self) -> None:
        journal = self.replayed(records.Bound(FTSO, ID, HASH), records.Bound(FTSO, ID, OTHER))
        assert journal.bound(FTSO, ID) == HASH

    def test_of_two_commits_the_first_is_revealed(self) -> None:
        journal = self.replayed(COMMIT, commit_of(random=2))
        assert journal.committed(ID) == COMMIT

    def test_of_two_calls_the_first_is_sent(self) -> None:
        journal = self.replayed(COMMIT_CALL, replace(COMMIT_CALL, frames=((FTSO, OTHER),)))
        assert journal.calls(ID) == (COMMIT_CALL,)

    def test_of_two_answers_the_first_is_given(self) -> None:
        assert self.replayed(Pin(ID, b"first"), Pin(ID, b"second")).pinned(ID) == b"first"

    def test_a_mark_never_goes_back(self) -> None:
        assert self.replayed(records.Mark(ID), records.Mark(ID - 5)).mark == ID
