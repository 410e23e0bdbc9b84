"""Policies whose voters' keys are known, so that tests can sign for them. Keys are hashes of public words."""

from collections.abc import Iterable, Sequence

from chrono.flare.address import Address
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import IndexedSignature, Relay
from chrono.flare.signatures import address_of, eth_signed, sign
from chrono.flare.signing_policy import SigningPolicy
from chrono_core import keccak256

SEED = int.from_bytes(keccak256(b"seed of a policy"), "big")


def key_of(place: int) -> bytes:
    """The private key of the voter at a place."""
    return keccak256(f"chrono voter {place}".encode())


def address_at(place: int) -> Address:
    """The signing-policy address of the voter at a place."""
    return address_of(key_of(place))


def policy_of(
    weights: Sequence[int], *, epoch: int = 5, start: int | None = None, threshold: int | None = None
) -> SigningPolicy:
    """A policy of voters with known keys; it starts with its epoch of 240 rounds, with half the weight as threshold."""
    return SigningPolicy(
        reward_epoch_id=epoch,
        start_voting_round_id=240 * epoch if start is None else start,
        threshold=-(-sum(weights) // 2) if threshold is None else threshold,
        seed=SEED,
        voters=tuple(address_at(place) for place in range(len(weights))),
        weights=tuple(weights),
    )


def message_of(voting_round_id: int = 1210, protocol_id: int = 100) -> ProtocolMessage:
    """A message of a round."""
    return ProtocolMessage(protocol_id, voting_round_id, True, keccak256(str(voting_round_id).encode()))


def relay_by(policy: SigningPolicy, subject: ProtocolMessage | SigningPolicy, places: Iterable[int]) -> Relay:
    """A relay that the voters at these places signed, in this order."""
    digest = eth_signed(subject.hash())
    return Relay(policy, subject, tuple(IndexedSignature(place, sign(digest, key_of(place))) for place in places))
