"""Submissions on chain, and which round each of them is about. Source: fsp.md sections 1 and 2.

Only transactions straight to the Submission contract count, and they count whether they succeeded or not: the
reference reads their calldata and never asks for the receipt.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.epochs import Timing
from chrono.flare.frames import SELECTOR_BYTES, SubmissionFunction

_COMMIT: Final = SubmissionFunction.SUBMIT1.value
_REVEAL: Final = SubmissionFunction.SUBMIT2.value


class Transaction(Struct, frozen=True):
    """A top-level transaction of the chain. `block_time_s` is its block's, in whole seconds since 1970 UTC."""

    sender: Address
    to: Address | None
    """None when it created a contract."""
    calldata: bytes
    block_number: int
    index: int
    block_time_s: int
    succeeded: bool = True
    """What its receipt says; it does not matter for commits and reveals."""

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands on chain: block, then index in the block."""
        return self.block_number, self.index


class RoundTransactions(Struct, frozen=True):
    """The commits and reveals that came in the windows of one round, in the order of the chain; not yet read."""

    commits: list[Transaction]
    reveals: list[Transaction]


def by_round(transactions: Iterable[Transaction], submission: Address, timing: Timing) -> dict[int, RoundTransactions]:
    """The transactions of each round, by the time of their block. Late reveals belong to none.

    Transactions to another contract than `submission`, or of another function, are left out.
    """
    rounds: dict[int, RoundTransactions] = {}
    for transaction in sorted(transactions, key=lambda each: each.place):
        if transaction.to != submission:
            continue
        selector = transaction.calldata[:SELECTOR_BYTES]
        epoch_id, since_s = _when(transaction, timing)
        if selector == _COMMIT:
            _of(rounds, epoch_id).commits.append(transaction)
        elif selector == _REVEAL and since_s < timing.reveal_s:
            _of(rounds, epoch_id - 1).reveals.append(transaction)
    return rounds


def _when(transaction: Transaction, timing: Timing) -> tuple[int, int]:
    """The voting epoch of a transaction's block, and the seconds since it began."""
    epoch = timing.epoch_at(transaction.block_time_s * SECOND_NS)
    return epoch.id, transaction.block_time_s - epoch.start_s


def _of(rounds: dict[int, RoundTransactions], round_id: int) -> RoundTransactions:
    return rounds.setdefault(round_id, RoundTransactions([], []))
