"""reward_split.json: a share or a penalty divided within one voter, and an offer divided by duty; FIP.16 off."""

from typing import Any

from chrono.flare.rewards.offers import split_anchor
from chrono.flare.rewards.penalties import anchor_penalties
from chrono.flare.rewards.split import by_signing_weight
from tests.unit.flare.reward_spelling import claim, raw, voter, voters

NOBODY = b""
"""Each voter of these cases has weight: nothing goes back."""


def answer(case: dict[str, Any], *, fip16: bool = False) -> object:
    if case["op"] == "split_offer":
        parts = split_anchor(int(case["amount"]))
        return {"median": str(parts.median), "signing": str(parts.signing), "finalization": str(parts.finalisation)}
    if case["op"] == "split_for_voter":
        claims = by_signing_weight(int(case["amount"]), voter(case["voter"]), NOBODY, fip16=fip16)
    else:
        claims = anchor_penalties(
            int(case["offer"]["amount"]),
            [raw(offender) for offender in case["offenders"]],
            voters(case),
            raw(case["offer"]["claimBackAddress"]),
            factor=case["penaltyFactor"],
            fip16=fip16,
        )
    return {"claims": [claim(one) for one in claims]}
