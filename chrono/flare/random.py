"""The random of a voting round, and who is left out of it. Source: fsp.md section 3."""

from collections.abc import Mapping, Set
from typing import Final

from msgspec import Struct

from chrono.flare.address import Address

FEWEST_REVEALERS: Final = 2
"""A random of fewer than these revealers could be chosen by one of them."""

_MODULUS: Final = 2**256


class RoundRandom(Struct, frozen=True):
    """The sum of the revealed randoms modulo 2**256, and whether nobody can have bent it."""

    value: int
    is_secure: bool


def round_random(randoms: Mapping[Address, bytes], offenders: Set[Address], benched: Set[Address]) -> RoundRandom:
    """The random of a round from the 32 bytes that each valid revealer gave.

    `offenders` are the eligible senders who did not reveal rightly in this round, `benched` all those who did not in
    the rounds before it, eligible or not. The random of whoever is benched is left out; it is secure when nobody
    withheld a random who was not benched already, and at least two are in it.
    """
    counted = [random for sender, random in randoms.items() if sender not in benched]
    value = sum(int.from_bytes(random, "big") for random in counted) % _MODULUS
    return RoundRandom(value, offenders <= benched and len(counted) >= FEWEST_REVEALERS)
