"""Each source of a market left out in turn, by `chrono.backtest`: the window, graph and rule that price live.

The other rules get the very points that ours got.
"""

from pathlib import Path
from typing import Any, NamedTuple

from chrono.backtest.blocks import Blocks
from chrono.backtest.frames import OURS, Asked
from chrono.backtest.outcome import market_result
from chrono.backtest.results import MarketResult
from chrono.backtest.rivals import RIVALS
from chrono.backtest.running import run
from chrono.clock import SECOND_NS
from chrono.settings import Pricing
from chrono.simulation.replay import Replay
from tests.truth.recordings import Inquiry, opened

RULES = (OURS, *RIVALS)

VARIANTS: dict[str, dict[str, Any]] = {
    **{f"half_life_s {seconds}": {"half_life_ns": seconds * SECOND_NS} for seconds in (1, 2, 5, 10, 20)},
    **{f"floor_bps {bps}": {"floor_bps": float(bps)} for bps in (5, 10, 20)},
}
"""Our rule with one number changed, on the same points; conversions keep the rates of the unchanged rule."""


class Task(NamedTuple):
    """One market of one recording, and the rule; with or without the variants."""

    inquiry: Inquiry
    rules: Pricing
    data: Path
    variants: bool = False


class Measured(NamedTuple):
    """What came of it, and the errors themselves, to be put together with those of other markets."""

    result: MarketResult
    blocks: Blocks


def leave_out(task: Task) -> Measured:
    """Leave out every source of the market in turn; of a thin one every value counts."""
    inquiry, recording = task.inquiry, task.inquiry.recording
    every_ns = recording.every_s * SECOND_NS
    tape = opened(recording, task.data)
    replay = Replay([tape], task.rules, markets=[inquiry.target], every_ns=every_ns)
    asked = Asked(RIVALS, VARIANTS if task.variants else {})
    (counted,) = run(replay, asked, fresh_ns=recording.fresh_s * SECOND_NS, any_value=inquiry.thin)
    return Measured(market_result(counted, every_ns), counted.tally.blocks)
