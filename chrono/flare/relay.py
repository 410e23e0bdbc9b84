"""The relay transaction, which finalises a round: policy, message, and enough of the policy's signatures.

`relay()` has no ABI arguments; behind its selector stand `policy || message(38) || count(2) || count x (v r s index)`.
With protocol id 0 in place of the message, the policy of the next reward epoch follows (on chains other than Flare's
own). Source: fsp.md section 4, flare-smart-contracts-v2 Relay.sol; trailing bytes as in FTSO-Scaling RelayMessage.ts.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.protocol_message import MESSAGE_BYTES, ProtocolMessage
from chrono.flare.signatures import SIGNATURE_BYTES, Signature, eth_signed, recover
from chrono.flare.signing_policy import HEAD_BYTES, VOTER_BYTES, SigningPolicy

SELECTOR: Final = bytes.fromhex("b59589d1")
INDEXED_BYTES: Final = SIGNATURE_BYTES + 2
NEW_POLICY: Final = 0
"""The protocol id that announces a policy instead of a message."""


class IndexedSignature(Struct, frozen=True):
    """A signature and the place of its signer in the policy."""

    index: int
    signature: Signature


class Relay(Struct, frozen=True):
    """What a relay transaction says. `subject` is a round's message, or the policy of the next reward epoch."""

    policy: SigningPolicy
    subject: ProtocolMessage | SigningPolicy
    signatures: tuple[IndexedSignature, ...]

    def encode(self) -> bytes:
        """The bytes behind the selector. Raises: OverflowError, ValueError for a policy that does not fit."""
        new_policy = bytes([NEW_POLICY]) if isinstance(self.subject, SigningPolicy) else b""
        parts = (each.signature.encode() + each.index.to_bytes(2, "big") for each in self.signatures)
        head = self.policy.encode() + new_policy + self.subject.encode()
        return head + len(self.signatures).to_bytes(2, "big") + b"".join(parts)

    def calldata(self) -> bytes:
        """The whole calldata of the transaction to the Relay."""
        return SELECTOR + self.encode()

    def digest(self) -> bytes:
        """What the voters signed: the eth-signed hash of the subject."""
        return eth_signed(self.subject.hash())

    @classmethod
    def decode(cls, data: bytes) -> "Relay":
        """What the bytes behind the selector say, all of them.

        The contract ignores bytes behind the last signature, but the reference refuses them when it rewards; so they
        are refused here. Raises: Malformed, counting from the first byte behind the selector.
        """
        policy = SigningPolicy.decode(data, exact=False)
        at = HEAD_BYTES + VOTER_BYTES * len(policy.voters)
        if len(data) == at:
            raise Malformed("behind the policy stands a message, or a new policy", at)
        subject: ProtocolMessage | SigningPolicy
        if data[at] == NEW_POLICY:
            at += 1
            subject = _shifted_policy(data, at)
            at += HEAD_BYTES + VOTER_BYTES * len(subject.voters)
        else:
            subject = ProtocolMessage.decode(data, at)
            at += MESSAGE_BYTES
        return cls(policy, subject, tuple(_signatures(data, at)))


def compose(
    policy: SigningPolicy, message: ProtocolMessage, signatures: Iterable[Signature], threshold: int
) -> Relay | None:
    """A relay of `message` with as few signatures as reach more weight than `threshold`; None when all are too few.

    Heavy voters come first, of equal weight the earlier in the policy. Signatures of others are left out, so a
    relay made here carries verified signatures only: one bad one would lose the reward of all.
    """
    place = {voter: index for index, voter in enumerate(policy.voters)}
    signed: dict[int, Signature] = {}
    digest = message.digest()
    for signature in signatures:
        signer = recover(digest, signature)
        if signer is not None and signer in place:
            signed.setdefault(place[signer], signature)
    chosen = _enough(policy.weights, sorted(signed), threshold)
    if chosen is None:
        return None
    return Relay(policy, message, tuple(IndexedSignature(index, signed[index]) for index in sorted(chosen)))


def _enough(weights: Sequence[int], indices: Sequence[int], threshold: int) -> list[int] | None:
    chosen: list[int] = []
    weight = 0
    for index in sorted(indices, key=lambda index: -weights[index]):
        chosen.append(index)
        weight += weights[index]
        if weight > threshold:
            return chosen
    return None


def _shifted_policy(data: bytes, at: int) -> SigningPolicy:
    try:
        return SigningPolicy.decode(data[at:], exact=False)
    except Malformed as fault:
        raise Malformed(f"new policy: {fault.what}", at + fault.at) from fault


def _signatures(data: bytes, at: int) -> list[IndexedSignature]:
    """The list at `at`, which must be the last thing in `data`."""
    if len(data) < at + 2:
        raise Malformed("a relay ends with its signatures, which begin with their count (2 bytes)", at)
    count = int.from_bytes(data[at : at + 2], "big")
    start, end = at + 2, at + 2 + count * INDEXED_BYTES
    if len(data) != end:
        raise Malformed(f"{count} signatures take {end - start} bytes, {len(data) - start} are there", start)
    return [
        IndexedSignature(
            int.from_bytes(data[place + SIGNATURE_BYTES : place + INDEXED_BYTES], "big"), Signature.decode(data, place)
        )
        for place in range(start, end, INDEXED_BYTES)
    ]
