"""Budgets of a reward epoch once more, slowly: by trying how many more misses an epoch bears, with exact fractions."""

from collections.abc import Sequence
from fractions import Fraction

ENOUGH_OF_UPDATES = Fraction(80, 100)
ENOUGH_OF_FDC_ROUNDS = Fraction(60, 100)


def updates_of(events: Sequence[tuple[int, bytes]], ours: bytes, first: int, before: int) -> tuple[int, int]:
    """Of events (round, signing address): those of rounds [first, before) that are ours, and all of them."""
    within = [signer for round_id, signer in events if first <= round_id < before]
    return sum(signer == ours for signer in within), len(within)


def updates_left(weight: int, whole: int, made: int, by_all: int, counted: int, rounds: int) -> int | None:
    """How many of our updates to come may be missing; None when none are asked of us.

    The share that is enough is cut to parts per million, as the reference cuts it.
    """
    if weight * 10**6 // whole < 2000 or not by_all:
        return None
    at_end = by_all * rounds // counted
    to_come = weight * (at_end - by_all) // whole
    share = Fraction(int(weight * ENOUGH_OF_UPDATES * 10**6) // whole, 10**6)
    missing = 0
    while made + to_come - (missing + 1) >= share * at_end:
        missing += 1
    return missing


def fdc_left(rewarded: int, rewarding: int, counted: int, over: int, rounds: int) -> int | None:
    """How many rounds more may go unrewarded, if none of those that nobody counted rewarded us; None: not known."""
    if not rewarding:
        return None
    at_end = rewarding * rounds // counted
    best = at_end - (rewarding - rewarded)
    if best - 1 < ENOUGH_OF_FDC_ROUNDS * at_end:
        return 0
    sure = best - max(over - counted, 0)
    missing = 0
    while sure - (missing + 1) >= ENOUGH_OF_FDC_ROUNDS * at_end:
        missing += 1
    return missing or None
