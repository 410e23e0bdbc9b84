"""From what was counted to what is told, and how a page shows it."""

import pytest
from msgspec import structs

from chrono.backtest.coverage import Coverage
from chrono.backtest.frames import Frame
from chrono.backtest.outcome import market_result
from chrono.backtest.report import page
from chrono.backtest.results import Results
from chrono.backtest.running import Counted
from chrono.backtest.tally import Nearness, Tally
from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue

MARKET = Market("X/USD")


def counted(errors_bps=(), *, nearness=None):
    """A market in which our rule errs by these and the median by twice as much."""
    tally = Tally(("chrono", "median"), 60 * SECOND_NS, any_value=False)
    for second, bps in enumerate(errors_bps):
        prices = (100.0 * (1 + bps / 1e4), 100.0 * (1 + 2 * bps / 1e4))
        tally.add(Frame(second * SECOND_NS, MARKET, Venue("ash"), 100.0, 100.0, votable=True, prices=prices))
    if nearness is not None:
        tally.left_out[Venue("ash")] = nearness
    return Counted(MARKET, tally, Coverage(60 * SECOND_NS, 8))


def test_each_share_is_of_its_own_instants():
    told = Nearness(known=1000, votable=500, judged=400, near=100, fair=[200, 300, 50], fair_near=[190, 150, 50])
    (row,) = market_result(counted(nearness=told), SECOND_NS).left_out
    assert (row.instants, row.judged, row.fair_instants) == (1000, 400, 200)
    assert (row.with_value, row.near, row.near_fair, row.near_half, row.near_whole) == (50.0, 25.0, 95.0, 50.0, 100.0)


def test_of_nothing_no_share_is_told():
    result = market_result(counted(nearness=Nearness()), SECOND_NS)
    (row,) = result.left_out
    assert (row.with_value, row.near, row.near_fair) == (None, None, None)
    assert (result.rules, result.distribution, result.over_time) == ([], [], [])


def test_the_distribution_ends_at_all_instants_and_never_falls():
    result = market_result(counted([n / 10 for n in range(1, 2000)]), SECOND_NS)
    ours, other = result.distribution
    assert ours.percent[-1] == other.percent[-1] == 100.0
    assert ours.percent == sorted(ours.percent)
    assert len(ours.percent) <= 125
    half = next(bps for bps, share in zip(ours.bps, ours.percent, strict=True) if share >= 50)
    assert half == pytest.approx(100.0, rel=0.02)
    assert [stretch.median[0] for stretch in result.over_time[:2]] == pytest.approx([3.0, 9.0], rel=0.03)
    assert result.rules[1].median.bps == pytest.approx(2 * result.rules[0].median.bps, rel=0.003)


def test_whatever_is_told_is_shown_as_text():
    market = market_result(counted([1.0] * 20, nearness=Nearness(known=20, judged=20)), SECOND_NS)
    evil = [structs.replace(row, source="<i>ash</i>") for row in market.left_out]
    results = Results(
        files=["<script>1</script>"],
        start="2025-10-10T00:00:00.000Z",
        end="2025-10-11T00:00:00.000Z",
        every_ms=1000,
        rules=["chrono", "median"],
        reference="leave-one-out",
        min_sources=3,
        any_value=False,
        fresh_s=15.0,
        block_s=60.0,
        tape_rows=1,
        skipped={},
        faults=[],
        markets=[structs.replace(market, market="<b>X</b>/USD", left_out=evil)],
        all_markets=[],
    )
    text = page(results)
    assert not any(tag in text for tag in ("<i>ash", "<script", "<b>X"))
    assert "&lt;i&gt;ash&lt;/i&gt;" in text
