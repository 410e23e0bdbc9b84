"""A seat, or a mode, is changed only when nothing is owed: who sent the commit must send its reveal.

A process that is asked to stop does what it owes first. This is for those that were killed, and start otherwise.
"""

from pathlib import Path

from chrono.clock import SECOND_NS, Clock
from chrono.errors import REVEAL_OWED, ChronoError
from chrono.flare.address import parse_address
from chrono.flare.frames import SubmissionFunction
from chrono.flare.networks import Network
from chrono.provider.places import FOLDER
from chrono.settings import Settings
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal


def refuse_switch(settings: Settings, network: Network, clock: Clock) -> None:
    """See that no reveal is owed that this start would not send. Raises: ChronoError(REVEAL_OWED)."""
    flare = settings.flare
    if flare.seat == "submitter" and flare.mode == "live":
        return
    for path in sorted((Path(settings.data_dir) / FOLDER).glob(f"{network.name}-0x*.journal")):
        for round_id, until_ns in _owed(path, network, clock):
            left_s = (until_ns - clock.now_ns()) // SECOND_NS
            raise ChronoError(REVEAL_OWED, round=round_id, seconds_left=left_s, journal=path.name)


def _owed(path: Path, network: Network, clock: Clock) -> list[tuple[int, int]]:
    """Rounds whose commit we sent ourselves, and the deadlines of their reveals."""
    identity = parse_address(path.stem.removeprefix(f"{network.name}-"))
    log = JournalFile(path, clock)
    try:
        journal = Journal(log, network=network.name, chain_id=network.chain_id, identity=identity)
        owed = journal.owed(clock.now_ns())
        return [(each.round_id, each.reveal_deadline_ns) for each in owed if _was_sent(journal, each.round_id)]
    finally:
        log.close()


def _was_sent(journal: Journal, round_id: int) -> bool:
    """Whether we sent the commit; else another program was handed it, and asks for the reveal as well."""
    calls = journal.calls(round_id, SubmissionFunction.SUBMIT1)
    return any(journal.attempts_of(call.intent_id) for call in calls)
