"""Whom the FDC rewards in a round, and who offends, once more: from what each voter did, in the words of the rules.

Times are seconds since the voting epoch after the round began: reveals until 45, signatures from 45 to 90.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct


class Signing(Struct, frozen=True):
    """A signature that a voter sent. `bits` is the consensus bit vote beside it; None: nothing stood there."""

    at_s: int
    is_right: bool
    bits: int | None


class Did(Struct, frozen=True):
    """What one voter did in a round, and what it is."""

    weight: int
    fee_bips: int
    voted: int | None = None
    """The bits of its bit vote; None: it sent none."""
    signings: tuple[Signing, ...] = ()


class Relayed(Struct, frozen=True):
    """A relay that would make the round final."""

    voter: int
    at_s: int


def rewarded(
    voters: Mapping[int, Did], relays: Sequence[Relayed], selected: Collection[int]
) -> tuple[set[int], set[int]]:
    """Who is paid a fee, and who offended. `relays` in the order of the chain, all of them in the window."""
    if not relays:
        return set(), set()
    final_s = relays[0].at_s
    right: dict[int, Signing] = {}
    wrong: set[int] = set()
    for number, did in voters.items():
        within = [each for each in did.signings if 45 <= each.at_s < 90]
        first = next((each for each in within if each.is_right), None)
        if first is not None:
            right[number] = first
        if any(not each.is_right for each in within):
            wrong.add(number)
    consensus = _consensus(voters, right)
    paid = set()
    for number, signing in right.items():
        in_time = signing.at_s < 60 or signing.at_s <= final_s
        if consensus and in_time and voters[number].fee_bips:
            paid.add(number)
    if final_s <= 65:
        first_of = {}
        for relay in relays:
            first_of.setdefault(relay.voter, relay.at_s)
        paid |= {n for n, at_s in first_of.items() if n in selected and at_s <= 65 and voters[n].fee_bips}
    return paid, _offenders(voters, right, wrong, consensus)


def _consensus(voters: Mapping[int, Did], right: Mapping[int, Signing]) -> int | None:
    weight_of: dict[int, int] = {}
    for number, signing in right.items():
        if signing.bits is not None:
            weight_of[signing.bits] = weight_of.get(signing.bits, 0) + voters[number].weight
    heaviest = max(weight_of.values(), default=0)
    return min((bits for bits, weight in weight_of.items() if weight == heaviest), key=str, default=None)


def _offenders(
    voters: Mapping[int, Did], right: Mapping[int, Signing], wrong: set[int], consensus: int | None
) -> set[int]:
    if not right:
        return set()
    silent = {
        number
        for number, did in voters.items()
        if consensus is not None
        and did.voted is not None
        and did.voted & consensus == consensus
        and number not in right
    }
    differing = {number for number, signing in right.items() if signing.bits is not None and signing.bits != consensus}
    return silent | wrong | differing
