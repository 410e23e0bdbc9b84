"""Our own transactions on chain that the journal does not know: another instance, a restored backup, a lost journal.

Whoever finds one says nothing for two rounds, and never signs or commits again where the chain already speaks for us.
Before the first commit after a start, and at every new block, the last rounds are looked at. Source: failures.md 2A, 7.
"""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.epochs import Timing
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, decode_calldata
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import eth_signed, recover
from chrono.voting.journal import Journal

LOOKED_BACK_ROUNDS: Final = 2
"""So many voting epochs before the present one are looked at."""

SILENT_ROUNDS: Final = 2
"""So many rounds after an unknown submission we say nothing."""


class OwnAddresses(Struct, frozen=True, kw_only=True):
    """Every address of ours that may have been used in the rounds looked at: of this reward epoch and the last."""

    submit: frozenset[Address]
    submit_signatures: frozenset[Address]
    signing_policy: frozenset[Address]


class Unknown(Struct, frozen=True):
    """A frame that our address sent, and the journal does not hold."""

    function: SubmissionFunction
    protocol_id: int
    round_id: int
    """The round that the frame is about."""
    seen_in: int
    """The voting epoch of its block."""
    sender: Address
    block_number: int


def unknown_submissions(
    transactions: Iterable[Transaction],
    own: OwnAddresses,
    journal: Journal,
    timing: Timing,
    *,
    since_epoch: int,
    protocols: Collection[int] = (FTSO,),
) -> tuple[Unknown, ...]:
    """What our addresses sent in the voting epochs from `since_epoch` on that the journal does not hold.

    `protocols`: whose frames we send ourselves; those of others are not looked at.
    """
    senders = own.submit | own.submit_signatures
    found: list[Unknown] = []
    for transaction in transactions:
        epoch = timing.epoch_at(transaction.block_time_s * SECOND_NS)
        if transaction.sender not in senders or epoch.id < since_epoch:
            continue
        for function, frame in _frames(transaction):
            if frame.protocol_id in protocols and not _is_known(function, frame, own, journal):
                found.append(
                    Unknown(
                        function,
                        frame.protocol_id,
                        frame.voting_round_id,
                        epoch.id,
                        transaction.sender,
                        transaction.block_number,
                    )
                )
    return tuple(found)


class Strangers:
    """Keeps us silent for two rounds after each unknown submission. Not for several threads at once."""

    def __init__(self, journal: Journal, timing: Timing, protocols: Collection[int] = (FTSO,)) -> None:
        self.scanned = False
        """Whether the last rounds have been looked at since the start."""
        self.silent_through: int | None = None
        """The last round in which nothing new is said; None when there was no stranger."""
        self._journal = journal
        self._timing = timing
        self._protocols = frozenset(protocols)
        self._known: set[Unknown] = set()

    def scan(self, transactions: Iterable[Transaction], own: OwnAddresses, now_ns: int) -> tuple[Unknown, ...]:
        """Look at the last rounds: to be called when all their blocks are here, and at each new block after that.

        Returns what was not seen before. Raises: ChronoError(JOURNAL_BROKEN), when it cannot be remembered.
        """
        since = self._timing.epoch_at(now_ns).id - LOOKED_BACK_ROUNDS
        unknown = unknown_submissions(
            transactions, own, self._journal, self._timing, since_epoch=since, protocols=self._protocols
        )
        fresh = tuple(each for each in unknown if each not in self._known)
        if fresh:
            through = max(each.seen_in for each in fresh) + SILENT_ROUNDS
            self.silent_through = max(through, self.silent_through or through)
            self._journal.raise_mark(self._closed_through(fresh))
            self._known = {*(each for each in self._known if each.seen_in >= since), *fresh}
        self.scanned = True
        return fresh

    def _closed_through(self, unknown: Iterable[Unknown]) -> int:
        """What was said once is never said again; a frame that names a round of the future is no reason to stop."""
        return max(min(each.round_id, each.seen_in) for each in unknown)


def _frames(transaction: Transaction) -> list[tuple[SubmissionFunction, Frame]]:
    try:
        function, frames = decode_calldata(transaction.calldata)
    except Malformed:
        return []
    return [(function, frame) for frame in frames]


def _is_known(function: SubmissionFunction, frame: Frame, own: OwnAddresses, journal: Journal) -> bool:
    """Whether the journal holds these bytes, or the result that this signature is of."""
    if function is not SubmissionFunction.SUBMIT_SIGNATURES:
        return journal.payload(function, frame.protocol_id, frame.voting_round_id) == frame.payload
    bound = journal.bound(frame.protocol_id, frame.voting_round_id)
    if bound is None:
        return False
    try:
        signature = SignaturePayload.decode(frame.payload).signature
    except Malformed:
        return False
    return recover(eth_signed(bound), signature) in own.signing_policy
