"""A seat or mode is not changed while a reveal is owed that the new one would not send."""

from pathlib import Path

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import REVEAL_OWED, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.networks import COSTON2, SONGBIRD, Network
from chrono.provider.places import journal_path
from chrono.provider.switching import refuse_switch
from chrono.settings import Settings
from chrono.settings.model import Flare
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from chrono.voting.records import Attempt, Call, Commit

ME = Address(b"\x1a" * 20)
ROUND = 1_000_000
DEADLINE_NS = 1_748_430_135 * SECOND_NS
SUBMITTER = Flare(seat="submitter", mode="live")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A commit of ours that may have left."""
    return owed(tmp_path, COSTON2, ME, leaves=False)


def owed(folder: Path, network: Network, identity: Address, *, leaves: bool = True) -> Journal:
    """The journal of an identity with a commit; `leaves`: it was sent."""
    log = JournalFile(journal_path(str(folder), network, checksummed(identity)))
    made = Journal(log, network=network.name, chain_id=network.chain_id, identity=identity)
    reveal = Reveal(b"\x07" * 32, b"\x80\x00\x00\x01")
    fixed = reveal.commit_hash(identity, ROUND)
    made.commit(Commit(ROUND, 1, identity, reveal.random, reveal.encoded_values, 1, fixed, DEADLINE_NS, 0))
    selector = SubmissionFunction.SUBMIT1.value
    made.call(Call(f"coston2/{ROUND}/submit1", ROUND, selector, ((FTSO, fixed),), identity, DEADLINE_NS, 0))
    if leaves:
        sent(made)
    return made


def switched(tmp_path: Path, flare: Flare, now_ns: int = DEADLINE_NS - 30 * SECOND_NS) -> None:
    refuse_switch(Settings(network="coston2", data_dir=str(tmp_path), flare=flare), COSTON2, ManualClock(now_ns))


def sent(journal: Journal) -> None:
    journal.attempt(Attempt(f"coston2/{ROUND}/submit1", 0, COSTON2.chain_id, ME, 0, b"\x01", bytes(32), 0))


@pytest.mark.parametrize("flare", [Flare(), Flare(seat="data-provider", mode="live"), Flare(seat="submitter")])
def test_what_we_sent_ourselves_is_revealed_by_ourselves(tmp_path: Path, journal: Journal, flare: Flare) -> None:
    switched(tmp_path, flare)  # nothing has left yet
    sent(journal)
    with pytest.raises(ChronoError) as owed:
        switched(tmp_path, flare)
    assert owed.value.reason is REVEAL_OWED
    assert (owed.value.facts["round"], owed.value.facts["seconds_left"]) == (ROUND, 30)
    switched(tmp_path, flare, DEADLINE_NS)  # it is too late for it
    switched(tmp_path, SUBMITTER)


def test_what_was_handed_to_the_system_client_it_asks_for_itself(tmp_path: Path, journal: Journal) -> None:
    journal.hand_out(f"coston2/{ROUND}/submit1", 0)
    switched(tmp_path, Flare(seat="data-provider", mode="live"))


def test_a_folder_without_a_journal_owes_nothing(tmp_path: Path) -> None:
    switched(tmp_path, Flare())


def test_whatever_identity_owes_it_in_this_folder_is_heard_and_no_other_network_s(tmp_path: Path) -> None:
    owed(tmp_path, SONGBIRD, ME)
    switched(tmp_path, Flare())
    owed(tmp_path, COSTON2, Address(b"\x01" * 20), leaves=False)
    owed(tmp_path, COSTON2, ME)
    with pytest.raises(ChronoError) as refused:
        switched(tmp_path, Flare())
    assert refused.value.facts["journal"] == journal_path(str(tmp_path), COSTON2, checksummed(ME)).name
