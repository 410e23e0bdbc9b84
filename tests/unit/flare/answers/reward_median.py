"""reward_median.json: the median of one feed and what it pays; FIP.16 off."""

from typing import Any

from chrono.flare.median import weighted_median
from chrono.flare.rewards.median_closeness import median_reward
from chrono.flare.rewards.offers import FeedTerms, RoundOffer
from tests.unit.flare.reward_spelling import claim, raw, voters

DECIMALS = 5
"""Of the feed in all cases: values are whole numbers here, the file only repeats it."""


def answer(case: dict[str, Any], *, fip16: bool = False) -> object:
    median = weighted_median(case["values"], [int(weight) for weight in case["medianWeights"]])
    reward = median_reward(
        _offer(case["offer"]), case["values"], median, int(case["totalVotingWeight"]), voters(case), fip16=fip16
    )
    return {
        "median": _value(median and median.value),
        "q1": _value(median and median.quartile1),
        "q3": _value(median and median.quartile3),
        "participatingWeight": str(median.participating_weight if median else 0),
        "claims": [claim(one) for one in reward.claims],
        "rewardedSigningAddresses": [
            voter["signingAddress"] for voter in case["voters"] if raw(voter["signingAddress"]) in reward.rewarded
        ],
    }


def _offer(fields: dict[str, Any]) -> RoundOffer:
    return RoundOffer(
        fields["votingRoundId"],
        raw(fields["feedId"]),
        int(fields["amount"]),
        FeedTerms(
            fields["minRewardedTurnoutBIPS"],
            fields["primaryBandRewardSharePPM"],
            fields["secondaryBandWidthPPM"],
            raw(fields["claimBackAddress"]),
        ),
    )


def _value(value: int | None) -> dict[str, Any]:
    """The file writes 0 for the value that is not there."""
    return {"isEmpty": value is None, "value": value or 0, "decimals": DECIMALS}
