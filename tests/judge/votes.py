"""Which commits and reveals of a round count, by the rules of fsp.md section 2."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from py_flare_common.ftso.commit import commit_hash

from tests.judge.chain import Calendar, Chain, Transaction
from tests.judge.epochs import Electorate, Epochs
from tests.judge.frames import FTSO, SUBMIT1, SUBMIT2, frames

BENCHED_ROUNDS = 20
HASH_BYTES = RANDOM_BYTES = 32


@dataclass(frozen=True)
class Sent:
    """A payload of protocol 100 that came in its window."""

    transaction: Transaction
    payload: bytes


@dataclass
class Votes:
    """Of one round, of everybody who sent anything, voter or not."""

    commits: dict[bytes, list[Sent]] = field(default_factory=dict)
    reveals: dict[bytes, list[Sent]] = field(default_factory=dict)


class Box:
    """All votes of a chain, by round."""

    def __init__(self, chain: Chain, epochs: Epochs) -> None:
        self._calendar = chain.calendar
        self._epochs = epochs
        self._votes: dict[int, Votes] = {}
        self._valid: dict[int, dict[bytes, bytes]] = {}
        for sent in chain.sent_to("Submission"):
            self._take(sent)

    @cached_property
    def rounds(self) -> list[int]:
        return sorted(self._votes)

    def votes(self, round_id: int) -> Votes:
        return self._votes.get(round_id, Votes())

    def valid(self, round_id: int) -> dict[bytes, bytes]:
        """Every sender's reveal that fits its commit."""
        if round_id not in self._valid:
            votes = self.votes(round_id)
            found = {sender: self._match(round_id, sender) for sender in votes.commits}
            self._valid[round_id] = {sender: reveal for sender, reveal in found.items() if reveal is not None}
        return self._valid[round_id]

    def offenders(self, round_id: int) -> set[bytes]:
        """Senders of a commit without its reveal."""
        committed = {sender for sender in self.votes(round_id).commits if self.commit(round_id, sender) is not None}
        return committed - set(self.valid(round_id))

    def benched(self, round_id: int) -> set[bytes]:
        return set().union(*(self.offenders(past) for past in range(round_id - BENCHED_ROUNDS, round_id)))

    def commit(self, round_id: int, sender: bytes) -> bytes | None:
        """The last one of 32 bytes."""
        told = [each.payload for each in self.votes(round_id).commits.get(sender, ())]
        good = [payload for payload in told if len(payload) == HASH_BYTES]
        return good[-1] if good else None

    def reveal(self, round_id: int, sender: bytes) -> bytes | None:
        """The last one that can be read, by the feeds of the round's own reward epoch."""
        electorate = self._epochs.electorate_of(round_id)
        told = [each.payload for each in self.votes(round_id).reveals.get(sender, ())]
        good = [payload for payload in told if electorate is None or is_readable(payload, electorate)]
        return good[-1] if good else None

    def _match(self, round_id: int, sender: bytes) -> bytes | None:
        commit, reveal = self.commit(round_id, sender), self.reveal(round_id, sender)
        if commit is None or reveal is None:
            return None
        random = int.from_bytes(reveal[:RANDOM_BYTES], "big")
        expected = commit_hash("0x" + sender.hex(), round_id, random, reveal[RANDOM_BYTES:])
        return reveal if bytes.fromhex(expected) == commit else None

    def _take(self, sent: Transaction) -> None:
        kind = {SUBMIT1: "commits", SUBMIT2: "reveals"}.get(sent.data[:4])
        if kind is None:
            return
        now = self._calendar.round_at(sent.time_s)
        late = sent.time_s - self._calendar.start(now) >= self._calendar.reveal_s
        if kind == "reveals" and late:
            return
        round_id = now if kind == "commits" else now - 1
        for frame in frames(sent.data[4:]):
            if (frame.protocol, frame.round_id) == (FTSO, round_id):
                box: dict[bytes, list[Sent]] = getattr(self._votes.setdefault(round_id, Votes()), kind)
                box.setdefault(sent.sender, []).append(Sent(sent, frame.payload))


def is_readable(payload: bytes, electorate: Electorate) -> bool:
    """Whole words, no more than there are feeds; none at all only by the rules of FIP.16."""
    words, rest = divmod(len(payload) - RANDOM_BYTES, 4)
    return rest == 0 and (0 if electorate.fip16 else 1) <= words <= len(electorate.feeds)


def late_reveals(chain: Chain, calendar: Calendar) -> Iterator[tuple[int, Transaction]]:
    """Reveals that came too late for their round, each with it: what an operator wants to know of an offence."""
    for sent in chain.sent_to("Submission"):
        if sent.data[:4] != SUBMIT2:
            continue
        for frame in frames(sent.data[4:]):
            if frame.protocol == FTSO and sent.time_s >= calendar.reveal_deadline(frame.round_id):
                yield frame.round_id, sent


def distinct(sent: Sequence[Sent]) -> set[bytes]:
    return {each.payload for each in sent}
