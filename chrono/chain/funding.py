"""Whether an account holds enough, for now and for days. No I/O; everything in wei.

A node takes a transaction only if the account holds the gas limit at the fee cap, though far less is paid, and Flare
refunds most of that. So a commit must leave the upfront amount of some reveals behind it.
"""

from collections import deque
from itertools import pairwise
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS

DAY_S: Final = 86_400
WARN_S: Final = 3 * DAY_S
PAGE_S: Final = DAY_S
WATCHED_S: Final = 3600
"""For so long at least an account is watched before anything is said of how long it lasts: one relay is no habit."""

_WATCHED_NS: Final = DAY_S * SECOND_NS


class Funding(Struct, frozen=True):
    """How an account stands. `runway_s` is None while nothing is spent, or it is not known how fast."""

    balance_wei: int
    runway_s: float | None
    low: bool
    """Less than three days are left, or less than the reserve."""
    critical: bool
    """Less than a day is left, or not even the reserve is."""


def most_fee_of(balance_wei: int, gas: int, value_wei: int = 0) -> int:
    """The highest fee cap that the account can put up for this gas limit; 0 when there is none."""
    return max(balance_wei - value_wei, 0) // max(gas, 1)


class BalanceWatch:
    """The balance of one account over a day, to see how long it will last. What comes in is not spending."""

    def __init__(self, reserve_wei: int) -> None:
        self._reserve_wei = reserve_wei
        self._seen: deque[tuple[int, int]] = deque()

    def told(self, balance_wei: int, now_ns: int) -> Funding:
        """Note a balance that nodes agreed on."""
        self._seen.append((now_ns, balance_wei))
        while len(self._seen) > 1 and self._seen[0][0] < now_ns - _WATCHED_NS:
            self._seen.popleft()
        runway_s = self._runway(balance_wei)
        short = balance_wei < self._reserve_wei
        low = short or (runway_s is not None and runway_s < WARN_S)
        return Funding(balance_wei, runway_s, low, short or (runway_s is not None and runway_s < PAGE_S))

    def _runway(self, balance_wei: int) -> float | None:
        balances = [balance for _, balance in self._seen]
        spent_wei = sum(max(before - after, 0) for before, after in pairwise(balances))
        seconds = (self._seen[-1][0] - self._seen[0][0]) / SECOND_NS
        if not spent_wei or seconds < WATCHED_S:
            return None
        return max(balance_wei - self._reserve_wei, 0) * seconds / spent_wei
