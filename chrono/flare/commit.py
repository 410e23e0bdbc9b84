"""Commit and reveal: a provider first fixes its values by their hash, then shows them. Source: fsp.md section 2.

The hash is over exactly the bytes that are revealed: a provider must keep both, durably, before it commits.
"""

import secrets
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from chrono.flare.abi import WORD_BYTES, word
from chrono.flare.address import Address
from chrono.flare.feed_values import decode_values
from chrono.flare.refusal import Fault, Refused
from chrono_core import keccak256

HASH_BYTES: Final = 32
RANDOM_BYTES: Final = 32
_VALUES_AT: Final = word(4 * WORD_BYTES)
"""Where the only dynamic value of the tuple begins: behind its four words."""


class Reveal(Struct, frozen=True):
    """What a commit fixes: a random of 32 bytes and the encoded values."""

    random: bytes
    encoded_values: bytes

    @property
    def payload(self) -> bytes:
        """The payload of the submit2 frame. Raises: Refused for a random that is not 32 bytes."""
        _check_random(self.random)
        return self.random + self.encoded_values

    def values(self, feed_count: int) -> list[int | None]:
        """The value of each feed; None where it is empty. Raises: Refused."""
        return decode_values(self.encoded_values, feed_count)

    def commit_hash(self, submit_address: Address, voting_round_id: int) -> bytes:
        """The payload of the submit1 frame that fixes this reveal for one sender and round."""
        return commit_hash(submit_address, voting_round_id, self.random, self.encoded_values)


def new_random(token_bytes: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """A fresh random of 32 bytes, for one round and one sender only. `token_bytes` is given in tests."""
    return token_bytes(RANDOM_BYTES)


def commit_hash(submit_address: Address, voting_round_id: int, random: bytes, encoded_values: bytes) -> bytes:
    """`keccak256(abi.encode(address, uint32, uint256, bytes))`, 32 bytes.

    Raises: Refused for a random that is not 32 bytes, OverflowError for a negative round.
    """
    _check_random(random)
    length = len(encoded_values)
    padding = bytes(-length % WORD_BYTES)
    head = bytes(12) + submit_address + word(voting_round_id) + random
    return keccak256(head + _VALUES_AT + word(length) + encoded_values + padding)


def decode_commit(payload: bytes) -> bytes:
    """The hash in a submit1 payload. Raises: Refused, when it is not 32 bytes."""
    if len(payload) != HASH_BYTES:
        raise Refused(Fault.COMMIT_LENGTH, f"a commit has {HASH_BYTES} bytes, not {len(payload)}")
    return payload


def decode_reveal(payload: bytes, *, random_only: bool) -> Reveal:
    """The random and the encoded values in a submit2 payload; the values are not read yet.

    `random_only` says whether a reveal without any values is one, with all feeds empty. The reference takes it as
    such in reward epochs that vote by FIP.16, and refuses it before.

    Raises: Refused.
    """
    if len(payload) < RANDOM_BYTES:
        raise Refused(Fault.RANDOM_LENGTH, f"a reveal begins with {RANDOM_BYTES} bytes of random, not {len(payload)}")
    if len(payload) == RANDOM_BYTES and not random_only:
        raise Refused(Fault.RANDOM_ONLY, "a reveal has at least one value", RANDOM_BYTES)
    return Reveal(payload[:RANDOM_BYTES], payload[RANDOM_BYTES:])


def _check_random(random: bytes) -> None:
    if len(random) != RANDOM_BYTES:
        raise Refused(Fault.RANDOM_LENGTH, f"a random has {RANDOM_BYTES} bytes, not {len(random)}")
