"""Finds a block by its time. Block times never go back, so they can be bisected."""

from collections.abc import Awaitable, Callable
from typing import Final

from chrono.chain.answers import Head

BLOCKS_PER_S: Final = 2
"""No chain of ours makes more, mostly; where one does, the search takes a few steps more."""

_LEAST: Final = 64


async def first_block_at(time_s: int, head: Head, header: Callable[[int], Awaitable[Head | None]]) -> int:
    """The first block whose time is `time_s` or later; the number of `head` when there is none before it.

    A block that nobody has counts as too old.
    """
    low, high = 0, head.number
    width = _LEAST + BLOCKS_PER_S * max(head.time_s - time_s, 0)
    while (edge := high - width) > low and await _is_late(edge, time_s, header):
        high, width = edge, 2 * width
    low = max(low, edge)
    while low < high:
        middle = (low + high) // 2
        if await _is_late(middle, time_s, header):
            high = middle
        else:
            low = middle + 1
    return low


async def _is_late(number: int, time_s: int, header: Callable[[int], Awaitable[Head | None]]) -> bool:
    found = await header(number)
    return found is not None and found.time_s >= time_s
