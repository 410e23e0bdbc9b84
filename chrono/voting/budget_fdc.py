"""How many rounds the FDC may still leave us without reward, before its condition fails.

Only rounds in which it rewarded anyone count. How many more of them come is not known: those that nobody has counted
and those to come are taken to be as the counted ones, and of the uncounted it is taken that none rewarded us.
Source: fsp.md section 7, "Minimal conditions": rewarded in 60 % of them.
"""

from msgspec import Struct

from chrono.flare.rewards.minimal_conditions import FDC_ROUNDS_PPM, fdc_met
from chrono.flare.units import PPM
from chrono.voting.budget import Hits


class FdcBudget(Struct, frozen=True, kw_only=True):
    """A reward epoch against the FDC condition. `counted` has rounds, of which `values` rewarded anyone, `hits` us."""

    rounds: int
    """Of the whole reward epoch."""
    rounds_over: int
    counted: Hits

    @property
    def rewarding_at_end(self) -> int:
        """How many rounds will have rewarded anyone, if the others go as the counted ones."""
        return self.counted.values * self.rounds // self.counted.rounds if self.counted.rounds else 0

    @property
    def needed(self) -> int:
        """In how many of them we must be rewarded."""
        return -(-self.rewarding_at_end * FDC_ROUNDS_PPM // PPM)

    @property
    def missed(self) -> int:
        """In how many we are known not to have been."""
        return self.counted.values - self.counted.hits

    @property
    def uncounted(self) -> int:
        """Rounds that are over and that nobody here has counted."""
        return max(self.rounds_over - self.counted.rounds, 0)

    @property
    def most_left(self) -> int:
        """How many may still be missed if all that is uncounted rewarded us; below 0, the condition fails."""
        return self.rewarding_at_end - self.needed - self.missed

    @property
    def least_left(self) -> int:
        """How many may still be missed even if nothing that is uncounted rewarded us."""
        return self.most_left - self.uncounted

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked of us: some round rewarded anyone."""
        return self.counted.values > 0

    @property
    def met_so_far(self) -> bool:
        """Whether the condition would hold for the rounds that were counted."""
        return fdc_met(self.counted.hits, self.counted.values)

    @property
    def left(self) -> int | None:
        """How many rounds may still be missed; None when nothing is asked of us, or too much is uncounted to say.

        So 0 always means that none may, and not that nobody here was there to see.
        """
        if not self.is_asked:
            return None
        if self.most_left <= 0:
            return 0
        return self.least_left if self.least_left > 0 else None
