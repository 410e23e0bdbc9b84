"""Who votes on what in a round: the voters and feeds of its reward epoch. Sources: fsp.md sections 0.1, 2 and 3."""

from functools import cached_property

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.feeds import Feed


class Voter(Struct, frozen=True):
    """A voter of the signing policy, as the rounds of its reward epoch know it."""

    submit_address: Address
    capped_delegation_wei: int
    """Its wrapped coins and those delegated to it, up to the cap: the weight of its vote before FIP.16."""
    signing_weight: int
    """Its normalised weight in the signing policy, 16 bits: the weight of its vote from FIP.16 on."""


class Electorate(Struct, frozen=True, dict=True):
    """The voters of a reward epoch in the order of its signing policy, and its feeds in the canonical order."""

    reward_epoch_id: int
    voters: tuple[Voter, ...]
    feeds: tuple[Feed, ...]
    fip16: bool
    """Whether this reward epoch votes by FIP.16: `Network.fip16_active`."""

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """What each voter's vote weighs in a median. Shape: (voters,)."""
        if self.fip16:
            return tuple(voter.signing_weight for voter in self.voters)
        return tuple(voter.capped_delegation_wei for voter in self.voters)

    @cached_property
    def total_weight(self) -> int:
        """The weight of all votes there may be."""
        return sum(self.weights)

    @cached_property
    def submit_addresses(self) -> frozenset[Address]:
        """Whose commits and reveals count."""
        return frozenset(voter.submit_address for voter in self.voters)

    @property
    def accepts_random_only(self) -> bool:
        """Whether a reveal without any values is one, with all feeds empty."""
        return self.fip16
