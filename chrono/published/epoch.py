"""A published reward epoch as its file tells it: read, but not believed yet."""

from msgspec import Struct


class PublishedClaim(Struct, frozen=True):
    """One claim of a file. Its numbers may be such as no claim can have; a beneficiary has its 20 bytes."""

    reward_epoch_id: int
    beneficiary: bytes
    amount: int
    claim_type: int
    proof: tuple[bytes, ...] | None
    """Siblings upwards; None where the file holds no proofs."""


class PublishedEpoch(Struct, frozen=True):
    """One reward epoch of one file."""

    source: str
    """The file, for the person."""
    network: str | None
    """None: neither the file nor its folder says."""
    reward_epoch_id: int
    """A uint24."""
    root: bytes
    weight_based_claims: int
    claims: tuple[PublishedClaim, ...]
    """In the file's order."""
    claim_count: int | None = None
    """What the source says the number of claims is; None when it says nothing."""
    claims_sum: int | None = None
    """What the source says the claims' sum is, in wei; None when it says nothing."""
