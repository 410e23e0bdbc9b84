"""The part of the chain's history that a vote needs, in memory: linked blocks, submissions, and events. No I/O.

Bounded by time: transactions of the last rounds, events of the last reward epochs. A block that does not follow on the
newest one is refused, and the newest can be taken back.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from chrono.chain.answers import Block, Head, Log
from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import decode_event
from chrono.flare.contracts.events import Event
from chrono.flare.epochs import Timing, VotingEpoch
from chrono.flare.round.transactions import Transaction

KEPT_ROUNDS: Final = 22
"""The round at hand, the one before it, and the twenty whose offenders are benched. Source: fsp.md section 3."""

KEPT_REWARD_EPOCHS: Final = Fraction(5, 2)
"""The offers of reward epoch e are made while e - 1 begins, and e may last longer than it should: half an epoch is
allowed for that. Source: fsp.md sections 1 and 2.
"""


class Told(Struct, frozen=True):
    """An event, and where in the chain it stands."""

    event: Event
    contract: Address
    block_number: int
    index: int
    block_time_s: int

    @property
    def place(self) -> tuple[int, int]:
        """Block, then index in the block."""
        return self.block_number, self.index


class Unlinked(ValueError):  # noqa: N818 - said of a block
    """The block does not follow on the newest one."""


class Ledger:
    """What was read of the chain. `from_block` is the first block whose transactions are here, None before any is."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._heads: deque[Head] = deque()
        self._transactions: deque[Transaction] = deque()
        self._events: list[Told] = []
        self.unread_logs = 0
        """Logs that carry a known topic and not what it promises."""

    @property
    def tip(self) -> Head | None:
        """The newest block; None before one was read."""
        return self._heads[-1] if self._heads else None

    @property
    def from_block(self) -> Head | None:
        """The oldest block whose transactions are here."""
        return self._heads[0] if self._heads else None

    @property
    def transactions(self) -> Sequence[Transaction]:
        """To the Submission and Relay contracts, in the order of the chain; `flare.round` sorts them into rounds."""
        return tuple(self._transactions)

    @property
    def events(self) -> Sequence[Told]:
        """In the order of the chain."""
        return tuple(self._events)

    def head_at(self, number: int) -> Head | None:
        """The header of a block that was read whole."""
        first = self.from_block
        if first is None or not first.number <= number < first.number + len(self._heads):
            return None
        return self._heads[number - first.number]

    def extend(self, block: Block, logs: Iterable[Log]) -> None:
        """Put a block on top. Raises: Unlinked."""
        head = block.head
        tip = self.tip
        if tip is not None and (head.number != tip.number + 1 or head.parent_hash != tip.hash):
            raise Unlinked(f"block {head.number} does not follow on block {tip.number}")
        logs = list(logs)
        if any(log.block_hash != head.hash for log in logs):
            raise Unlinked(f"logs of another block {head.number}")
        self._heads.append(head)
        self._transactions += [
            Transaction(each.sender, each.to, each.data, head.number, each.index, head.time_s)
            for each in sorted(block.transactions, key=lambda each: each.index)
        ]
        if logs:  # few blocks have any, and there are thousands of events to hold them against
            self.add_logs(logs, {head.number: head.time_s})
        self._prune(head.time_s)

    def take_back(self) -> None:
        """Forget the newest block. Raises: IndexError when there is none."""
        gone = self._heads.pop()
        while self._transactions and self._transactions[-1].block_number >= gone.number:
            self._transactions.pop()
        self._events = [told for told in self._events if told.block_number < gone.number]

    def add_logs(self, logs: Iterable[Log], times_s: dict[int, int]) -> None:
        """Add older events; those that are here already are left out. `times_s`: block times by number."""
        known = {told.place for told in self._events}
        for log in logs:
            try:
                event = decode_event(log.topics, log.data)
            except Malformed:
                self.unread_logs += 1
                continue
            told = None if event is None else self._told(event, log, times_s[log.block_number])
            if told is not None and told.place not in known:
                self._events.append(told)
        self._events.sort(key=lambda told: told.place)

    def first_needed_s(self, at_s: int) -> int:
        """Since when transactions are needed at this time: seconds since 1970 UTC."""
        epoch = self._timing.epoch_at(at_s * SECOND_NS)
        return VotingEpoch(epoch.id - KEPT_ROUNDS + 1, self._timing).start_s

    def first_event_s(self, at_s: int) -> int:
        """Since when events are needed at this time."""
        rounds = int(KEPT_REWARD_EPOCHS * self._timing.rounds_per_reward_epoch) + KEPT_ROUNDS
        return self.first_needed_s(at_s) - rounds * self._timing.epoch_s

    def _told(self, event: Event, log: Log, time_s: int) -> Told:
        return Told(event, log.address, log.block_number, log.index, time_s)

    def _prune(self, at_s: int) -> None:
        needed_s, event_s = self.first_needed_s(at_s), self.first_event_s(at_s)
        while self._heads[0].time_s < needed_s:
            self._heads.popleft()
        while self._transactions and self._transactions[0].block_time_s < needed_s:
            self._transactions.popleft()
        if self._events and self._events[0].block_time_s < event_s:
            self._events = [told for told in self._events if told.block_time_s >= event_s]
