"""weights.json: from stake and delegations to registration, signing and sortition weights."""

from typing import Any

from chrono.flare import weights
from chrono.flare.fast_updates.sortition import sortition_weight


def answer(case: dict[str, Any]) -> object:
    total = int(case["totalWNatVotePower"])
    voters = case["voters"]
    registered = [
        weights.registration_weight(
            int(voter["stake"]), weights.capped_wnat(int(voter["wnat"]), total, case["wNatCapPPM"])
        )
        for voter in voters
    ]
    signing = weights.normalised(registered)
    with_keys = sum(weight for weight, voter in zip(signing, voters, strict=True) if voter["hasSortitionKey"])
    sortition = [
        str(sortition_weight(weight, with_keys)) if voter["hasSortitionKey"] else None
        for weight, voter in zip(signing, voters, strict=True)
    ]
    return {
        "registrationWeights": [str(weight) for weight in registered],
        "normalisedWeights": [str(weight) for weight in signing],
        "normalisedSum": str(sum(signing)),
        "threshold": str(weights.threshold(sum(signing))),
        "sortitionWeights": sortition,
    }
