"""A fast update as bytes: what is hashed and signed, and the call that carries it.

The update is signed with the signing policy key over sha256 of its parts, and sent from any funded
account through `Submission.submitAndPass`, which hands it to the FastUpdater. It is taken while
`block <= block.number < block + 10`. Source: fsp.md section 8; `FastUpdater.submitUpdates`.
"""

from hashlib import sha256
from typing import Final

from msgspec import Struct

from chrono.flare.abi import Malformed, decode, encode
from chrono.flare.fast_updates.sortition import Credential
from chrono.flare.signatures import Signature, eth_signed, sign
from chrono_core import keccak256

_CREDENTIAL: Final = "(uint256,(uint256,uint256),uint256,uint256)"
_UPDATE: Final = f"(uint256,{_CREDENTIAL},bytes,(uint8,bytes32,bytes32))"
SUBMIT_UPDATES: Final = keccak256(f"submitUpdates({_UPDATE})".encode())[:4]
"""The selector of the FastUpdater's own function; not part of what `submitAndPass` carries."""
SUBMIT_AND_PASS: Final = keccak256(b"submitAndPass(bytes)")[:4]


class FastUpdate(Struct, frozen=True):
    """One update: the block whose draw was won, the proof of it, and the deltas as bytes."""

    block: int
    credential: Credential
    deltas: bytes

    def message_hash(self) -> bytes:
        """The 32 bytes that are then eth-signed."""
        parts = (self.block, _tuple(self.credential), self.deltas)
        return sha256(encode(["uint256", _CREDENTIAL, "bytes"], parts)).digest()

    def sign(self, signing_policy_key: bytes) -> Signature:
        """The signature of the provider. Raises: ValueError for a key that is none."""
        return sign(eth_signed(self.message_hash()), signing_policy_key)

    def encode(self, signature: Signature) -> bytes:
        """The arguments of `submitUpdates` without the selector."""
        signed = (signature.v, signature.r, signature.s)
        return encode([_UPDATE], [(self.block, _tuple(self.credential), self.deltas, signed)])

    def calldata(self, signature: Signature) -> bytes:
        """The whole call of `submitAndPass`."""
        return SUBMIT_AND_PASS + encode(["bytes"], [self.encode(signature)])


def decode_update(data: bytes) -> tuple[FastUpdate, Signature]:
    """The update in the arguments of `submitUpdates`. Proof and signature are not judged. Raises: Malformed."""
    block, (replicate, gamma, c, s), deltas, signature = decode([_UPDATE], data)[0]
    return FastUpdate(block, Credential(replicate, gamma, c, s), deltas), Signature(*signature)


def decode_calldata(calldata: bytes) -> tuple[FastUpdate, Signature]:
    """The update in a call of `submitAndPass`. Raises: Malformed."""
    if calldata[:4] != SUBMIT_AND_PASS:
        raise Malformed("not a call of submitAndPass")
    return decode_update(decode(["bytes"], calldata[4:])[0])


def _tuple(credential: Credential) -> tuple[int, tuple[int, int], int, int]:
    return credential.replicate, credential.gamma, credential.c, credential.s
