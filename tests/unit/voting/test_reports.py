"""The book of rounds: written by one thread, read by others, bounded, and its news told once."""

import threading

from msgspec import structs

from chrono.flare.epochs import VotingRound
from chrono.telemetry import REPORTS_UNHEARD
from chrono.voting.reports import ROUNDS_KEPT, Reports, RoundReport, Sent, SentPhase, SentStatus
from tests.fakes.rounds_told import ROUND, TIMING, committed, finished, provider, sent


def near(number: int) -> VotingRound:
    return VotingRound(ROUND.id + number, TIMING)


def test_the_newest_rounds_are_kept_and_told_newest_first() -> None:
    book = Reports()
    for number in range(ROUNDS_KEPT + 5):
        book.tell_round(committed(near(number)))
    ids = [report.id for report in book.rounds(1000)]
    assert ids == [near(number).id for number in range(ROUNDS_KEPT + 4, 4, -1)]
    assert book.round(near(4).id) is None
    assert [report.id for report in book.rounds(2, before=near(10).id)] == [near(9).id, near(8).id]


def test_a_transaction_takes_the_place_of_what_was_told_of_the_same_duty() -> None:
    book = Reports()
    book.tell_round(committed(transactions=()))
    book.tell_sent(ROUND.id, sent(SentPhase.SUBMIT1, status=SentStatus.PENDING, tx_hash=b"\x0a" * 32))
    book.tell_sent(ROUND.id, sent(SentPhase.SUBMIT2))
    book.tell_sent(ROUND.id, sent(SentPhase.SUBMIT1, tx_hash=b"\x0b" * 32, attempts=2))
    told = book.round(ROUND.id)
    assert told is not None
    assert [(one.phase, one.status, one.attempts) for one in told.transactions] == [
        (SentPhase.SUBMIT2, SentStatus.CONFIRMED, 1),
        (SentPhase.SUBMIT1, SentStatus.CONFIRMED, 2),
    ]


def test_a_transaction_of_a_round_that_is_not_kept_is_no_fault() -> None:
    book = Reports()
    book.tell_sent(ROUND.id, sent(SentPhase.SUBMIT1))
    assert book.rounds(10) == []


def test_each_news_is_called_back_once_and_what_was_known_is_not() -> None:
    book = Reports()
    rounds: list[RoundReport] = []
    news: list[Sent] = []
    book.on_round(rounds.append)
    book.on_sent(lambda _, one: news.append(one))
    commit, reveal = sent(SentPhase.SUBMIT1), sent(SentPhase.SUBMIT2)
    book.tell_round(committed(transactions=(commit,)))
    book.tell_round(committed(transactions=(commit, reveal)))
    book.tell_round(finished(transactions=(commit, reveal)))
    mined = structs.replace(reveal, attempts=2)
    book.tell_sent(ROUND.id, mined)
    assert news == [commit, reveal, mined]
    assert len(rounds) == 4


def test_a_listener_may_go_again() -> None:
    book, heard = Reports(), list[RoundReport]()
    stop = book.on_round(heard.append)
    book.tell_round(committed())
    stop()
    book.tell_round(finished())
    assert heard == [committed()]


def test_a_listener_that_fails_stops_neither_the_teller_nor_the_other_listeners() -> None:
    book, heard = Reports(), list[object]()
    before = REPORTS_UNHEARD._value.get()

    def fails(*_: object) -> None:
        raise RuntimeError("the loop is closed")

    book.on_round(fails)
    book.on_round(heard.append)
    book.on_sent(fails)
    book.on_sent(lambda _, one: heard.append(one))
    book.tell_round(committed())
    assert heard == [committed(), committed().transactions[0]]
    assert REPORTS_UNHEARD._value.get() == before + 2


def test_readers_on_other_threads_see_whole_rounds_in_order() -> None:
    book, over = Reports(), threading.Event()
    faults: list[str] = []

    def read() -> None:
        while not over.is_set():
            ids = [report.id for report in book.rounds(1000)]
            if ids != sorted(ids, reverse=True) or len(ids) > ROUNDS_KEPT:
                faults.append(f"rounds out of order: {ids}")
            report = book.round(ROUND.id)
            if report is not None and {one.intent_id for one in report.transactions} - {"a", "b"}:
                faults.append("a half-written round")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(300):
        book.tell_round(committed(near(number), transactions=()))
        book.tell_sent(near(number).id, sent(SentPhase.SUBMIT1, intent_id="a" if number % 2 else "b"))
    over.set()
    for reader in readers:
        reader.join()
    assert faults == []


def test_the_provider_and_the_rewards_are_nothing_until_they_are_told() -> None:
    book = Reports()
    assert (book.provider, book.rewards) == (None, None)
    book.tell_provider(provider())
    assert book.provider == provider()
