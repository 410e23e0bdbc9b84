"""The 38 bytes that a provider signs for one round of one protocol. Source: fsp.md section 4."""

from typing import Final

from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.signatures import eth_signed
from chrono_core import keccak256

MESSAGE_BYTES: Final = 38


class ProtocolMessage(Struct, frozen=True):
    """A round's result as the Relay takes it: the Merkle root (32 bytes), and whether the random is secure."""

    protocol_id: int
    voting_round_id: int
    is_secure_random: bool
    merkle_root: bytes

    def encode(self) -> bytes:
        """`protocolId(1) || votingRoundId(4) || isSecureRandom(1) || merkleRoot(32)`."""
        head = bytes([self.protocol_id]) + self.voting_round_id.to_bytes(4, "big")
        return head + bytes([self.is_secure_random]) + self.merkle_root

    def hash(self) -> bytes:
        """keccak256 of the 38 bytes."""
        return keccak256(self.encode())

    def digest(self) -> bytes:
        """What the signing-policy key signs: the eth-signed hash."""
        return eth_signed(self.hash())

    @classmethod
    def decode(cls, data: bytes, at: int = 0) -> "ProtocolMessage":
        """The message in the 38 bytes from `at` on. Raises: Malformed for fewer bytes, or a flag above 1."""
        part = data[at : at + MESSAGE_BYTES]
        if len(part) != MESSAGE_BYTES:
            raise Malformed(f"a protocol message has {MESSAGE_BYTES} bytes, {len(part)} are left", at)
        if part[5] > 1:
            raise Malformed(f"the flag of the secure random is 0 or 1, not {part[5]}", at + 5)
        return cls(part[0], int.from_bytes(part[1:5], "big"), part[5] == 1, part[6:])
