"""What a twin says on chain, as bytes."""

from collections.abc import Sequence

from eth_abi import encode
from eth_hash.auto import keccak
from py_flare_common.ftso.commit import commit_hash

from tests.judge.frames import FTSO, SUBMIT1, SUBMIT2, SUBMIT_SIGNATURES, frame
from tests.judge.words import number, right, selector

EMPTY = 2**31
RELAY = selector("relay()")
SELECTED_BIPS = 500
BIPS = 10_000
Signature = tuple[int, bytes, bytes]


def encoded_values(values: Sequence[int | None]) -> bytes:
    """Empty ones at the end may be left out, but one value stays."""
    words = [(0 if value is None else value + EMPTY).to_bytes(4, "big") for value in values]
    while len(words) > 1 and not any(words[-1]):
        words.pop()
    return b"".join(words)


def commit(submit: bytes, round_id: int, random: bytes, encoded: bytes) -> bytes:
    told = commit_hash("0x" + submit.hex(), round_id, int.from_bytes(random, "big"), encoded)
    return SUBMIT1 + frame(FTSO, round_id, bytes.fromhex(told))


def reveal(round_id: int, random: bytes, encoded: bytes) -> bytes:
    return SUBMIT2 + frame(FTSO, round_id, random + encoded)


def joined(signature: Signature) -> bytes:
    v, r, s = signature
    return bytes([v]) + r + s


def signature(round_id: int, made: Signature) -> bytes:
    return SUBMIT_SIGNATURES + frame(FTSO, round_id, b"\x01" + joined(made))


def relay(policy: bytes, message: bytes, signed: Sequence[tuple[int, bytes]]) -> bytes:
    """`signed` are places in the policy with v, r and s, in ascending order."""
    parts = [one + place.to_bytes(2, "big") for place, one in signed]
    return RELAY + policy + message + len(signed).to_bytes(2, "big") + b"".join(parts)


def registration(chain_id: int, reward_epoch: int, identity: bytes) -> bytes:
    """The message that preregisters and registers."""
    return keccak(number(chain_id) + number(reward_epoch) + right(identity))


def uptime(reward_epoch: int, vote_hash: bytes) -> bytes:
    return keccak(number(reward_epoch) + vote_hash)


def rewards(reward_epoch: int, claims: Sequence[tuple[int, int]], root: bytes) -> bytes:
    return keccak(number(reward_epoch) + keccak(encode(["(uint256,uint256)[]"], [list(claims)])) + root)


def selected(seed: int, round_id: int, weights: Sequence[int]) -> set[int]:
    """Places of those who are to finalise a round first."""
    chance = keccak(number(seed) + number(FTSO) + number(round_id))
    total, chosen = sum(weights), list[int]()
    while sum(weights[place] for place in chosen) * BIPS < total * SELECTED_BIPS:
        at = int.from_bytes(chance, "big") % total
        place = next(place for place in range(len(weights)) if at < sum(weights[: place + 1]))
        if place not in chosen:
            chosen.append(place)
        chance = keccak(chance)
    return set(chosen)
