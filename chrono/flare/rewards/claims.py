"""Claims: who gets how much and in which way, from the parts of a round to the netted claims of an epoch.

Source: fsp.md section 7 step 8 and "Claiming"; FTSO-Scaling libs/fsp-rewards utils/RewardClaim.ts.
"""

from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct


class ClaimType(IntEnum):
    """How a claim is paid: the numbers are those of the RewardManager contract."""

    DIRECT = 0
    """To any address, such as a finaliser or the burn address."""
    FEE = 1
    """To a voter's identity."""
    WNAT = 2
    """To the delegators of a delegation address."""
    MIRROR = 3
    """To the stakers of a node id."""
    CCHAIN = 4
    """To stakers on the C-chain; reserved."""

    @property
    def is_weight_based(self) -> bool:
        """Whether the claim opens a pool that many are paid from, instead of paying its beneficiary."""
        return self >= ClaimType.WNAT


class PartialClaim(Struct, frozen=True):
    """One step's outcome in one round. `beneficiary` has 20 bytes, `amount` is wei and negative for a penalty."""

    beneficiary: bytes
    amount: int
    claim_type: ClaimType
    detail: str = ""
    """Why, in the reference's own tag, such as LOW_TURNOUT_CLAIM_BACK."""


class RewardClaim(Struct, frozen=True, order=True):
    """A claim as it stands in the epoch's Merkle tree: `amount` in wei, above 0 but for a burn claim."""

    reward_epoch_id: int
    beneficiary: bytes
    amount: int
    claim_type: ClaimType


class DuplicateClaimError(ValueError):
    """Two claims of an epoch go to one beneficiary where only one may."""


def net(reward_epoch_id: int, claims: Iterable[PartialClaim], burn_address: bytes) -> list[RewardClaim]:
    """The claims of an epoch: each beneficiary's penalties come off its rewards of the same type and are burnt.

    A penalty takes at most what is there, so the sum is the sum of all rewards, to the wei. Penalties of all
    protocols count together. Claims of 0 wei disappear.
    """
    rewards: dict[tuple[bytes, ClaimType], int] = defaultdict(int)
    penalties: dict[tuple[bytes, ClaimType], int] = defaultdict(int)
    for claim in claims:
        into = penalties if claim.amount < 0 else rewards
        into[claim.beneficiary, claim.claim_type] += abs(claim.amount)
    burnt = 0
    for key, penalty in penalties.items():
        taken = min(penalty, rewards.get(key, 0))
        if taken:
            rewards[key] -= taken
            burnt += taken
    if burnt:
        rewards[burn_address, ClaimType.DIRECT] += burnt
    return [
        RewardClaim(reward_epoch_id, beneficiary, amount, kind)
        for (beneficiary, kind), amount in rewards.items()
        if amount
    ]


def burn_ineligible(
    reward_epoch_id: int, claims: Iterable[RewardClaim], ineligible: Iterable[bytes], burn_address: bytes
) -> list[RewardClaim]:
    """The claims after the minimal conditions: those of `ineligible` beneficiaries become one burn claim.

    `ineligible` holds the identities, delegation addresses and node ids of the voters who lost their rewards. As the
    reference, the burn claim is there even when it is 0 wei, and the result is sorted by beneficiary.
    Raises: DuplicateClaimError when one beneficiary has claims of two types.
    """
    lost = {*ineligible, burn_address}
    kept: dict[bytes, RewardClaim] = {}
    burnt = 0
    for claim in claims:
        if claim.beneficiary in lost:
            burnt += claim.amount
        elif claim.beneficiary in kept:
            raise DuplicateClaimError(f"two claims for 0x{claim.beneficiary.hex()}")
        else:
            kept[claim.beneficiary] = claim
    kept[burn_address] = RewardClaim(reward_epoch_id, burn_address, burnt, ClaimType.DIRECT)
    return [kept[beneficiary] for beneficiary in sorted(kept)]
