"""Which blocks of a reward epoch are ours to update, computed ahead of time.

A draw depends on the epoch's seed, the block and the replicate alone, so that all winners can be found
once the seed is known: a replicate costs a few tens of microseconds, a whole epoch some minutes.
Find them under the highest cutoff that may come, since incentives raise it for some blocks, and ask for
the real cutoff of a block when it is there. Source: fsp.md section 8.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from chrono_core import SortitionKey

DRAWS_PER_PART = 2_000
"""Draws between two reports of progress: about a tenth of a second."""


class Ticket(Struct, frozen=True, order=True):
    """A draw that wins under the cutoff it was found with; the proof is made when it is used."""

    block: int
    replicate: int
    score: int


class Part(Struct, frozen=True):
    """The winners of some consecutive blocks: [first_block, end_block)."""

    first_block: int
    end_block: int
    tickets: tuple[Ticket, ...]


class Schedule(Struct, frozen=True):
    """The winners of the blocks [first_block, end_block), ascending."""

    first_block: int
    end_block: int
    tickets: tuple[Ticket, ...]

    def at(self, block: int, cutoff: int) -> tuple[Ticket, ...]:
        """The draws of a block that win under its real cutoff. Raises: ValueError for a block that was not drawn."""
        if not self.first_block <= block < self.end_block:
            raise ValueError(f"block {block} is outside the schedule, {self.first_block} to {self.end_block - 1}")
        first = bisect_left(self.tickets, block, key=lambda ticket: ticket.block)
        last = bisect_left(self.tickets, block + 1, lo=first, key=lambda ticket: ticket.block)
        return tuple(ticket for ticket in self.tickets[first:last] if ticket.score <= cutoff)


def draw_parts(
    key: SortitionKey,
    seed: int,
    blocks: range,
    weight: int,
    cutoff: int | Callable[[int], int],
    draws_per_part: int = DRAWS_PER_PART,
) -> Iterator[Part]:
    """Draw every replicate of `blocks` (step 1), a part at a time, so that a caller can tell progress and stop.

    `cutoff` is one score for all blocks, or a function of the block. Other threads run meanwhile.
    Raises: ValueError.
    """
    if blocks.step != 1:
        raise ValueError("the blocks of a schedule are consecutive")
    per_part = max(1, draws_per_part // max(1, weight))
    for first in range(blocks.start, blocks.stop, per_part):
        part = range(first, min(first + per_part, blocks.stop))
        cutoffs = [cutoff if isinstance(cutoff, int) else cutoff(block) for block in part]
        found = key.winners(seed, first, cutoffs, weight)
        yield Part(first, part.stop, tuple(Ticket(*winner) for winner in found))


def assemble(parts: Sequence[Part]) -> Schedule:
    """The schedule of parts that follow one another. Raises: ValueError for a gap, or for no part."""
    if not parts:
        raise ValueError("a schedule has one part at least")
    for earlier, later in pairwise(parts):
        if earlier.end_block != later.first_block:
            raise ValueError(f"blocks {earlier.end_block} to {later.first_block - 1} were not drawn")
    tickets = tuple(ticket for part in parts for ticket in part.tickets)
    return Schedule(parts[0].first_block, parts[-1].end_block, tickets)
