"""What came of a backtest, as one document: `--json` is this, and the report is drawn from it.

Errors are absolute, in 1/10000 (bps) of the source that was left out. Shares are percent; null of nothing.
"""

from msgspec import Struct


class Interval(Struct, frozen=True):
    """Where a figure lies, 95 %, bps: whole stretches of time resampled."""

    low: float
    high: float


class Figure(Struct, frozen=True):
    """One figure of one rule. `behind`: our figure minus this rule's; below 0 ours is smaller. Intervals are null
    when the recording is too short for any, and our own has nothing to be behind of.
    """

    bps: float
    interval: Interval | None
    behind: Interval | None


class RuleResult(Struct, frozen=True):
    """One rule over all sources of one market that were left out in turn."""

    rule: str
    median: Figure
    p99: Figure


class LeftOut(Struct, frozen=True):
    """One source left out. `instants`: at which it was fresh itself. `with_value`: of these with a value of ours to
    vote with. `judged`: those counted. `near`: of these within 0.5 % of it. `fair_instants`: of the judged those before
    which it had agreed with the rest for an hour, `near_fair` the share of them; `near_half` and `near_whole` ask
    for agreement at half and at all of that hour.
    """

    source: str
    instants: int
    with_value: float | None
    judged: int
    near: float | None
    fair_instants: int
    near_fair: float | None
    near_half: float | None
    near_whole: float | None


class Fate(Struct, frozen=True):
    """What became of one source, nobody left out on purpose. `left_out` by reason; `silent`: not there at all."""

    source: str
    used: int
    silent: int
    left_out: dict[str, int]


class Stretch(Struct, frozen=True):
    """One stretch of time: percent of its instants without a value, and of each source silent or left out."""

    start: str
    without_value: float
    silent: dict[str, float]
    left_out: dict[str, float]


class ErrorStretch(Struct, frozen=True):
    """One stretch of time: median and P99 of the error of each rule, in bps; null where nothing was compared."""

    start: str
    median: list[float | None]
    p99: list[float | None]


class Curve(Struct, frozen=True):
    """One rule: the percent of instants at which its error is no more than each of `bps`."""

    rule: str
    bps: list[float]
    percent: list[float]


class MarketResult(Struct, frozen=True):
    """One market. `compared`: instants and sources at which every rule said something; the rules' figures are of these.

    `missing_minutes`: of the recording, without a value to vote with; `reasons` says why, in instants.
    """

    market: str
    sources: list[str]
    instants: int
    compared: int
    rules: list[RuleResult]
    left_out: list[LeftOut]
    fates: list[Fate]
    missing_minutes: float
    reasons: dict[str, int]
    over_time: list[ErrorStretch]
    distribution: list[Curve]
    stretches: list[Stretch]


class Results(Struct, frozen=True, kw_only=True):
    """The whole backtest. `block_s`: the length of a resampled stretch, seconds. `all_markets`: the rules over all of
    them together.
    """

    files: list[str]
    start: str
    end: str
    every_ms: int
    rules: list[str]
    reference: str
    min_sources: int
    any_value: bool
    fresh_s: float
    block_s: float
    tape_rows: int
    skipped: dict[str, int]
    faults: list[str]
    markets: list[MarketResult]
    all_markets: list[RuleResult]
    report: str | None = None
    wall_s: float = 0.0
