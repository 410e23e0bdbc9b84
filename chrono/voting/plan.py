"""The moments of one round, on the chain's clock: when each step begins, and when it is too late for it."""

from typing import Self

from msgspec import Struct

from chrono.flare.epochs import Span, VotingRound
from chrono.voting.margins import Margins


class RoundPlan(Struct, frozen=True, kw_only=True):
    """Times in nanoseconds since 1970 UTC. A deadline is the first instant that is too late."""

    round: VotingRound
    values_at_ns: int
    """The values are taken."""
    commit_join_by_ns: int
    """The commit waits no longer for frames of sub-protocols."""
    commit_stop_ns: int
    """The last instant at which a commit may be sent for the first time, or bumped."""
    commit_deadline_ns: int
    """Blocks from here on are of the next voting epoch."""
    reveal_from_ns: int
    """The reveal may go."""
    bit_votes_at_ns: int
    """The sub-protocols are asked for their part of submit2."""
    reveal_join_by_ns: int
    """The reveal waits no longer for them."""
    reveal_deadline_ns: int
    """Blocks from here on hold no reveal that counts."""
    sign_from_ns: int
    """The result can be known: the reveal deadline."""
    sign_join_by_ns: int
    """One protocol's signature waits no longer for another's."""
    sign_by_ns: int
    """The end of the grace: later signatures are rewarded only until the round is finalised."""
    sign_over_ns: int
    """The next voting epoch ends, and with it the rewards of signatures."""
    finalise_selected: Span
    """Only the selected finalise."""
    finalise_anyone_ns: int
    """We finalise what nobody did."""
    over_ns: int
    """Nothing is done for this round any more."""
    margins: Margins
    """What the plan was made with."""

    @classmethod
    def of(cls, voting_round: VotingRound, margins: Margins | None = None) -> Self:
        """The plan of a round; the margins are by its calendar unless given."""
        margins = margins or Margins.of(voting_round.timing)
        opened, reveal = voting_round.commit_window, voting_round.reveal_window
        values_ns, deadline_ns = opened.start_ns + margins.values_after_ns, reveal.end_ns
        bit_votes_ns = reveal.start_ns + margins.bit_vote_after_ns
        grace_end_ns = deadline_ns + margins.finalisation_grace_ns + 1
        anyone_ns, over_ns = grace_end_ns + margins.anyone_after_ns, voting_round.signature_window.end_ns
        return cls(
            round=voting_round,
            values_at_ns=values_ns,
            commit_join_by_ns=values_ns + margins.commit_join_ns,
            commit_stop_ns=opened.start_ns + margins.commit_stop_after_ns,
            commit_deadline_ns=opened.end_ns,
            reveal_from_ns=reveal.start_ns + margins.reveal_after_ns,
            bit_votes_at_ns=bit_votes_ns,
            reveal_join_by_ns=bit_votes_ns + margins.reveal_join_ns,
            reveal_deadline_ns=deadline_ns,
            sign_from_ns=deadline_ns,
            sign_join_by_ns=deadline_ns + margins.sign_join_ns,
            sign_by_ns=deadline_ns + margins.sign_grace_ns,
            sign_over_ns=over_ns,
            finalise_selected=Span(deadline_ns, grace_end_ns),
            finalise_anyone_ns=anyone_ns,
            over_ns=over_ns,
            margins=margins,
        )

    @property
    def id(self) -> int:
        """The number of the round."""
        return self.round.id

    @property
    def moments(self) -> tuple[int, ...]:
        """Every time at which something may begin or end."""
        return (
            self.values_at_ns,
            self.commit_join_by_ns,
            self.commit_stop_ns + 1,
            self.commit_deadline_ns,
            self.reveal_from_ns,
            self.bit_votes_at_ns,
            self.reveal_join_by_ns,
            self.reveal_deadline_ns,
            self.sign_join_by_ns,
            self.sign_by_ns,
            self.finalise_anyone_ns,
            self.sign_over_ns,
            self.over_ns,
        )
