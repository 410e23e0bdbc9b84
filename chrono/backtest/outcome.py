"""From what was counted to the results of one market."""

from collections.abc import Sequence

from chrono.backtest.agreement import HOUR_NS
from chrono.backtest.blocks import Blocks
from chrono.backtest.coverage import Coverage, Stretch
from chrono.backtest.frames import OURS
from chrono.backtest.histogram import Histogram, error_at, joined
from chrono.backtest.intervals import QUANTILES, Certainty, certainties
from chrono.backtest.results import (
    Curve,
    ErrorStretch,
    Fate,
    Figure,
    Interval,
    LeftOut,
    MarketResult,
    RuleResult,
)
from chrono.backtest.results import Stretch as ToldStretch
from chrono.backtest.running import Counted
from chrono.backtest.tally import Nearness, Tally
from chrono.clock import to_rfc3339
from chrono.market.names import Venue

MINUTE_NS = HOUR_NS // 60
CURVE_POINTS = 120


def market_result(counted: Counted, every_ns: int) -> MarketResult:
    """Everything that is told of one market."""
    tally, coverage = counted.tally, counted.coverage
    whole = coverage.whole()
    venues = sorted(whole.fates.keys() | tally.left_out.keys())
    curves = zip(tally.rules, _totals(tally.blocks), strict=True)
    return MarketResult(
        market=counted.market,
        sources=list(venues),
        instants=whole.instants,
        compared=tally.compared,
        rules=rule_results(tally.rules, tally.blocks),
        left_out=[_left_out(venue, tally.left_out[venue]) for venue in sorted(tally.left_out)],
        fates=[_fate(whole, venue) for venue in venues],
        missing_minutes=round((whole.instants - whole.votable) * every_ns / MINUTE_NS, 3),
        reasons=dict(coverage.reasons.most_common()),
        over_time=_over_time(tally),
        distribution=[_curve(rule, total) for rule, total in curves if total.total],
        stretches=_stretches(coverage, venues),
    )


def percent(part: int, whole: int) -> float | None:
    """The share in percent; None of nothing."""
    return 100.0 * part / whole if whole else None


def all_markets(many: Sequence[Counted]) -> list[RuleResult]:
    """The rules over all markets together."""
    rules = many[0].tally.rules
    compared = [one.tally.blocks for one in many if one.tally.compared]
    return rule_results(rules, Blocks.pooled(compared, len(rules))) if compared else []


def rule_results(rules: Sequence[str], blocks: Blocks) -> list[RuleResult]:
    """The figures of every rule, with their certainty; nothing of nothing."""
    totals = _totals(blocks)
    if not totals[0].total:
        return []
    sure: Sequence[Certainty | None] = certainties(blocks) or [None] * len(totals)
    return [_rule(rule, total, known) for rule, total, known in zip(rules, totals, sure, strict=True)]


def _totals(blocks: Blocks) -> list[Histogram]:
    return [joined(blocks.of_rule(rule)) for rule in range(blocks.rules)]


def _rule(rule: str, total: Histogram, sure: Certainty | None) -> RuleResult:
    figures = {
        figure: Figure(
            bps=_bps(total.quantile(share) or 0.0),
            interval=None if sure is None else _interval(sure.own[figure]),
            behind=None if sure is None or rule == OURS else _interval(sure.behind[figure]),
        )
        for figure, share in QUANTILES.items()
    }
    return RuleResult(rule, figures["median"], figures["p99"])


def _interval(found: tuple[float, float]) -> Interval:
    return Interval(*(_bps(bound) for bound in found))


def _bps(value: float) -> float:
    """To a thousandth of a bp: what the bins can tell."""
    return round(value, 3)


def _left_out(venue: Venue, count: Nearness) -> LeftOut:
    fair, half, whole = (percent(near, of) for near, of in zip(count.fair_near, count.fair, strict=True))
    return LeftOut(
        source=venue,
        instants=count.known,
        with_value=percent(count.votable, count.known),
        judged=count.judged,
        near=percent(count.near, count.judged),
        fair_instants=count.fair[0],
        near_fair=fair,
        near_half=half,
        near_whole=whole,
    )


def _fate(whole: Stretch, venue: Venue) -> Fate:
    return Fate(venue, whole.used(venue), whole.silent(venue), whole.left_out(venue))


def _over_time(tally: Tally) -> list[ErrorStretch]:
    starts = tally.blocks.starts()
    by_rule = [list(tally.blocks.of_rule(rule)) for rule in range(len(tally.rules))]
    return [
        ErrorStretch(
            to_rfc3339(start),
            [_quantile(blocks[place], QUANTILES["median"]) for blocks in by_rule],
            [_quantile(blocks[place], QUANTILES["p99"]) for blocks in by_rule],
        )
        for place, start in enumerate(starts)
    ]


def _quantile(block: Histogram, share: float) -> float | None:
    found = block.quantile(share)
    return None if found is None else _bps(found)


def _curve(rule: str, total: Histogram) -> Curve:
    """The share of the errors up to each of some errors: as many points as a picture can show."""
    whole, passed = total.total, 0
    bps: list[float] = []
    shares: list[float] = []
    for bin_, count in total.pairs():
        passed += count
        if not shares or 100.0 * passed / whole - shares[-1] >= 100.0 / CURVE_POINTS or passed == whole:
            bps.append(_bps(error_at(bin_ + 1)))
            shares.append(round(100.0 * passed / whole, 3))
    return Curve(rule, bps, shares)


def _stretches(coverage: Coverage, venues: Sequence[Venue]) -> list[ToldStretch]:
    return [_stretch(start, stretch, venues) for start, stretch in coverage.stretches()]


def _stretch(start_ns: int, stretch: Stretch, venues: Sequence[Venue]) -> ToldStretch:
    def share(part: int) -> float:
        return round(100.0 * part / stretch.instants, 2)

    return ToldStretch(
        start=to_rfc3339(start_ns),
        without_value=share(stretch.instants - stretch.votable),
        silent={venue: share(stretch.silent(venue)) for venue in venues},
        left_out={venue: share(sum(stretch.left_out(venue).values())) for venue in venues},
    )
