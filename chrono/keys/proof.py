"""Sees that a key works: it signs something that no contract takes, and the signature must lead back to it."""

from typing import Final

from chrono.errors import SIGNER_FAULT, ChronoError
from chrono.flare.signatures import address_of, eth_signed, recover, sign
from chrono.keys.keystore import Keystore
from chrono.keys.roles import WITHOUT_ACCOUNT
from chrono.keys.secret_key import SecretKey
from chrono_core import SortitionKey, keccak256, verify_credential

_DIGEST: Final = eth_signed(keccak256(b"chrono wallet verify"))


def prove(keystore: Keystore, key: SecretKey) -> None:
    """Sign a test, and see that it leads back to what the keystore says. Raises: ChronoError(SIGNER_FAULT)."""
    sound = _draws(key) if keystore.role in WITHOUT_ACCOUNT else _signs(keystore, key)
    if not sound:
        raise ChronoError(SIGNER_FAULT, role=keystore.role.value, key=keystore.public)


def _signs(keystore: Keystore, key: SecretKey) -> bool:
    signature = sign(_DIGEST, key.reveal())
    return recover(_DIGEST, signature) == address_of(key.reveal()) == keystore.address


def _draws(key: SecretKey) -> bool:
    sortition = SortitionKey(key.reveal())
    return verify_credential(sortition.public_key, 1, 1, 0, sortition.prove(1, 1, 0))
