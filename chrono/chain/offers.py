"""What one transaction offers, within everything that limits it: caps, budget, balance, and what it must outbid."""

from msgspec import Struct

from chrono.chain.duties import Duty
from chrono.chain.fees import Fee, FeeRules, bumped, capped, fee_for, replaces
from chrono.chain.funding import most_fee_of
from chrono.errors import FEES_TOO_HIGH, NOT_FUNDED, Reason


class Account(Struct):
    """What is known of the account and the chain's price; None while it is not."""

    balance_wei: int | None = None
    base_fee_wei: int | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """What limits one transaction."""

    account: Account
    others_wei: int
    """What the account's other open transactions may need."""
    reserve_wei: int
    """What only owed intents may put up."""
    budget_wei: int
    """What is left of the hour's."""
    to_beat: Fee | None
    """What a node may hold for the same nonce."""
    left_behind: bool
    """Whether that is of another intent, which ended: nobody sends it again."""


def offer_for(duty: Duty, limits: Limits, rules: FeeRules) -> Fee | Reason:
    """The fee of the next attempt, or why there can be none now: FEES_TOO_HIGH, NOT_FUNDED.

    What is owed is sent below the chain's price too, at its cap: the price may fall before the deadline. What was left
    behind and cannot be outbid within the limits stops nobody: nodes may have dropped it, and then the nonce would stay
    unused for ever; a node that still holds it refuses the new offer, and brings the old one into a block.
    """
    base_fee_wei = limits.account.base_fee_wei
    floor = max(rules.unknown_base_fee_wei if base_fee_wei is None else base_fee_wei, 1)
    wished = bumped(fee_for(base_fee_wei, duty.attempts, rules), limits.to_beat)
    by_caps = min(duty.intent.caps.most_for(duty.gas), limits.budget_wei // max(duty.gas, 1))
    by_funds = _by_funds(duty, limits)
    fee = capped(wished, by_caps if by_funds is None else min(by_caps, by_funds))
    why = NOT_FUNDED if by_funds is not None and by_funds < by_caps else FEES_TOO_HIGH
    beaten = limits.left_behind or replaces(fee, limits.to_beat)
    if not beaten or fee.max_priority_fee_wei < 1:
        return why
    affordable = fee.max_fee_wei >= floor or (duty.intent.owed and why is FEES_TOO_HIGH)
    return fee if affordable else why


def _by_funds(duty: Duty, limits: Limits) -> int | None:
    """The highest fee cap for which the account holds enough; None while its balance is not known."""
    if limits.account.balance_wei is None:
        return None
    reserve_wei = 0 if duty.intent.owed else limits.reserve_wei
    free_wei = limits.account.balance_wei - limits.others_wei - reserve_wei
    return most_fee_of(max(free_wei, 0), duty.gas, duty.intent.value_wei)
