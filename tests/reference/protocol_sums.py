"""Slow, obvious twins of the protocol's median and Merkle tree, in Python's whole numbers.

One line per sentence of fsp.md sections 3 and 4; the hash is another library's.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

Votes = tuple[int, int | None, int | None, int]


def median(values: Sequence[int | None], weights: Sequence[int]) -> Votes | None:
    """(median, quartile 1, quartile 3, weight). Whole sums are doubled or quadrupled instead of divided."""
    votes = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    votes.sort(key=lambda vote: vote[0])
    total = sum(weight for _, weight in votes)

    def up_to(place: int) -> int:
        return sum(weight for _, weight in votes[: place + 1])

    def from_there(place: int) -> int:
        return sum(weight for _, weight in votes[place:])

    middle = [place for place in range(len(votes)) if 2 * up_to(place) >= total]
    if not middle or (2 * up_to(middle[0]) == total and middle[0] + 1 == len(votes)):
        return None
    value = votes[middle[0]][0]
    if 2 * up_to(middle[0]) == total:
        value = (value + votes[middle[0] + 1][0]) // 2
    low = [votes[place][0] for place in range(len(votes)) if 4 * up_to(place) > total]
    high = [votes[place][0] for place in range(len(votes)) if 4 * from_there(place) > total]
    return value, low[0] if low else None, high[-1] if high else None, total


def root(leaves: Sequence[bytes]) -> bytes | None:
    """The root of the leaves, from its definition by recursion."""
    ordered = sorted(set(leaves))
    return _node(ordered, 0) if ordered else None


def climb(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Where a proof leads to."""
    for sibling in proof:
        leaf = keccak(min(leaf, sibling) + max(leaf, sibling))
    return leaf


def _node(ordered: list[bytes], place: int) -> bytes:
    inner = len(ordered) - 1
    if place >= inner:
        return ordered[place - inner]
    return climb(_node(ordered, 2 * place + 1), [_node(ordered, 2 * place + 2)])
