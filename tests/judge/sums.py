"""Medians, the round's random, leaves and the Merkle root, each written as plainly as it can be said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from tests.judge.words import left, number

BIPS = 10_000


@dataclass(frozen=True)
class Median:
    value: int
    quartile1: int | None
    quartile3: int | None
    participating: int


class NoResultError(ValueError):
    """The reference itself throws here: there is no result to sign."""


def median(values: Sequence[int | None], weights: Sequence[int]) -> Median | None:
    """Of the votes that are not empty, in policy order; None without any."""
    votes = sorted(
        ((value, weight) for value, weight in zip(values, weights, strict=True) if value is not None),
        key=lambda vote: vote[0],
    )
    if not votes:
        return None
    total = sum(weight for _, weight in votes)
    return Median(_middle(votes, total), _quartile(votes, total), _quartile(votes[::-1], total), total)


def _middle(votes: Sequence[tuple[int, int]], total: int) -> int:
    half = total // 2 + total % 2
    reached = 0
    for place, (value, weight) in enumerate(votes):
        reached += weight
        if reached >= half:
            if reached > half or total % 2:
                return value
            if place + 1 == len(votes):
                raise NoResultError("a single vote without weight")
            return (value + votes[place + 1][0]) // 2
    raise AssertionError("half of a sum is reached by the sum")


def _quartile(votes: Sequence[tuple[int, int]], total: int) -> int | None:
    reached = 0
    for value, weight in votes:
        reached += weight
        if reached > total // 4:
            return value
    return None


def turnout_bips(participating: int, total: int) -> int:
    return participating * BIPS // total


def random_of(
    reveals: Mapping[bytes, int], offenders: Collection[bytes], benched: Collection[bytes]
) -> tuple[int, bool]:
    """The sum of those who are not benched, and whether it is secure."""
    counted = [random for voter, random in reveals.items() if voter not in benched]
    fresh = [voter for voter in offenders if voter not in benched]
    return sum(counted) % 2**256, not fresh and len(counted) >= 2


def feed_leaf(round_id: int, feed: bytes, value: int, turnout: int, decimals: int) -> bytes:
    return keccak(number(round_id) + left(feed) + number(value) + number(turnout) + number(decimals))


def random_leaf(round_id: int, random: int, is_secure: bool) -> bytes:
    return keccak(number(round_id) + number(random) + number(is_secure))


def merkle_root(leaves: Collection[bytes]) -> bytes:
    """Leaves in order, each once; a heap whose every node hashes its two children in order."""
    level = sorted(set(leaves))
    nodes = [b""] * (len(level) - 1) + level
    for place in range(len(level) - 2, -1, -1):
        nodes[place] = keccak(b"".join(sorted(nodes[2 * place + 1 : 2 * place + 3])))
    return nodes[0]


def policy_hash(encoded: bytes) -> bytes:
    padded = encoded + bytes(-len(encoded) % 32)
    chunks = [padded[place : place + 32] for place in range(0, len(padded), 32)]
    sum_ = chunks[0]
    for chunk in chunks[1:]:
        sum_ = keccak(sum_ + chunk)
    return sum_


def decode_values(encoded: bytes) -> list[int | None]:
    """One word of four bytes each; zero is an empty vote."""
    numbers = [int.from_bytes(encoded[place : place + 4], "big") for place in range(0, len(encoded), 4)]
    return [each - 2**31 if each else None for each in numbers]
