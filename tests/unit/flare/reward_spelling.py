"""Reads the voters of the reward vectors, and writes claims as those files spell them."""

from typing import Any

from chrono.flare.address import Address, checksummed, parse_address
from chrono.flare.rewards.claims import PartialClaim
from chrono.flare.rewards.voters import RewardedVoter


def voter(fields: dict[str, Any]) -> RewardedVoter:
    return RewardedVoter(
        identity=parse_address(fields["identityAddress"]),
        submit=parse_address(fields["submitAddress"]),
        signing=parse_address(fields["signingAddress"]),
        delegation=parse_address(fields["delegationAddress"]),
        capped_delegation_weight=int(fields["cappedDelegationWeight"]),
        signing_weight=fields["signingWeight"],
        fee_bips=fields["feeBIPS"],
        node_ids=tuple(raw(node) for node in fields["nodeIds"]),
        node_weights=tuple(int(weight) for weight in fields["nodeWeights"]),
    )


def voters(case: dict[str, Any]) -> list[RewardedVoter]:
    return [voter(fields) for fields in case["voters"]]


def claim(one: PartialClaim, checksum: Address | None = None) -> dict[str, Any]:
    """The file leaves the burn address of fast updates in mixed case: `checksum` names the address to spell so."""
    spelled = checksummed(one.beneficiary) if one.beneficiary == checksum else "0x" + one.beneficiary.hex()
    return {"beneficiary": spelled, "amount": str(one.amount), "claimType": int(one.claim_type), "tag": one.detail}


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
