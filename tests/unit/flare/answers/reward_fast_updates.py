"""reward_fast_updates.json: what one round pays for fast updates on Flare; FIP.16 off."""

from typing import Any

from chrono.flare.rewards.epoch import WHOLE_OFFER_BACK
from chrono.flare.rewards.fast_updates import ScaledValue, burnt, fast_update_claims
from chrono.flare.rewards.parameters import burn_address
from tests.unit.flare.reward_spelling import claim, raw, voters


def answer(case: dict[str, Any], *, fip16: bool = False, network: str = "flare") -> object:
    burns_at = burn_address(network, case["rewardEpochId"])
    amount = int(case["offer"]["amount"])
    if case["offer"].get("shouldBeBurned"):
        claims = [burnt(amount, burns_at, WHOLE_OFFER_BACK)]
    else:
        median = case["median"]
        claims = fast_update_claims(
            amount,
            ScaledValue(int(case["fastUpdateValue"]), case["fastUpdateDecimals"]),
            None if median["isEmpty"] else ScaledValue(median["value"], median["decimals"]),
            case["rewardBandValuePPM"],
            [raw(address) for address in case["submittedSigningAddresses"]],
            voters(case),
            burns_at,
            fip16=fip16,
        )
    return {"claims": [claim(one, checksum=burns_at) for one in claims]}
