"""What the account of each role needs: the fee that a node wants to see upfront, and what a day of duty costs.

A node takes a transaction only when gas limit x fee cap lies in the account, however little is paid in the end; the
first submission of a round is refunded down to 21,000 gas at a fixed price. Source: fsp.md sections 2 and 6.
"""

from typing import Final

from msgspec import Struct

from chrono.flare.networks import Network
from chrono.keys.roles import Role

COIN_OF: Final = {"flare": "FLR", "songbird": "SGB", "coston": "CFLR", "coston2": "C2FLR"}
DAY_S: Final = 86_400
WARN_DAYS: Final = 3


class Duty(Struct, frozen=True, kw_only=True):
    """How a role spends: `gas` is the limit of its largest transaction, `used` what one takes on the average."""

    gas: int
    used: int
    per_round: float
    refunded: bool


DUTIES: Final = {
    # The limit of a call with as much calldata as is refunded, 4,500 bytes; most are far smaller.
    Role.SUBMIT: Duty(gas=265_000, used=60_000, per_round=2, refunded=True),
    Role.SUBMIT_SIGNATURES: Duty(gas=265_000, used=60_000, per_round=1, refunded=True),
    # Selected for one round in ten; the duties of an epoch are few beside it.
    Role.SIGNING_POLICY: Duty(gas=2_000_000, used=700_000, per_round=0.1, refunded=False),
    Role.FAST_UPDATE: Duty(gas=1_500_000, used=400_000, per_round=0.5, refunded=True),
    Role.EXECUTOR: Duty(gas=3_000_000, used=1_000_000, per_round=0.0005, refunded=False),
}
"""Expectations to plan with; what was really paid is in the metrics. Roles without an account are not in it."""


class Need(Struct, frozen=True):
    """In wei: what one transaction needs upfront, and what a day costs about."""

    upfront_wei: int
    day_wei: int

    def runway_days(self, balance_wei: int) -> float:
        """How many days the balance lasts until the next transaction would not be taken any more; 0 when it is not."""
        return max(0, balance_wei - self.upfront_wei) / self.day_wei

    def missing_wei(self, balance_wei: int, days: int = WARN_DAYS) -> int:
        """What must be added to last so many days; 0 when it lasts."""
        return max(0, self.upfront_wei + days * self.day_wei - balance_wei)


def need_of(role: Role, network: Network, *, cap_wei: int, price_wei: int) -> Need:
    """What a role needs where a unit of gas is capped at `cap_wei` and paid with `price_wei` (base fee and tip).

    Raises: KeyError for a role without an account of duty.
    """
    duty = DUTIES[role]
    paid = duty.used * price_wei
    if duty.refunded:
        paid = min(paid, network.subsidy.gas * network.subsidy.gas_price_wei)
    rounds = DAY_S / network.timing.epoch_s
    return Need(upfront_wei=duty.gas * cap_wei, day_wei=max(1, round(paid * duty.per_round * rounds)))
