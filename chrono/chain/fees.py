"""What to offer for a unit of gas, and how much that may come to. No I/O; everything in wei.

The rule is that of Flare's own client: tip = 2 x base fee within 100 and 5000 gwei, cap = 4 x base fee + tip, and with
each attempt both factors grow by 1 and the bounds of the tip by 11 %. Source: fsp.md section 6, "Gas".
"""

from collections import deque
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.flare.units import BIPS, GWEI

BUMP_BIPS: Final = 1100
"""A replacement offers at least so much more of both; nodes ask for 1000. Source: fsp.md section 6."""

HOUR_NS: Final = 3600 * SECOND_NS
_MOST_FACTOR: Final = 100
_MOST_ATTEMPT: Final = 40
"""11 % forty times is a factor of 65; beyond, caps are what decides."""


class Fee(Struct, frozen=True):
    """What a transaction offers for a unit of gas."""

    max_fee_wei: int
    max_priority_fee_wei: int


class FeeRules(Struct, frozen=True, kw_only=True):
    """How fees follow the chain. Raises: ValueError for numbers with which no transaction could be sent."""

    base_factor: int = 4
    tip_factor: int = 2
    least_tip_wei: int = 100 * GWEI
    most_tip_wei: int = 5000 * GWEI
    unknown_base_fee_wei: int = 25 * GWEI
    """Taken for the base fee when no node tells one: what Flare asks in quiet times."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        whole = {name: getattr(self, name) for name in self.__struct_fields__}
        if any(type(value) is not int for value in whole.values()):
            raise ValueError(f"fees are counted in whole numbers: {whole}")
        if not (1 <= self.base_factor <= _MOST_FACTOR and 0 <= self.tip_factor <= _MOST_FACTOR):
            raise ValueError(f"factors lie between 1 and {_MOST_FACTOR}: {self.base_factor}, {self.tip_factor}")
        if not 1 <= self.least_tip_wei <= self.most_tip_wei or self.unknown_base_fee_wei < 1:
            raise ValueError(f"tips and fees are at least 1 wei, the most no less than the least: {whole}")


class FeeCaps(Struct, frozen=True, kw_only=True):
    """What one kind of transaction may offer. A reveal's are higher than a commit's."""

    most_fee_wei: int
    """For a unit of gas, tip included."""
    most_cost_wei: int
    """For the whole transaction: its gas limit times its fee cap."""

    def __post_init__(self) -> None:
        """Refuse what nothing could be sent with."""
        if min(self.most_fee_wei, self.most_cost_wei) < 1:
            raise ValueError("caps of nothing let nothing pass")

    def most_for(self, gas: int) -> int:
        """The highest fee cap of a transaction with this gas limit."""
        return min(self.most_fee_wei, self.most_cost_wei // max(gas, 1))


def fee_for(base_fee_wei: int | None, attempt: int, rules: FeeRules) -> Fee:
    """What attempt 0, 1, … of an intent offers at this base fee; None where no node tells one."""
    base = rules.unknown_base_fee_wei if base_fee_wei is None else base_fee_wei
    grown = min(attempt, _MOST_ATTEMPT)
    least, most = (_grown(bound, grown) for bound in (rules.least_tip_wei, rules.most_tip_wei))
    tip = min(max((rules.tip_factor + attempt) * base, least), most)
    return Fee((rules.base_factor + attempt) * base + tip, tip)


def bumped(fee: Fee, over: Fee | None) -> Fee:
    """`fee`, raised so far that it replaces one that offered `over`."""
    if over is None:
        return fee
    most, tip = (_up(value) for value in (over.max_fee_wei, over.max_priority_fee_wei))
    return Fee(max(fee.max_fee_wei, most), max(fee.max_priority_fee_wei, tip))


def capped(fee: Fee, most_fee_wei: int) -> Fee:
    """`fee` within a cap; the tip never above it."""
    most = min(fee.max_fee_wei, most_fee_wei)
    return Fee(most, min(fee.max_priority_fee_wei, most))


def replaces(fee: Fee, over: Fee | None) -> bool:
    """Whether a node takes `fee` in place of `over`, by our own margin."""
    return over is None or bumped(fee, over) == fee


class HourlyBudget:
    """What an account spent within the last hour, of what it may. A reserve in it is for what is owed only."""

    def __init__(self, most_wei: int, owed_reserve_wei: int = 0) -> None:
        if not 0 <= owed_reserve_wei <= most_wei:
            raise ValueError("the reserve is a part of the budget")
        self._most_wei = most_wei
        self._reserve_wei = owed_reserve_wei
        self._spent: deque[tuple[int, int]] = deque()
        self._sum_wei = 0

    def spend(self, wei: int, now_ns: int) -> None:
        """Note what a transaction cost."""
        self._spent.append((now_ns, wei))
        self._sum_wei += wei

    def spent_wei(self, now_ns: int) -> int:
        """Within the last hour."""
        while self._spent and self._spent[0][0] <= now_ns - HOUR_NS:
            self._sum_wei -= self._spent.popleft()[1]
        return self._sum_wei

    def left_wei(self, now_ns: int, *, owed: bool) -> int:
        """What may still be spent on something that is owed, or on something that may be left undone."""
        kept = 0 if owed else self._reserve_wei
        return max(self._most_wei - kept - self.spent_wei(now_ns), 0)


def _grown(bound: int, attempt: int) -> int:
    for _ in range(attempt):
        bound = bound * (BIPS + BUMP_BIPS) // BIPS
    return bound


def _up(value: int) -> int:
    return -(-value * (BIPS + BUMP_BIPS) // BIPS)
