"""The network's weighted median with its quartiles, in whole numbers of any width.

Source: fsp.md section 3. Every provider of the network computes the same integers from the same votes;
the sums are `chrono_core`'s.
"""

from collections.abc import Sequence

from msgspec import Struct

import chrono_core


class Median(Struct, frozen=True):
    """What the votes on one feed give, in the feed's integer; the weight in the unit of the weights.

    The quartiles are None when several voted and none of them has any weight.
    """

    value: int
    quartile1: int | None
    quartile3: int | None
    participating_weight: int


def weighted_median(values: Sequence[int | None], weights: Sequence[int]) -> Median | None:
    """The median of one feed: a value, or None for no vote, and a weight for every voter, in policy order.

    None when there is no result: nobody voted, or the only vote has no weight (the reference throws
    there). Values and weights may be integers of any width; equal values are read in the order given.

    Raises: ValueError for columns of different length or a negative weight.
    """
    found = chrono_core.vote_median(values, weights)
    return None if found is None else Median(*found)


def weighted_medians(columns: Sequence[Sequence[int | None]], weights: Sequence[int]) -> list[Median | None]:
    """`weighted_median` of every feed of a round: a column of values per feed, the weights read once.

    Raises: ValueError.
    """
    found = chrono_core.vote_medians(columns, weights)
    return [None if feed is None else Median(*feed) for feed in found]
