"""A backtest from its tapes to its results: one pass over them, in memory that does not grow with their length."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from chrono.backtest.blocks import MOST, block_ns
from chrono.backtest.coverage import Coverage
from chrono.backtest.frames import FRESH_NS, Asked, LeavingOut
from chrono.backtest.reference import LEAVE_ONE_OUT, Reference
from chrono.backtest.tally import Tally
from chrono.market.names import Market
from chrono.market.tapes import Tape
from chrono.market.tapes.bars import BAR_NS, BarsTape
from chrono.simulation.replay import Replay


class Counted(NamedTuple):
    """One market as it was counted."""

    market: Market
    tally: Tally
    coverage: Coverage


def usual_fresh_ns(tapes: Iterable[Tape]) -> int:
    """How old a reference may be when nobody says: a bar's length where there are bars."""
    return BAR_NS if any(isinstance(tape, BarsTape) for tape in tapes) else FRESH_NS


def run(
    replay: Replay,
    asked: Asked,
    *,
    fresh_ns: int,
    any_value: bool,
    reference: Reference = LEAVE_ONE_OUT,
    on_step: Callable[[int], None] = lambda _: None,
) -> list[Counted]:
    """Count every step of the replay; `on_step` is told the tape's time after each."""
    length_ns = block_ns(replay.last_ns - replay.first_ns, replay.every_ns)
    counted = {market: _counted(market, asked, length_ns, any_value=any_value) for market in replay.markets}
    leaving = LeavingOut(asked, replay.survey.taken, fresh_ns=fresh_ns, only=reference.source)
    for step in replay.steps():
        for frame in leaving.frames(step):
            counted[frame.market].tally.add(frame)
        for one in counted.values():
            one.coverage.add(step, one.market)
        on_step(step.at_ns)
    return list(counted.values())


def _counted(market: Market, asked: Asked, length_ns: int, *, any_value: bool) -> Counted:
    tally = Tally(asked.names, length_ns, any_value=any_value)
    return Counted(market, tally, Coverage(length_ns, MOST))
