"""Reads logs of any range in pieces that the nodes answer, several at once, each only where two nodes tell the same.

Nodes cap blocks (30 on public ones of Flare, 1,000 elsewhere), results, and questions in a second, and say so in words
of their own: so a refusal halves the piece, and the greatest that passes is searched for.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from chrono.chain.answers import Head, Log
from chrono.chain.block_search import first_block_at
from chrono.chain.pool import Pool
from chrono.chain.ports import LogQuery, NodePort
from chrono.errors import HISTORY_CUT, NODE_REFUSED, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.flare.address import Address

AT_ONCE: Final = 8
"""Questions that are under way together, to each node."""

_TRUSTED: Final = 64
"""After so many pieces that passed, a limit that was found is doubted, as it may have been one of results; then after
twice as many, and so on.
"""

_NOT_YET: Final = ("after last accepted block", "cannot query unfinalized data", "beyond current head")
"""How coreth and geth refuse blocks that they have not got yet: behind one address there may be several nodes. Unlike a
cap, this passes by waiting.
"""

_Found = TypeVar("_Found")


class LogReader:
    """The logs of a chain. `most_blocks` is what is asked for at once as long as nobody refuses it."""

    def __init__(self, pool: Pool, most_blocks: int) -> None:
        self._pool = pool
        self._wished = most_blocks
        self._most = most_blocks
        self._size = most_blocks
        self._passed = 0
        self._trusted = _TRUSTED
        self._at_once = AT_ONCE

    @property
    def batch(self) -> int:
        """How many blocks are best asked for together now."""
        return self._size * self._at_once

    @property
    def size(self) -> int:
        """About how many blocks one question is now."""
        return self._size

    async def read(self, first: int, last: int, addresses: Sequence[Address], topics: Sequence[bytes]) -> list[Log]:
        """The logs of a range, in the order of the chain.

        Raises: ChronoError(HISTORY_CUT) when not even one block is answered, NODES_DISAGREE, and as `Pool.ask`.
        """
        size = self._size
        starts = range(first, last + 1, size)
        parts = []
        for place in range(0, len(starts), AT_ONCE):
            queries = [
                LogQuery(start, min(start + size - 1, last), tuple(addresses), tuple(topics))
                for start in starts[place : place + AT_ONCE]
            ]
            parts += await together([self._part(query) for query in queries])
        return [log for part in parts for log in part]

    async def times(self, logs: Sequence[Log]) -> dict[int, int]:
        """The times of the logs' blocks, by number."""
        numbers = sorted({each.block_number for each in logs})
        times: dict[int, int] = {}
        for start in range(0, len(numbers), AT_ONCE):
            heads = await together([self.header(number) for number in numbers[start : start + AT_ONCE]])
            times |= {head.number: head.time_s for head in heads}
        return times

    async def header(self, number: int) -> Head:
        """A header on which two nodes agree. Raises: as `Pool.agreed`."""
        return await self._pool.agreed(lambda node: node.header(number))

    async def known_header(self, number: int) -> Head | None:
        """A header on which two nodes agree; None for a block that too few of them have (any more)."""
        needed = self._pool.witnesses
        told = await self._pool.answers(lambda node: node.header(number), needed, alike=True)
        heads = Counter(head for head in told.values() if head is not None).most_common(1)
        if heads and heads[0][1] >= needed:
            return heads[0][0]
        without = sum(head is None for head in told.values())
        if without >= needed or (without and len(told) == len(self._pool.standings)):
            return None
        reason = NODES_DISAGREE if len(told) - without >= needed else NOT_CONFIRMED
        raise ChronoError(reason, what="a header", number=number, answered=",".join(told))

    async def first_at(self, time_s: int, head: Head) -> int:
        """The first block whose time is `time_s` or later, of those that the nodes still have.

        Raises: ChronoError(NOT_CONFIRMED, NODES_DISAGREE): where history begins is not the word of a single node.
        """
        return await first_block_at(time_s, head, self.known_header)

    async def whole_since(self, first: int, time_s: int) -> int:
        """Since when everything is read by whoever reads from block `first` on, which `first_at` gave for `time_s`.

        Later than that where the nodes have forgotten what lies before.
        """
        if not first or await self.known_header(first - 1) is not None:
            return time_s
        return (await self.header(first)).time_s + 1

    async def _part(self, query: LogQuery) -> list[Log]:
        """One piece, or what has become of it after refusals."""
        found: list[Log] = []
        first = query.first_block
        while first <= query.last_block:
            last = min(first + self._size - 1, query.last_block)
            try:
                found += await self._piece(LogQuery(first, last, query.addresses, query.topics))
            except ChronoError as error:
                if error.reason not in (NODE_REFUSED, NOT_CONFIRMED):
                    raise
                self._smaller(last - first + 1, error)
                continue
            self._greater(last - first + 1)
            first = last + 1
        return found

    def _greater(self, passed: int) -> None:
        """A piece passed: the next ones go half the way to the least that was refused."""
        self._at_once = min(self._at_once + 1, AT_ONCE)
        if passed < self._size:
            return
        self._passed += 1
        if self._passed >= self._trusted:
            self._passed, self._trusted = 0, 2 * self._trusted
            self._most = min(2 * self._most, self._wished)
        self._size = max(self._size, (self._size + self._most + 1) // 2)

    def _smaller(self, asked: int, error: ChronoError) -> None:
        """Ask for half as much from now on. A refusal is for long; nodes that are busy may give more soon.

        Raises: ChronoError(HISTORY_CUT) when a single block is refused, and `error` when nobody refused anything: then
        some time should pass.
        """
        self._size = min(self._size, max(asked // 2, 1))
        self._passed = 0
        if error.reason is not NODE_REFUSED:
            self._at_once = max(self._at_once // 2, 1)
            raise error
        if asked <= 1:
            raise ChronoError(HISTORY_CUT, cause=str(error)) from error
        self._most = min(self._most, asked - 1)

    async def _piece(self, query: LogQuery) -> tuple[Log, ...]:
        """The logs on which two nodes agree.

        Raises: ChronoError(NODE_REFUSED) when too few answer because one refuses, NOT_CONFIRMED, NODES_DISAGREE.
        """
        refused: list[ChronoError] = []

        async def question(node: NodePort) -> tuple[Log, ...]:
            try:
                return tuple(await node.logs(query))
            except ChronoError as error:
                refused.extend([error] if error.reason is NODE_REFUSED and not _is_behind(error) else [])
                raise

        told = await self._pool.answers(question, self._pool.witnesses, alike=True)
        counted = Counter(told.values()).most_common(1)
        if counted and counted[0][1] >= self._pool.witnesses:
            return counted[0][0]
        if len(told) >= self._pool.witnesses:
            raise ChronoError(NODES_DISAGREE, what="logs", first=query.first_block, last=query.last_block)
        if refused:
            raise refused[0]
        raise ChronoError(NOT_CONFIRMED, what="logs", answered=",".join(told), needed=self._pool.witnesses)


def _is_behind(refusal: ChronoError) -> bool:
    said = str(refusal.facts.get("said", "")).lower()
    return any(words in said for words in _NOT_YET)


async def together(asked: Sequence[Awaitable[_Found]]) -> list[_Found]:
    """All answers. All have ended when the first failure is raised."""
    ended = await asyncio.gather(*asked, return_exceptions=True)
    found: list[_Found] = []
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        found.append(each)
    return found
