"""Our own transactions that the journal does not know: two rounds of silence, and nothing is said twice."""

import pytest
from msgspec.structs import replace

from chrono.errors import JOURNAL_BROKEN, ROUND_CLOSED, ChronoError
from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.voting.journal import Journal
from chrono.voting.strangers import OwnAddresses, Strangers, Unknown, unknown_submissions
from tests.fakes.voting_rounds import (
    FDC,
    ROUND,
    SIGNATURES,
    SUBMIT1,
    SUBMIT2,
    TIMING,
    US,
    CrashingLog,
    account,
    at,
    call_of,
    commit_of,
    journal_on,
    signature_of,
    signatures_transaction,
)

ID = ROUND.id
OWN = OwnAddresses(
    submit=frozenset({US.submit}),
    submit_signatures=frozenset({US.submit_signatures}),
    signing_policy=frozenset({US.signing_policy}),
)
COMMIT = commit_of()
MESSAGE = ProtocolMessage(FTSO, ID, True, b"\x07" * 32)


@pytest.fixture
def log() -> CrashingLog:
    return CrashingLog()


@pytest.fixture
def journal(log: CrashingLog) -> Journal:
    return journal_on(log)


def sent(
    function: SubmissionFunction, payload: bytes, *, round_id: int = ID, epoch: int | None = None, protocol: int = FTSO
) -> Transaction:
    """What our address sent, by default in the epoch in which it belongs."""
    epoch = round_id + (function is not SUBMIT1) if epoch is None else epoch
    sender = US.submit_signatures if function is SIGNATURES else US.submit
    start_s = VotingRound(epoch, TIMING).epoch.start_s
    data = calldata(function, [Frame(protocol, round_id, payload)])
    return Transaction(sender, None, data, epoch, 0, start_s + 40)


def unknown(journal: Journal, *transactions: Transaction, protocols: tuple[int, ...] = (FTSO,)) -> tuple[Unknown, ...]:
    return unknown_submissions(transactions, OWN, journal, TIMING, since_epoch=ID - 2, protocols=protocols)


def our_round(journal: Journal) -> list[Transaction]:
    """A whole round of ours, as the chain holds it."""
    journal.commit(COMMIT)
    reveal = Reveal(COMMIT.random, COMMIT.encoded_values).payload
    journal.bind(FTSO, ID, MESSAGE.hash())
    return [
        sent(SUBMIT1, COMMIT.commit_hash),
        sent(SUBMIT2, reveal),
        sent(SIGNATURES, SignaturePayload(signature_of(0, MESSAGE)).encode()),
    ]


def test_what_the_journal_holds_is_known(journal: Journal) -> None:
    assert unknown(journal, *our_round(journal)) == ()


def test_without_the_journal_all_of_it_is_unknown(journal: Journal) -> None:
    transactions = our_round(journal)
    found = unknown(journal_on(CrashingLog()), *transactions)
    assert [each.function for each in found] == [SUBMIT1, SUBMIT2, SIGNATURES]
    assert found[0] == Unknown(SUBMIT1, FTSO, ID, ID, US.submit, ID)


def test_other_bytes_than_ours_are_unknown(journal: Journal) -> None:
    our_round(journal)
    other = replace(MESSAGE, is_secure_random=False)
    strange = [
        sent(SUBMIT1, bytes(32)),
        sent(SUBMIT1, COMMIT.commit_hash, round_id=ID + 1),
        sent(SUBMIT2, Reveal(bytes(32), COMMIT.encoded_values).payload),
        sent(SIGNATURES, SignaturePayload(signature_of(0, other)).encode()),
        sent(SIGNATURES, SignaturePayload(signature_of(1, MESSAGE)).encode()),
        sent(SIGNATURES, b"nonsense"),
    ]
    assert len(unknown(journal, *strange)) == len(strange)


def test_a_signature_that_another_program_made_of_our_result_is_known(journal: Journal) -> None:
    """The system client signs what we answered: the record knows the result, the journal no call."""
    journal.bind(FTSO, ID, MESSAGE.hash())
    assert unknown(journal, sent(SIGNATURES, SignaturePayload(signature_of(0, MESSAGE)).encode())) == ()


def test_others_and_older_rounds_are_not_looked_at(journal: Journal) -> None:
    assert unknown(journal, signatures_transaction(1, MESSAGE)) == ()
    assert unknown(journal, replace(sent(SUBMIT1, bytes(32)), sender=account(1, 1))) == ()
    assert unknown(journal, sent(SUBMIT1, bytes(32), round_id=ID - 3)) == ()
    assert unknown(journal, sent(SUBMIT1, bytes(32), round_id=ID - 2))
    assert unknown(journal, replace(sent(SUBMIT1, bytes(32)), calldata=b"\x12\x34")) == ()


def test_other_protocols_are_looked_at_where_we_send_them(journal: Journal) -> None:
    vote = sent(SUBMIT2, b"vote", protocol=FDC)
    assert unknown(journal, vote) == ()
    assert unknown(journal, vote, protocols=(FTSO, FDC))
    journal.call(call_of(SUBMIT2, {FDC: b"vote"}))
    assert unknown(journal, vote, protocols=(FTSO, FDC)) == ()


class TestStrangers:
    def strangers(self, journal: Journal) -> Strangers:
        return Strangers(journal, TIMING)

    def test_a_scan_without_a_find_opens_the_way(self, journal: Journal) -> None:
        strangers = self.strangers(journal)
        assert not strangers.scanned
        assert strangers.scan(our_round(journal), OWN, at(120)) == ()
        assert strangers.scanned
        assert strangers.silent_through is None
        assert journal.mark == -1

    def test_a_find_means_two_rounds_of_silence(self, journal: Journal) -> None:
        strangers = self.strangers(journal)
        found = strangers.scan([sent(SUBMIT1, bytes(32))], OWN, at(80))
        assert len(found) == 1
        assert strangers.silent_through == ID + 2
        assert strangers.scan([sent(SUBMIT1, bytes(32))], OWN, at(85)) == ()
        assert strangers.silent_through == ID + 2

    def test_each_new_one_prolongs_it(self, journal: Journal) -> None:
        strangers = self.strangers(journal)
        first, second = sent(SUBMIT1, bytes(32)), sent(SUBMIT1, bytes(32), round_id=ID + 1)
        strangers.scan([first], OWN, at(80))
        assert strangers.scan([first, second], OWN, at(170))
        assert strangers.silent_through == ID + 3

    def test_what_the_chain_says_for_us_is_not_said_again(self, journal: Journal, log: CrashingLog) -> None:
        """A restored backup: the round is signed on chain, and the journal has forgotten it."""
        transactions = our_round(journal_on(CrashingLog()))
        self.strangers(journal).scan(transactions, OWN, at(170))
        for each in (journal, journal_on(CrashingLog(log.data))):
            assert each.mark == ID
            for act in (lambda each=each: each.bind(FTSO, ID, MESSAGE.hash()), lambda each=each: each.commit(COMMIT)):
                with pytest.raises(ChronoError) as refused:
                    act()
                assert refused.value.reason is ROUND_CLOSED

    def test_a_frame_about_the_far_future_closes_no_more_than_the_present(self, journal: Journal) -> None:
        strangers = self.strangers(journal)
        strangers.scan([sent(SUBMIT1, bytes(32), round_id=2**32 - 1, epoch=ID)], OWN, at(80))
        assert journal.mark == ID
        assert strangers.silent_through == ID + 2

    def test_what_cannot_be_remembered_leaves_the_way_closed(self, journal: Journal, log: CrashingLog) -> None:
        strangers = self.strangers(journal)
        log.full = True
        for _ in range(2):
            with pytest.raises(ChronoError) as refused:
                strangers.scan([sent(SUBMIT1, bytes(32))], OWN, at(80))
            assert refused.value.reason is JOURNAL_BROKEN
            assert not strangers.scanned
        assert strangers.silent_through == ID + 2
