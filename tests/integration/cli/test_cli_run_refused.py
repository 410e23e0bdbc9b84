"""`chrono run` begins no voter where another one votes, or where a reveal is owed that it would not send."""

from pathlib import Path

from chrono.cli.ends import REFUSED
from chrono.clock import SECOND_NS, SystemClock
from chrono.errors import IDENTITY_BUSY, REVEAL_OWED
from chrono.flare.address import Address, checksummed
from chrono.flare.commit import Reveal
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.networks import COSTON2
from chrono.provider.lock import hold_identity
from chrono.provider.places import journal_path
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from chrono.voting.records import Attempt, Call, Commit

ME = Address(b"\x1a" * 20)
ROUND = 1_000_000
A_SEAT = {
    "CHRONO__NETWORK": "coston2",
    "CHRONO__FLARE__SEAT": "data-provider",
    "CHRONO__FLARE__MODE": "live",
    "CHRONO__FLARE__IDENTITY": "0x" + ME.hex(),
    "CHRONO__FLARE__NODES": '["http://127.0.0.1:9", "http://127.0.0.1:19"]',
    "CHRONO__STORE__DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nowhere",
}
"""Where this would start after all, it waits for a database in vain, and begins none of its own."""


def test_a_second_voter_of_an_identity_does_not_start_whatever_its_data_folder(chrono, tmp_path: Path) -> None:
    with hold_identity("coston2", ME, tmp_path / ".local" / "state" / "chrono"):
        done = chrono("run", **A_SEAT)
    assert done.code == REFUSED
    assert IDENTITY_BUSY.message in done.err


def test_a_seat_that_would_not_send_an_owed_reveal_is_not_taken(chrono, tmp_path: Path) -> None:
    folder = tmp_path / "house"
    deadline_ns = SystemClock().now_ns() + 3600 * SECOND_NS
    path = journal_path(str(folder), COSTON2, checksummed(ME))
    path.parent.mkdir(parents=True)
    log = JournalFile(path)
    journal = Journal(log, network=COSTON2.name, chain_id=COSTON2.chain_id, identity=ME)
    reveal = Reveal(b"\x07" * 32, b"\x80\x00\x00\x01")
    fixed = reveal.commit_hash(ME, ROUND)
    journal.commit(Commit(ROUND, 1, ME, reveal.random, reveal.encoded_values, 1, fixed, deadline_ns, 0))
    selector = SubmissionFunction.SUBMIT1.value
    journal.call(Call("the call", ROUND, selector, ((FTSO, fixed),), ME, deadline_ns, 0))
    journal.attempt(Attempt("the call", 0, COSTON2.chain_id, ME, 0, b"\x01", bytes(32), 0))
    log.close()
    done = chrono("run", **A_SEAT)
    assert done.code == REFUSED
    assert REVEAL_OWED.message in done.err
