"""Reads the fast updates of the reward epoch that runs, from its first block on, gently: nothing of a vote needs them.

An epoch has hundreds of thousands of them, so only numbers by round are kept. Pieces are small, with a rest between
them, since the rounds live in the same loop; and what is read lies deep enough that no block of it is taken back.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from chrono.chain.answers import Head, Log
from chrono.chain.log_reader import LogReader
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import SECOND_NS, Clock
from chrono.errors import (
    CONTRACT_MISSING,
    COUNT_INCOMPLETE,
    EPOCH_UNKNOWN,
    HISTORY_CUT,
    NOT_A_VOTER,
    ChronoError,
    Reason,
)
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS, decode_event
from chrono.flare.contracts.events import FastUpdateFeedsSubmitted
from chrono.flare.epochs import Timing, VotingEpoch
from chrono.voting.budget_updates import UpdatesSeen, UpdateTally
from chrono.voting.epochs import EpochBook

PIECE_BLOCKS: Final = 250
REST_S: Final = 0.5
"""Between two pieces."""
DEPTH: Final = 20
"""Blocks above the last one that is read: deeper than any that is taken back."""
LATE_ROUNDS: Final = 5
"""Further behind, what was counted is not told as what is known now."""
TRY_AGAIN_S: Final = 15.0
CUT_AGAIN_S: Final = 600.0
"""Where no node has the beginning of the epoch: only another node helps."""

_CONTRACT: Final = "FastUpdater"
_TOPIC: Final = next(each.topic for each in EVENTS if each.name == "FastUpdateFeedsSubmitted")

log = structlog.get_logger()


class UpdateReader:
    """The updates of one reward epoch after another. `run` is a supervised part; call it for what is known now."""

    def __init__(
        self,
        *,
        pool: Pool,
        contracts: Callable[[], Contracts],
        head: Callable[[], Head | None],
        book: EpochBook,
        timing: Timing,
        identity: Address,
        clock: Clock,
    ) -> None:
        """`head` is the newest block whose history is known; None while that is being read."""
        self._contracts = contracts
        self._head = head
        self._book = book
        self._timing = timing
        self._identity = identity
        self._clock = clock
        self._reader = LogReader(pool, PIECE_BLOCKS)
        self._tally: UpdateTally | None = None
        self._next = 0
        self._read_s: int | None = None
        self._reason: Reason | None = COUNT_INCOMPLETE
        self._own_block: int | None = None

    def __call__(self) -> UpdatesSeen:
        """What is known now; the reason says why that is not enough."""
        tally, now, since = self._tally, self._timing.round_at(self._clock.now_ns()).id, self._blocks_since_last
        if tally is None or self._read_s is None or tally.reward_epoch_id != self._book.reward_epoch_of(now):
            return UpdatesSeen(reason=self._reason or COUNT_INCOMPLETE, blocks_since_last=since)
        before = max(self._timing.round_at(self._read_s * SECOND_NS).id, tally.first_round)
        is_late = now - before > LATE_ROUNDS or before == tally.first_round
        return UpdatesSeen(
            reward_epoch_id=tally.reward_epoch_id,
            counted=tally.of(before),
            reason=(self._reason or COUNT_INCOMPLETE) if is_late else None,
            blocks_since_last=since,
        )

    @property
    def _blocks_since_last(self) -> int | None:
        head = self._head()
        return None if head is None or self._own_block is None else head.number - self._own_block

    async def run(self) -> None:
        """Read for ever."""
        while True:
            try:
                more = await self.look()
            except ChronoError as error:
                if self._reason is not error.reason:
                    log.warning("fast_updates_unread", cause=str(error))
                self._reason = error.reason
                await self._clock.sleep(CUT_AGAIN_S if error.reason is HISTORY_CUT else TRY_AGAIN_S)
            else:
                await self._clock.sleep(REST_S if more else min(TRY_AGAIN_S, self._timing.epoch_s / 3))

    async def look(self) -> bool:
        """Read one piece, if there is one. Whether there is more.

        Raises: ChronoError; what was read stays. HISTORY_CUT: no node has the beginning of the reward epoch.
        """
        head, addresses = self._head(), self._contracts().addresses((_CONTRACT,))
        if not addresses:
            self._reason = CONTRACT_MISSING
        tally = None if head is None or not addresses else await self._begin(head)
        if head is None or tally is None:
            return False
        newest = head.number - DEPTH
        last = min(self._next + min(PIECE_BLOCKS, self._reader.size) - 1, newest)
        if last < self._next:
            return False
        logs = await self._reader.read(self._next, last, addresses, (_TOPIC,))
        read_s = (await self._reader.header(last)).time_s if last == newest else self._read_s
        self._count(tally, logs)
        self._next, self._read_s, self._reason = last + 1, read_s, None
        return last < newest

    async def _begin(self, head: Head) -> UpdateTally | None:
        """Turn to the reward epoch of the newest block. None where it is unknown, or we are no voter of it."""
        epoch = self._book.reward_epoch_of(self._timing.round_at(head.time_s * SECOND_NS).id)
        facts = None if epoch is None else self._book.facts(epoch)
        member = None if facts is None else facts.membership(self._identity)
        if facts is None or member is None:
            self._reason = EPOCH_UNKNOWN if facts is None else NOT_A_VOTER
            return None
        if self._tally is None or self._tally.reward_epoch_id != facts.reward_epoch_id:
            first_round = facts.policy.start_voting_round_id
            since_s = VotingEpoch(first_round, self._timing).start_s
            first = await self._reader.first_at(since_s, head)
            if await self._reader.whole_since(first, since_s) > since_s:
                raise ChronoError(HISTORY_CUT, what="the blocks since the reward epoch began", first=first)
            self._next = first
            self._tally = UpdateTally(facts.reward_epoch_id, first_round, member.signing_policy)
            self._read_s = None
        return self._tally

    def _count(self, tally: UpdateTally, logs: Sequence[Log]) -> None:
        for each in logs:
            try:
                event = decode_event(each.topics, each.data)
            except Malformed:
                continue
            if isinstance(event, FastUpdateFeedsSubmitted):
                tally.count(event.voting_round_id, event.signing_policy_address)
                if event.signing_policy_address == tally.signing:
                    self._own_block = each.block_number
