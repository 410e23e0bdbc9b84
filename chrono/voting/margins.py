"""How far from every deadline we stay: the moments of a round that are ours to choose.

As shares of an epoch of 90 s and a reveal window of 45 s, so that a chain with shorter epochs keeps the same shape; but
a block takes its time there too, so a commit is given at least a few seconds.
Sources: fsp.md section 1 (windows, and what the official client does when), failures.md 1 (figures to copy).
"""

from typing import Final, Self

from msgspec import Struct

from chrono.clock import MS_NS, SECOND_NS
from chrono.flare.epochs import (
    FINALISATION_GRACE_S,
    REVEAL_WINDOW_S,
    SIGNATURE_GRACE_S,
    VOTING_EPOCH_S,
    Timing,
)

_COMMIT_LEAD: Final = (4 * SECOND_NS, 2, 5)
"""From the values to the commit deadline: at least so much, but no more than two fifths of the epoch."""

_STOP_LEAD: Final = (2 * SECOND_NS, 1, 5)
"""From the last first send to the deadline: the same, with one fifth."""


class Margins(Struct, frozen=True, kw_only=True):
    """Durations in nanoseconds. What ends in `_after_ns` counts from the start of the window it is about."""

    values_after_ns: int = 75 * SECOND_NS
    """In the voting epoch: when the values are taken."""
    commit_join_ns: int = 1500 * MS_NS
    """From then on: how long our commit waits for the frames of sub-protocols."""
    commit_stop_after_ns: int = 84 * SECOND_NS
    """In the voting epoch: no commit is sent for the first time later, and none is bumped."""
    reveal_after_ns: int = 3 * SECOND_NS
    """In the reveal window: when the reveal goes. Earlier, a lagging block could still be of the epoch before."""
    bit_vote_after_ns: int = 15 * SECOND_NS
    """In the reveal window: when the sub-protocols' frames are fetched, whose votes need that time to ripen."""
    reveal_join_ns: int = 1500 * MS_NS
    """From then on: how long our reveal waits for the frames of sub-protocols that have answered before."""
    sign_join_ns: int = 5 * SECOND_NS
    """From the reveal deadline: how long one protocol's signature waits for the others'."""
    sign_grace_ns: int = SIGNATURE_GRACE_S * SECOND_NS
    """From the reveal deadline: how long a signature is rewarded whatever happens."""
    finalisation_grace_ns: int = FINALISATION_GRACE_S * SECOND_NS
    """From the reveal deadline: how long only the selected finalise, the last instant included."""
    anyone_after_ns: int = 500 * MS_NS
    """From the end of that grace: when we finalise what nobody did."""
    poll_ns: int = SECOND_NS
    """How soon something that was not there, or failed, is asked for again."""
    most_head_age_ns: int = 10 * SECOND_NS
    """Before a commit the newest block may be this old."""
    most_skew_ns: int = 10 * SECOND_NS
    """Before a commit the machine's clock may be this far from the chain's."""
    most_late_ns: int = 3 * SECOND_NS
    """Before a commit the newest block may be so far ahead of our time: we began by a late clock, when it is more."""

    @classmethod
    def of(cls, timing: Timing) -> Self:
        """The margins of a calendar: as they are for 90 s and 45 s, else the same shares with time for a few blocks."""
        epoch, reveal = _Share(timing.epoch_s, VOTING_EPOCH_S), _Share(timing.reveal_s, REVEAL_WINDOW_S)
        after = _Share(timing.epoch_s - timing.reveal_s, VOTING_EPOCH_S - REVEAL_WINDOW_S)
        usual = cls()
        return cls(
            values_after_ns=_led(epoch.of(usual.values_after_ns), timing, _COMMIT_LEAD),
            commit_join_ns=epoch.of(usual.commit_join_ns),
            commit_stop_after_ns=_led(epoch.of(usual.commit_stop_after_ns), timing, _STOP_LEAD),
            reveal_after_ns=reveal.of(usual.reveal_after_ns),
            bit_vote_after_ns=reveal.of(usual.bit_vote_after_ns),
            reveal_join_ns=reveal.of(usual.reveal_join_ns),
            sign_join_ns=after.of(usual.sign_join_ns),
            sign_grace_ns=after.of(usual.sign_grace_ns),
            finalisation_grace_ns=after.of(usual.finalisation_grace_ns),
            anyone_after_ns=after.of(usual.anyone_after_ns),
            poll_ns=min(usual.poll_ns, max(epoch.of(usual.poll_ns), 50 * MS_NS)),
        )


def _led(after_ns: int, timing: Timing, lead: tuple[int, int, int]) -> int:
    """So long after the start of the epoch, or earlier where that leaves too little time before its end."""
    least_ns, part, whole = lead
    epoch_ns = timing.epoch_s * SECOND_NS
    return min(after_ns, epoch_ns - min(least_ns, epoch_ns * part // whole))


class _Share(Struct, frozen=True):
    """How long a calendar's span is beside Flare's own, of the same unit."""

    part: int
    whole: int

    def of(self, duration_ns: int) -> int:
        """The same share of a duration, in whole nanoseconds."""
        return duration_ns * self.part // self.whole
