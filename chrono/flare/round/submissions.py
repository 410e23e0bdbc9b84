"""What each sender said in a round: its last commit, and its last reveal that can be read. Source: fsp.md section 2.

A later message displaces an earlier one only if it can be read: a commit of 32 bytes, a reveal whose values fit the
feeds of the round's own reward epoch.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.commit import Reveal, decode_commit, decode_reveal
from chrono.flare.frames import FTSO, SELECTOR_BYTES, frames_of
from chrono.flare.refusal import Refused
from chrono.flare.round.electorate import Electorate
from chrono.flare.round.transactions import RoundTransactions, Transaction

_Message = TypeVar("_Message")


class ReadReveal(Struct, frozen=True):
    """A reveal and the values in it, one for each feed; None where it is empty."""

    reveal: Reveal
    values: list[int | None]


class Submissions(Struct, frozen=True, dict=True):
    """The commits and reveals of one round, of everyone who sent any, voter or not."""

    voting_round_id: int
    commits: dict[Address, bytes]
    reveals: dict[Address, ReadReveal]

    @cached_property
    def matching(self) -> dict[Address, ReadReveal]:
        """The reveals that are what their senders committed to."""
        return {sender: read for sender, read in self.reveals.items() if self._matches(sender, read.reveal)}

    @cached_property
    def offenders(self) -> frozenset[Address]:
        """Everyone who committed, and did not reveal that in time."""
        return frozenset(self.commits.keys() - self.matching.keys())

    def _matches(self, sender: Address, reveal: Reveal) -> bool:
        # Who did not commit did not vote; that is no offence.
        return self.commits.get(sender) == reveal.commit_hash(sender, self.voting_round_id)


def read_submissions(voting_round_id: int, found: RoundTransactions, electorate: Electorate) -> Submissions:
    """Read the transactions of a round by the rules of its reward epoch. What cannot be read is passed over."""

    def read_reveal(payload: bytes) -> ReadReveal:
        reveal = decode_reveal(payload, random_only=electorate.accepts_random_only)
        return ReadReveal(reveal, reveal.values(len(electorate.feeds)))

    return Submissions(
        voting_round_id,
        dict(_read(found.commits, voting_round_id, decode_commit)),
        dict(_read(found.reveals, voting_round_id, read_reveal)),
    )


def _read(
    transactions: Iterable[Transaction], round_id: int, decode: Callable[[bytes], _Message]
) -> Iterator[tuple[Address, _Message]]:
    """Sender and message of every FTSO frame about the round that can be read, in the order of the chain."""
    for transaction in transactions:
        for payload in _payloads(transaction, round_id):
            try:
                yield transaction.sender, decode(payload)
            except Refused:
                continue


def _payloads(transaction: Transaction, round_id: int) -> list[bytes]:
    try:
        frames = frames_of(transaction.calldata[SELECTOR_BYTES:], FTSO)
    except Refused:
        # One bad frame makes the whole transaction void.
        return []
    return [frame.payload for frame in frames if frame.voting_round_id == round_id]
