"""The pictures of a report: error over time, its distribution, who was left out, and when there was no value."""

from collections.abc import Sequence

from chrono.backtest.drawing import (
    BOTTOM,
    COLOURS,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Point,
    Scale,
    box,
    dated,
    decades_around,
    legend,
    line,
    picture,
    ruled,
    text,
)
from chrono.backtest.results import ErrorStretch, MarketResult

HEIGHT = 280.0
ROW = 22.0
NAME = 150
"""Room for the names of sources."""


def error_over_time(market: MarketResult, rules: Sequence[str], figure: str) -> str:
    """The median or P99 of each rule's error, stretch by stretch, on a logarithmic scale."""
    told = [[_of(stretch, figure)[place] for stretch in market.over_time] for place in range(len(rules))]
    low, high = decades_around(value for values in told for value in values if value is not None)
    x = Scale(0, max(len(market.over_time) - 1, 1), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP, logarithmic=True)
    parts = ruled(y, upright=False, across=(LEFT, WIDTH - RIGHT), unit="")
    parts += dated([stretch.start for stretch in market.over_time], x, HEIGHT - 8)
    # Ours last, so that it lies above the others.
    for place in [*range(1, len(rules)), 0]:
        points = [(x.at(at), y.at(max(v, low))) for at, v in enumerate(told[place]) if v is not None]
        parts.append(line(points, _line(place), rules[place]))
    label = f"{market.market}: {figure} of the error in bps over time, by rule"
    return picture(HEIGHT, parts, label) + legend(rules)


def distribution(market: MarketResult) -> str:
    """Which share of the instants each rule's error stays below."""
    least, most = decades_around(bps for curve in market.distribution for bps in curve.bps)
    x = Scale(least, most, LEFT, WIDTH - RIGHT, logarithmic=True)
    y = Scale(0, 100, HEIGHT - BOTTOM, TOP)
    parts = ruled(x, upright=True, across=(TOP, HEIGHT - BOTTOM), unit=" bps")
    parts += [text(LEFT - 6, y.at(share) + 4, f"{share:g} %", "tick end") for share in (0, 25, 50, 75, 99)]
    for place in [*range(1, len(market.distribution)), 0]:
        curve = market.distribution[place]
        points: list[Point] = [
            (x.at(max(bps, least)), y.at(share)) for bps, share in zip(curve.bps, curve.percent, strict=True)
        ]
        parts.append(line(points, _line(place), curve.rule))
    label = f"{market.market}: share of instants up to each error, by rule"
    return picture(HEIGHT, parts, label) + legend([curve.rule for curve in market.distribution])


def exclusions(market: MarketResult) -> str:
    """Of each source the share of the instants at which it was left out, by reason, and was silent."""
    reasons = sorted({reason for fate in market.fates for reason in fate.left_out})
    height = TOP + ROW * len(market.fates) + BOTTOM
    x = Scale(0, 100, NAME, WIDTH - RIGHT)
    parts = [text(x.at(share), height - 8, f"{share:g} %", "tick middle") for share in (0, 25, 50, 75, 100)]
    for row, fate in enumerate(market.fates):
        y, place = TOP + ROW * row, 0.0
        parts.append(text(NAME - 8, y + 15, fate.source, "tick end"))
        told = [*((reason, fate.left_out.get(reason, 0)) for reason in reasons), ("silent", fate.silent)]
        for kind, (reason, count) in enumerate(told):
            share = 100.0 * count / max(market.instants, 1)
            if count:
                colour = "silent" if reason == "silent" else f"b{(kind + 1) % COLOURS}"
                title = f"{fate.source}: {reason} {share:.2f} %"
                parts.append(box(x.at(place), y + 3, x.at(place + share) - x.at(place), ROW - 6, colour, title))
            place += share
    label = f"{market.market}: share of instants at which each source was left out or silent"
    return picture(height, parts, label) + _reasons(reasons)


def missing(market: MarketResult) -> str:
    """When there was no value to vote with, and when each source was silent: the darker, the longer."""
    rows = ["no value", *market.sources]
    height = TOP + ROW * len(rows) + BOTTOM
    x = Scale(0, max(len(market.stretches), 1), NAME, WIDTH - RIGHT)
    parts = dated([stretch.start for stretch in market.stretches], x, height - 8)
    for row, name in enumerate(rows):
        y = TOP + ROW * row
        parts.append(text(NAME - 8, y + 15, name, "tick end"))
        parts.append(box(NAME, y + 3, WIDTH - RIGHT - NAME, ROW - 6, "strip", name))
        for place, stretch in enumerate(market.stretches):
            share = stretch.without_value if row == 0 else stretch.silent.get(name, 0.0)
            if share > 0.0:
                title = f"{name}, {stretch.start}: {share:g} % of the stretch"
                wide = x.at(place + 1) - x.at(place)
                strength = 0.25 + 0.75 * share / 100.0
                parts.append(box(x.at(place), y + 3, wide, ROW - 6, "b1" if row == 0 else "silent", title, strength))
    return picture(height, parts, f"{market.market}: stretches without a value, and silent sources")


def _of(stretch: ErrorStretch, figure: str) -> list[float | None]:
    return stretch.median if figure == "median" else stretch.p99


def _line(place: int) -> str:
    return f"c{place % COLOURS}" + (" ours" if place == 0 else "")


def _reasons(reasons: Sequence[str]) -> str:
    items = "".join(f'<li><i class="b{(kind + 1) % COLOURS}"></i>{reason}</li>' for kind, reason in enumerate(reasons))
    return f'<ul class="legend">{items}<li><i class="silent"></i>silent</li></ul>'
