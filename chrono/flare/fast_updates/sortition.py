"""The lottery that says who may update the feeds at a block, and the key that takes part in it.

Each provider has replicates by its weight. A draw (epoch seed, block, replicate) hashes to a point h of
alt_bn128; gamma is the secret times h, and its x, the score, wins when it is not above the block's
cutoff. Seeds, coordinates and scalars are 256-bit integers. The sums are `chrono_core`'s; the secret
never leaves its `SortitionKey`. Source: fsp.md sections 6 and 8.
"""

from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import Struct

import chrono_core
from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono_core import SortitionKey, sortition_point

__all__ = [
    "FIELD_ORDER",
    "GROUP_ORDER",
    "VIRTUAL_PROVIDERS",
    "Credential",
    "Point",
    "Registration",
    "SortitionKey",
    "prove",
    "register",
    "registration_message",
    "score_cutoff",
    "sortition_point",
    "sortition_weight",
    "verify",
]

Point: TypeAlias = tuple[int, int]
"""(x, y) of a point on alt_bn128."""

FIELD_ORDER: Final = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
"""p: coordinates, and so scores, lie below it."""
GROUP_ORDER: Final = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
"""q: secrets and the scalars c and s of a proof lie below it."""
VIRTUAL_PROVIDER_BITS: Final = 12
VIRTUAL_PROVIDERS: Final = 1 << VIRTUAL_PROVIDER_BITS
"""All replicates of all providers together, but for the rounding up of each."""
SAMPLE_BITS: Final = 120
"""Fraction bits of a sample size."""


class Credential(Struct, frozen=True):
    """The proof of one draw: the replicate, gamma, and the scalars c and s."""

    replicate: int
    gamma: Point
    c: int
    s: int

    @property
    def score(self) -> int:
        """What the cutoff is compared with."""
        return self.gamma[0]


class Registration(Struct, frozen=True):
    """What `EntityManager.registerPublicKey` takes: the key and the Schnorr proof of its secret."""

    public_key: Point
    s: int
    r: Point

    @property
    def verification_data(self) -> bytes:
        """The third argument of the call: `abi.encode(s, r.x, r.y)`, 96 bytes."""
        return word(self.s) + word(self.r[0]) + word(self.r[1])

    def holds_for(self, identity: Address) -> bool:
        """Whether the contract would register the key for this identity."""
        return chrono_core.verify_registration(self.public_key, identity, (self.s, *self.r))


def registration_message(identity: Address) -> bytes:
    """What the registration proves, 32 bytes: sha256 of the identity's address."""
    return sha256(identity).digest()


def register(key: SortitionKey, identity: Address, nonce: bytes | None = None) -> Registration:
    """Prove the key to the registration of `identity`. The nonce is random unless 32 bytes are given.

    Raises: ValueError.
    """
    s, x, y = key.register(identity, nonce=nonce)
    return Registration(key.public_key, s, (x, y))


def prove(key: SortitionKey, seed: int, block: int, replicate: int, nonce: bytes | None = None) -> Credential:
    """Prove one draw, whether it wins or not. The nonce is random unless 32 bytes are given.

    Raises: ValueError.
    """
    x, y, c, s = key.prove(seed, block, replicate, nonce=nonce)
    return Credential(replicate, (x, y), c, s)


def verify(public_key: Point, seed: int, block: int, credential: Credential) -> bool:
    """Whether the contract takes the proof; it asks besides that replicate < weight and score <= cutoff.

    A block or a replicate beyond 64 bits, which no chain has, is never taken. Raises: ValueError for numbers
    that are no 256-bit words.
    """
    if block >> 64 or credential.replicate >> 64:
        return False
    proof = (*credential.gamma, credential.c, credential.s)
    return chrono_core.verify_credential(public_key, seed, block, credential.replicate, proof)


def score_cutoff(sample_size: int) -> int:
    """The highest score that wins while `sample_size` updates are expected per block (fixed point, 120 bits).

    About p * sample_size / 2**132, in the three parts and with the roundings of the contract
    (`_currentScoreCutoff`): the official Go client asks for less than the cutoff, the contract for no more.
    """
    split = 256 - SAMPLE_BITS - VIRTUAL_PROVIDER_BITS
    low = FIELD_ORDER & ((1 << split) - 1)
    middle = (FIELD_ORDER >> split) & ((1 << split) - 1)
    high = FIELD_ORDER >> (2 * split)
    cutoff = high * sample_size << (2 * split - VIRTUAL_PROVIDER_BITS - SAMPLE_BITS)
    cutoff += middle * sample_size >> (VIRTUAL_PROVIDER_BITS + SAMPLE_BITS - split)
    return cutoff + (low * sample_size >> (VIRTUAL_PROVIDER_BITS + SAMPLE_BITS))


def sortition_weight(normalised_weight: int, total: int) -> int:
    """The replicates of a provider: its share of 4096, rounded up.

    `total` is the sum of the normalised weights of the voters that have a sortition key. Raises: ValueError.
    """
    if not 0 <= normalised_weight <= total or total == 0:
        raise ValueError(f"a weight of {normalised_weight} is no share of {total}")
    return -(-normalised_weight * VIRTUAL_PROVIDERS // total)
