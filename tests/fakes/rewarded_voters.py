"""Voters that a reward epoch pays, drawn at random: weights of any size, none as well."""

from collections.abc import Sequence

from hypothesis import strategies as st

from chrono.flare.address import Address
from chrono.flare.rewards.claims import PartialClaim
from chrono.flare.rewards.voters import RewardedVoter

BACK = Address(b"\xde" * 20)
"""Where what nobody earned goes."""

wei = st.integers(0, 10**28)
wei_weights = st.one_of(st.just(0), st.integers(1, 10**28))
bips = st.one_of(st.sampled_from((0, 2000, 10_000)), st.integers(0, 10_000))


def address(place: int, kind: int) -> Address:
    return Address(bytes([kind, *place.to_bytes(19, "big")]))


@st.composite
def voter_lists(draw: st.DrawFn, most: int = 8) -> list[RewardedVoter]:
    """Voters with weights of any size, none as well, and up to four nodes; all addresses differ."""
    voters = []
    for place in range(draw(st.integers(1, most))):
        stakes = draw(st.lists(wei_weights, max_size=4))
        voters.append(
            RewardedVoter(
                identity=address(place, 1),
                submit=address(place, 2),
                signing=address(place, 3),
                delegation=address(place, 4),
                capped_delegation_weight=draw(wei_weights),
                signing_weight=draw(st.one_of(st.just(0), st.integers(1, 2**16 - 1))),
                fee_bips=draw(bips),
                node_ids=tuple(address(place, 16 + node) for node in range(len(stakes))),
                node_weights=tuple(stakes),
            )
        )
    return voters


def total(claims: Sequence[PartialClaim]) -> int:
    return sum(claim.amount for claim in claims)
