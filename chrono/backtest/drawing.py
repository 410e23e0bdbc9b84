"""Lines, bars and strips as SVG that stands in a page by itself: no script, no font, nothing from outside."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 64, 40, 12, 30
COLOURS = 9
"""How many lines have a colour of their own; the page's style names them c0 to c8."""

Point = tuple[float, float]


class Scale(NamedTuple):
    """From values to places: `low` at `start`, `high` at `end`; by their logarithm when so told."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The place of a value; what lies beyond the ends is put there."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, value = log10(low), log10(high), log10(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def decades(self) -> list[float]:
        """The powers of ten on a logarithmic scale, ends included."""
        return [10.0**power for power in range(ceil(log10(self.low)), floor(log10(self.high)) + 1)]


def decades_around(values: Iterable[float], least: float = 0.01) -> tuple[float, float]:
    """The whole powers of ten around positive values; smaller ones than `least` are put there."""
    held = [max(value, least) for value in values] or [1.0]
    low, high = 10.0 ** floor(log10(min(held))), 10.0 ** ceil(log10(max(held)))
    return low, high if high > low else low * 10.0


def picture(height: float, parts: Iterable[str], label: str) -> str:
    """A picture with its description for those who do not see it."""
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">{body}</svg>'


def text(x: float, y: float, told: str, kind: str = "", title: str = "") -> str:
    """A word at a place; `kind` is its class."""
    more = f"<title>{escape(title)}</title>" if title else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{more}{escape(told)}</text>'


def line(points: Sequence[Point], kind: str, title: str) -> str:
    """A line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" class="line {kind}"><title>{escape(title)}</title></polyline>'


def box(x: float, y: float, width: float, height: float, kind: str, title: str, strength: float = 1.0) -> str:
    """A filled box; `strength` between 0 and 1 is how much of its colour it has."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"'
    return f'<rect {place} class="{kind}" fill-opacity="{strength:.2f}"><title>{escape(title)}</title></rect>'


def ruled(scale: Scale, *, upright: bool, across: tuple[float, float], unit: str) -> list[str]:
    """The powers of ten of a scale as faint lines with their numbers."""
    parts = []
    for value in scale.decades():
        place, told = scale.at(value), f"{value:g}{unit}"
        if upright:
            parts += [f'<path d="M{place:.1f} {across[0]:.1f}V{across[1]:.1f}" class="rule"/>']
            parts += [text(place, across[1] + 16, told, "tick middle")]
        else:
            parts += [f'<path d="M{across[0]:.1f} {place:.1f}H{across[1]:.1f}" class="rule"/>']
            parts += [text(across[0] - 6, place + 4, told, "tick end")]
    return parts


def dated(starts: Sequence[str], scale: Scale, y: float, most: int = 6) -> list[str]:
    """Some of these instants (RFC 3339) under a scale whose values are their places in the list."""
    if not starts:
        return []
    step = max(1, ceil(len(starts) / most))
    days = len({start[:10] for start in starts}) > 2
    told = [(place, datetime.fromisoformat(starts[place])) for place in range(0, len(starts), step)]
    return [
        text(scale.at(place), y, f"{at:%d %b %H:%M}" if days else f"{at:%H:%M}", "tick middle") for place, at in told
    ]


def legend(names: Sequence[str]) -> str:
    """Which colour is whose, as HTML."""
    items = "".join(f'<li><i class="b{place % COLOURS}"></i>{escape(name)}</li>' for place, name in enumerate(names))
    return f'<ul class="legend">{items}</ul>'
