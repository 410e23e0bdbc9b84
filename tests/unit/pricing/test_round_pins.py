"""What was answered for a round is on disk: a restart answers the same, and our own voter votes with it."""

from decimal import Decimal
from pathlib import Path

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import JOURNAL_BROKEN, ChronoError
from chrono.flare.address import Address
from chrono.flare.feeds import CRYPTO, FeedId
from chrono.flare.networks import COSTON2 as NETWORK
from chrono.pricing.rounds import RoundValues
from chrono.provider.places import journal_path, open_pins
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from tests.fakes.desk import AT_NS, COSTON2, Desk
from tests.fakes.estimating import estimate

BTC, ETH = FeedId(CRYPTO, "BTC/USD"), FeedId(CRYPTO, "ETH/USD")
ROUND = COSTON2.round_at(AT_NS).id
COMMIT_NS = COSTON2.round_at(AT_NS).commit_window.start_ns + 75 * SECOND_NS


class Provider:
    """A value provider of one process on a data folder."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.log = JournalFile(journal_path(str(folder), NETWORK, "values"))
        nobody = Address(bytes(20))
        self.pins = Journal(self.log, network=NETWORK.name, chain_id=NETWORK.chain_id, identity=nobody)
        self.rounds = RoundValues(self.desk.board, COSTON2, self.desk.clock, pins=self.pins)

    def say(self, price: str, at_ns: int) -> None:
        self.desk.clock.set(max(at_ns, self.desk.clock.now_ns()))
        self.desk.all_say("BTC/USD", price)


def test_a_restart_answers_what_was_answered_before_it(tmp_path: Path) -> None:
    before = Provider(tmp_path)
    before.say("100.1000000000000000001", COMMIT_NS)
    (told,) = before.rounds.values(ROUND, [BTC])
    before.log.close()
    after = Provider(tmp_path)
    after.say("200", COMMIT_NS + 5 * SECOND_NS)
    assert after.rounds.values(ROUND, [BTC, ETH]) == [told, None]
    after.say("300", COMMIT_NS + 300 * SECOND_NS)  # long after its end, too
    assert after.rounds.values(ROUND, [BTC]) == [told]
    after.log.close()
    much_later = Provider(tmp_path)
    much_later.say("400", COMMIT_NS + 300 * SECOND_NS)
    assert much_later.rounds.values(ROUND, [BTC]) == [told]
    pinned = after.rounds.pinned(ROUND)
    assert pinned is not None
    assert pinned.at_ns == COMMIT_NS


def test_what_our_voter_took_is_what_is_answered_unless_another_answer_was_given(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    provider.say("100", COMMIT_NS)
    provider.rounds.adopt(ROUND, COMMIT_NS, [estimate(COMMIT_NS, price="77")])
    assert provider.rounds.values(ROUND, [BTC]) == [Decimal(77)]
    provider.rounds.adopt(ROUND, COMMIT_NS, [estimate(COMMIT_NS, price="78")])
    assert provider.rounds.values(ROUND, [BTC]) == [Decimal(77)]


def test_a_disk_that_refuses_costs_the_memory_of_an_answer_and_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(tmp_path)
    provider.say("100", COMMIT_NS)

    def refuse(record: bytes) -> None:
        raise ChronoError(JOURNAL_BROKEN)

    monkeypatch.setattr(provider.log, "append", refuse)
    assert provider.rounds.values(ROUND, [BTC]) == [Decimal(100)]
    provider.say("200", COMMIT_NS + SECOND_NS)
    assert provider.rounds.values(ROUND, [BTC]) == [Decimal(100)]


def test_old_answers_are_forgotten_on_disk_as_well(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    for number in range(205):
        at_ns = COMMIT_NS + number * 90 * SECOND_NS
        provider.rounds.adopt(ROUND + number, at_ns, [estimate(at_ns)])
    kept = provider.pins.rounds()
    assert len(kept) < 205
    assert kept[-1] == ROUND + 204


def test_a_foreign_file_does_not_stop_the_process(tmp_path: Path) -> None:
    other = JournalFile(journal_path(str(tmp_path), NETWORK, "values"))
    Journal(other, network="flare", chain_id=14, identity=Address(bytes(20)))
    other.close()
    assert open_pins(str(tmp_path), NETWORK, ManualClock(0)) is None
