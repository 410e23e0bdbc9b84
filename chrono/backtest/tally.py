"""Frames counted while they go by: how near each rule came to the source that it did not hear."""

from collections.abc import Sequence

from msgspec import Struct, field

from chrono.backtest.agreement import Agreement
from chrono.backtest.blocks import Blocks
from chrono.backtest.frames import Frame
from chrono.market.names import Venue

NEAR = 0.005
"""A price this near to the left-out source's, as a share of it, is right: half a percent."""

AGREED = (0.95, 0.5, 1.0)
"""Over how much of the hour before a source has to have agreed with the rest: the first is the definition of *fair*
(not all of it, as one stray print would make an honest source no yardstick for an hour), the others stand beside."""

BPS = 10_000


class Nearness(Struct):
    """One source left out: how often our value was within NEAR of it.

    `known`: instants at which the source itself was fresh. `votable`: of these, with a value of ours to vote with.
    `judged`: of these, counted. `near`: of these, within NEAR. `fair` and `fair_near` the same of the instants
    before which it had agreed with the rest, by each share of AGREED.
    """

    known: int = 0
    votable: int = 0
    judged: int = 0
    near: int = 0
    fair: list[int] = field(default_factory=lambda: [0] * len(AGREED))
    fair_near: list[int] = field(default_factory=lambda: [0] * len(AGREED))


class Tally:
    """The frames of one market.

    An instant is judged when our value is fit to vote with; with `any_value`, whenever there is one. The errors of
    all rules are counted at the judged instants at which every rule says something, so that they are of the same.
    """

    def __init__(self, rules: Sequence[str], length_ns: int, *, any_value: bool) -> None:
        self.rules = tuple(rules)
        self.blocks = Blocks(len(self.rules), length_ns)
        self.left_out: dict[Venue, Nearness] = {}
        self.compared = 0
        self._any_value = any_value
        self._agreement: dict[Venue, Agreement] = {}

    def add(self, frame: Frame) -> None:
        """Count one frame; instants go forward."""
        if frame.reference is None:
            return
        count = self.left_out.setdefault(frame.left_out, Nearness())
        count.known += 1
        count.votable += frame.votable
        lately = self._lately(frame, frame.reference)
        ours = frame.prices[0]
        if ours is None or not (frame.votable or self._any_value):
            return
        near = abs(ours / frame.reference - 1.0) <= NEAR
        count.judged += 1
        count.near += near
        for place, distance in enumerate(lately):
            fair = distance is not None and distance <= NEAR
            count.fair[place] += fair
            count.fair_near[place] += fair and near
        self._compare(frame, frame.reference)

    def _lately(self, frame: Frame, reference: float) -> tuple[float | None, ...]:
        agreement = self._agreement.setdefault(frame.left_out, Agreement())
        lately = agreement.lately(frame.at_ns, AGREED)
        if frame.plain is not None:
            agreement.add(frame.at_ns, abs(reference / frame.plain - 1.0))
        return lately

    def _compare(self, frame: Frame, reference: float) -> None:
        said = [price for price in frame.prices if price is not None]
        if len(said) == len(self.rules):
            self.compared += 1
            self.blocks.add(frame.at_ns, [abs(price / reference - 1.0) * BPS for price in said])
