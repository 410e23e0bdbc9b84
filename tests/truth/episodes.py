"""The labelled episodes of the crash day, and calm days on which nobody should be left out.

How a label is read. It names a venue whose last trade (15 s old at most) stood more than 5 % from that of the nearest
other venue, for three seconds or more. It names a *culprit* only while two other fresh venues agree, that is while
it is the only label of its second and three venues are fresh. With two venues both are listed: that second is a
*dispute*, nobody can know who is wrong, and the right answer is no value to vote with rather than an exclusion.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from chrono.clock import SECOND_NS
from chrono.market.names import Market
from chrono.market.tapes import Selection, open_tape
from chrono.market.tapes.tape import END_NS
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, with_minimum
from tests.truth.figures import NEAR, percent
from tests.truth.recordings import Recording
from tests.truth.verdicts import Judged, judged

LABELS = "crash_2025-10-10_episodes.json"
LABELLED = ("AVAX", "POL", "LINK", "XLM")
FRESH_NS = 15 * SECOND_NS
MINIMUM = 2
"""With three sources only a minimum of two lets one be left out."""


NAMED = frozenset({"jump", "frozen", "deviation", "anomaly"})
"""Verdicts with a name; `outlier` only says that a source was far from the others at that instant."""


class Calm(NamedTuple):
    """A stretch of a recording in which no source is known to have lied."""

    recording: Recording
    market: Market
    until: datetime


def labels(data: Path, base: str) -> dict[int, set[str]]:
    """The labelled venues of every second (whole seconds since 1970) of a symbol."""
    told = json.loads((data / LABELS).read_text())[base]["episodes_gt5pct"]
    found: dict[int, set[str]] = {}
    for episode in told:
        first = int(datetime.fromisoformat(episode["start"]).timestamp())
        for second in range(first, first + episode["seconds"]):
            found.setdefault(second, set()).add(episode["venue"])
    return found


def crash_day(
    base: str, data: Path, rules: Pricing, every_s: int = 1, span: tuple[int, int] = (0, END_NS)
) -> dict[str, Any]:
    """How our verdicts and a three-sigma filter answer the labels of one symbol.

    Points are sources at instants. `recall`: the share of culprits that were left out. `precision`: of all that were
    left out, the share that stood under any label. `apart`: the share that stood more than NEAR from every other
    source, labelled or not. `withheld`: disputes without a value to vote with.
    """
    market = Market(f"{base}/USD")
    tape = open_tape(data / "crash_2025-10-10_trades" / f"{base}.parquet", Selection((), (), True, *span))
    replay = Replay([tape], with_minimum(rules, MINIMUM), markets=[market], every_ns=every_s * SECOND_NS)
    told = labels(data, base)
    count: Counter[str] = Counter()
    for second in _by_instant(judged(replay, [market])):
        _count(second, told.get(second[0].at_ns // SECOND_NS, set()), count)
    return {"symbol": base, **_scores(count)}


def calm_days(calm: Calm, data: Path, rules: Pricing) -> dict[str, Any]:
    """Exclusions on calm days, per hour: a run of instants at which one source is left out counts once.

    `false` are those of sources that stood within NEAR of another one; three-sigma's beside ours.
    """
    until_ns = int(calm.until.replace(tzinfo=UTC).timestamp()) * SECOND_NS
    selection = Selection((), calm.recording.without, calm.recording.perpetuals, 0, until_ns)
    tape = open_tape(data / calm.recording.file, selection)
    replay = Replay([tape], rules, markets=[calm.market], every_ns=calm.recording.every_s * SECOND_NS)
    rows = list(judged(replay, [calm.market]))
    hours = (replay.last_ns - replay.first_ns) / SECOND_NS / 3600
    ours = {(row.at_ns, row.venue) for row in rows if row.left_out and (row.apart or 0.0) <= NEAR}
    sigma = {(row.at_ns, row.venue) for row in rows if row.by_sigma and (row.apart or 0.0) <= NEAR}
    every_ns = calm.recording.every_s * SECOND_NS
    return {
        "stretch": f"{calm.recording.name}: {calm.market}",
        "hours": hours,
        "points": len(rows),
        "reasons": dict(Counter(row.verdict for row in rows if row.left_out).most_common()),
        "false_points": len(ours),
        "false_per_hour": _runs(ours, every_ns) / hours,
        "left_out_percent": percent(len(ours), len(rows)),
        "sigma_per_hour": _runs(sigma, every_ns) / hours,
    }


def _by_instant(rows: Iterable[Judged]) -> Iterable[list[Judged]]:
    held: list[Judged] = []
    for row in rows:
        if held and row.at_ns != held[0].at_ns:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _count(second: list[Judged], labelled: set[str], count: Counter[str]) -> None:
    fresh = [row for row in second if row.at_ns - row.newest_ns <= FRESH_NS]
    culprit = len(fresh) >= 3 and len(labelled & {row.venue for row in fresh}) == 1
    if len(labelled) >= 2:
        count["disputes"] += 1
        count["withheld"] += not second[0].votable
        count["sigma_disputes"] += any(row.by_sigma for row in second)
    for row in second:
        count["points"] += 1
        named = culprit and row.venue in labelled
        count["culprits"] += named
        count["culprits_withheld"] += named and not row.votable
        for rule, out in (("ours", row.left_out), ("named", row.verdict in NAMED), ("sigma", row.by_sigma)):
            count[f"{rule}_out"] += out
            count[f"{rule}_hit"] += named and out
            count[f"{rule}_labelled"] += row.venue in labelled and out
            count[f"{rule}_false"] += out and row.apart is not None and row.apart <= NEAR
        count["flagged_hit"] += named and row.flagged


def _scores(count: Counter[str]) -> dict[str, Any]:
    return dict(count) | {
        f"{rule}_{name}": share
        for rule in ("ours", "named", "sigma")
        for name, share in (
            ("recall", percent(count[f"{rule}_hit"], count["culprits"])),
            ("precision", percent(count[f"{rule}_labelled"], count[f"{rule}_out"])),
            ("apart", percent(count[f"{rule}_out"] - count[f"{rule}_false"], count[f"{rule}_out"])),
        )
    }


def _runs(points: set[tuple[int, str]], every_ns: int) -> int:
    """How many runs of neighbouring instants these are."""
    return sum((at_ns - every_ns, venue) not in points for at_ns, venue in points)
