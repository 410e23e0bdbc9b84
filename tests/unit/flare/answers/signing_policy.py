"""signing_policy.json: bytes and hash of a policy; decoding the bytes must give the policy back."""

from typing import Any

from chrono.flare.signing_policy import SigningPolicy
from tests.unit.flare.policy_spelling import policy_of


def answer(case: dict[str, Any]) -> object:
    policy = policy_of(case["policy"])
    encoded = policy.encode()
    assert SigningPolicy.decode(encoded) == policy
    return {"encoded": "0x" + encoded.hex(), "hash": "0x" + policy.hash().hex()}
