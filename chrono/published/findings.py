"""What the recomputing of a reward epoch came to: sums by type, and each difference with both sides."""

from msgspec import Struct

from chrono.flare.rewards.claims import ClaimType

MOST_DIFFERENCES = 100
"""Kept of one epoch; the others are counted."""


class Difference(Struct, frozen=True, omit_defaults=True):
    """One place where the published epoch is not what it should be."""

    what: str
    """root, proof, amount, type, duplicate, epoch, weight_based_claims, claim_count or claims_sum."""
    expected: str
    """What follows from the rest."""
    found: str
    """What the file says."""
    claim: int | None = None
    """The claim's place in the file, from 0; None when it is about the whole epoch."""
    beneficiary: str | None = None
    claim_type: str | None = None


class TypeTotal(Struct, frozen=True):
    """The claims of one type."""

    claims: int
    beneficiaries: frozenset[bytes]
    wei: int


class EpochFindings(Struct, frozen=True):
    """One recomputed epoch."""

    source: str
    network: str | None
    reward_epoch_id: int
    root: bytes
    """Recomputed from the claims."""
    proofs: int
    """How many were followed."""
    claims: int
    totals: dict[ClaimType, TypeTotal]
    weight_based_claims: int
    differences: tuple[Difference, ...]
    more_differences: int
    """Beyond MOST_DIFFERENCES."""
    message: bytes | None
    """What the voters of this epoch signed about it; None when the network is not known."""

    @property
    def verified(self) -> bool:
        """Whether everything published follows from the claims."""
        return not self.differences


def type_name(number: int) -> str:
    """DIRECT to CCHAIN, or the bare number of a type that does not exist."""
    return ClaimType(number).name if number in set(ClaimType) else str(number)
