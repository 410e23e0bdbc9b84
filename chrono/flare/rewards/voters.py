"""Whom rewards go to: a registered voter's addresses and weights in one reward epoch. Source: fsp.md section 7."""

from collections.abc import Iterable

from msgspec import Struct

from chrono.flare.address import Address


class RewardedVoter(Struct, frozen=True):
    """A voter of the signing policy, as its registration events tell it. Weights in wei but for `signing_weight`."""

    identity: Address
    submit: Address
    signing: Address
    """The signing policy address: what signatures recover to and finalisations are sent from."""
    delegation: Address
    capped_delegation_weight: int
    """The WFLR delegated to the voter, capped at 2.5 % of all."""
    signing_weight: int
    """The normalised 16-bit weight of the signing policy."""
    fee_bips: int
    """The delegation fee, 0 to 10000."""
    node_ids: tuple[bytes, ...] = ()
    node_weights: tuple[int, ...] = ()
    """Stake of each node of `node_ids`."""

    @property
    def stake(self) -> int:
        """All its nodes' stake."""
        return sum(self.node_weights)

    def closeness_weight(self, *, fip16: bool) -> int:
        """The weight by which it earns from medians and is fined: capped delegation, by FIP.16 the signing weight."""
        return self.signing_weight if fip16 else self.capped_delegation_weight


def by_signing(voters: Iterable[RewardedVoter]) -> dict[Address, RewardedVoter]:
    """The voters by their signing policy address."""
    return {voter.signing: voter for voter in voters}
