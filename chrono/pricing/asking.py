"""Cases put to the Rust core as columns, and its answers read back.

The live path and the recomputation of a stored derivation both go through `find`, so that they cannot differ.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Literal

import chrono_core
from chrono.pricing.case import FUTURE_NS, Case, Found, Nothing
from chrono_core import FEATURES, AnomalyModel, EstimateError, Round, consensus_many

N_FEATURES = len(FEATURES)

_Recorded = tuple[list[float | None], float]
_Asked = AnomalyModel | _Recorded | Literal["features"] | None

_NUMBERS = (
    "price", "vwap", "twap", "median", "weighted_median", "mean", "std_dev", "level", "spread_bps", "confidence",
)  # fmt: skip
"""The columns of the core that are one number per case, named as in `Found`."""


def find(cases: Sequence[Case], *, watch: bool = False) -> list[Found | Nothing]:
    """The consensus of each case, in one call. All have one instant, one rule and one learned layer.

    Shapes: (n,) to (n,). With `watch`, the features of every source are told even without a model, for training.
    """
    if not cases:
        return []
    columns = _Columns()
    for case in cases:
        columns.append(case)
    learned: _Asked = "features" if watch else _learned(cases)
    found = consensus_many(
        columns.prices,
        columns.volumes,
        columns.times,
        columns.ids,
        columns.offsets,
        rates=columns.rates,
        learned=learned,
        **_options(cases[0]),
    )
    return _read(found, told=learned is not None)


def without_each(case: Case) -> list[float | None]:
    """The price that the same rule gives without each source, in their order; None where nothing is left.

    A source whose points do not count changes nothing, and has None too.
    """
    columns = _Columns()
    columns.append(case)
    try:
        found = chrono_core.without_each(
            columns.prices,
            columns.volumes,
            columns.times,
            columns.ids,
            rates=columns.rates,
            learned=_learned([case]),
            **_options(case),
        )
    except EstimateError:
        return [None] * len(case.sources)
    return [found.get(place) for place in range(len(case.sources))]


def _options(case: Case) -> dict[str, Any]:
    """The rule as the core names it."""
    rule = case.rule
    return {
        "at_ns": case.at_ns,
        "half_life_ns": rule.half_life_ns,
        "max_age_ns": rule.window_ns,
        "future_tolerance_ns": FUTURE_NS,
        "k": rule.k,
        "floor_bps": rule.floor_bps,
        "min_sources": rule.minimum_sources,
        "max_weight": rule.max_weight,
        "apart_bps": rule.apart_bps,
        "trust_floor": rule.trust_floor,
    }


def _learned(cases: Sequence[Case]) -> AnomalyModel | _Recorded | None:
    """The learned layer as the core takes it: the model, or the recorded score of each row's source."""
    learned = cases[0].learned
    if learned is None or learned.model is not None:
        return None if learned is None else learned.model
    scores: list[float | None] = []
    for case in cases:
        for source, score in zip(case.sources, case.learned.scores if case.learned else (), strict=True):
            scores += [score] * len(source.points.times)
    return scores, learned.limit


class _Columns:
    """The points of all cases, one after the other; case c owns the rows `offsets[c]` to `offsets[c + 1]`."""

    def __init__(self) -> None:
        self.prices: array[float] = array("d")
        self.volumes: array[float] = array("d")
        self.times: array[int] = array("q")
        self.ids: array[int] = array("q")
        self.rates: array[float] = array("d")
        self.offsets: array[int] = array("q", [0])

    def append(self, case: Case) -> None:
        for place, source in enumerate(case.sources):
            times, prices, volumes = source.points
            n = len(times)
            self.times.extend(times)
            self.prices.extend(prices)
            self.volumes.extend(volumes)
            self.ids.extend(array("q", (place,)) * n)
            self.rates.extend(array("d", (case.rate(source),)) * n)
        self.offsets.append(len(self.times))


def _read(found: Round, *, told: bool) -> list[Found | Nothing]:
    numbers = zip(*(getattr(found, name).to_list() for name in _NUMBERS), strict=True)
    cuts = found.source_offsets.to_list()
    estimates, weights = found.source_estimate.to_list(), found.source_weight.to_list()
    verdicts, details = found.source_verdict, found.detail
    flags, trust = found.source_flags.to_list(), found.source_trust.to_list()
    scores, features = (found.source_score.to_list(), found.source_features.to_list()) if told else ([], [])
    rows: list[Found | Nothing] = []
    for feed, (row, reason) in enumerate(zip(numbers, found.reason, strict=True)):
        if reason is not None:
            rows.append(Nothing(reason, details[feed] or ""))
            continue
        start, end = cuts[feed], cuts[feed + 1]
        own = slice(start, end)
        named: dict[str, Any] = dict(zip(_NUMBERS, row, strict=True))
        rows.append(
            Found(
                **named,
                estimates=estimates[own],
                weights=weights[own],
                verdicts=verdicts[own],
                flags=flags[own],
                trust=trust[own],
                scores=scores[own],
                features=features[start * N_FEATURES : end * N_FEATURES],
            )
        )
    return rows
