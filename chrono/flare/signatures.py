"""Signatures as Flare's contracts take them: secp256k1 over an eth-signed digest, v of 27 or 28.

Source: fsp.md section 4; EIP-191 for the prefix. The sums are libsecp256k1's, through coincurve.
"""

from typing import Final

from coincurve import PrivateKey, PublicKey
from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono_core import keccak256

SIGNATURE_BYTES: Final = 65
CURVE_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
LOWEST_V: Final = 27
_PREFIX: Final = b"\x19Ethereum Signed Message:\n32"


class Signature(Struct, frozen=True):
    """An ECDSA signature: `v` is 27 or 28, `r` and `s` have 32 bytes each."""

    v: int
    r: bytes
    s: bytes

    @property
    def is_low_s(self) -> bool:
        """Whether `s` lies in the lower half: contracts that recover by OpenZeppelin refuse the upper one."""
        return int.from_bytes(self.s, "big") <= CURVE_ORDER // 2

    def encode(self) -> bytes:
        """`v || r || s`, 65 bytes, as the signature payload and the relay calldata hold it."""
        return bytes([self.v]) + self.r + self.s

    @classmethod
    def decode(cls, data: bytes, at: int = 0) -> "Signature":
        """The signature in the 65 bytes from `at` on. Any `v` is read: `recover` judges. Raises: Malformed."""
        part = data[at : at + SIGNATURE_BYTES]
        if len(part) != SIGNATURE_BYTES:
            raise Malformed(f"a signature has {SIGNATURE_BYTES} bytes, {len(part)} are left", at)
        return cls(part[0], part[1:33], part[33:])


def eth_signed(message_hash: bytes) -> bytes:
    """The digest that is signed for a 32-byte message hash: keccak of the prefix and the hash."""
    return keccak256(_PREFIX + message_hash)


def sign(digest: bytes, private_key: bytes) -> Signature:
    """Sign a 32-byte digest: deterministic (RFC 6979), low s. Raises: ValueError for a key that is none."""
    signed = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    return Signature(signed[64] + LOWEST_V, signed[:32], signed[32:64])


def recover(digest: bytes, signature: Signature) -> Address | None:
    """Who signed `digest`, as the chain's ecrecover finds it; None when nobody can have (v, r or s out of range).

    A high `s` is accepted, as ecrecover does: ask `Signature.is_low_s` where a contract is stricter.
    """
    if signature.v not in (LOWEST_V, LOWEST_V + 1):
        return None
    compact = signature.r + signature.s + bytes([signature.v - LOWEST_V])
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError:
        return None
    return _address(key)


def address_of(private_key: bytes) -> Address:
    """The account of a private key. Raises: ValueError for a key that is none."""
    return _address(PublicKey.from_secret(private_key))


def _address(key: PublicKey) -> Address:
    return Address(keccak256(key.format(compressed=False)[1:])[12:])
