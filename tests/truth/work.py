"""The whole measurement as pieces of work, shared out over two processes."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from chrono.clock import SECOND_NS, SystemClock
from chrono.market.names import Market
from chrono.settings import Pricing
from chrono.simulation.replay import with_minimum
from tests.truth.episodes import LABELLED, Calm, calm_days, crash_day
from tests.truth.leaving_out import Task, leave_out
from tests.truth.lying import SIX, one_liar, outage, two_liars
from tests.truth.planted import planted, plants
from tests.truth.recordings import DEPEG, RECORDINGS, Inquiry, Recording, inquiries

PROCESSES = 2
CALM_UNTIL = datetime(2023, 3, 5, tzinfo=UTC)
PLANTED_S, PLANTED_QUICK_S = 1800, 300
VARIED = frozenset({"BTC/USD", "BTC/USDT", "AVAX/USD", "LINK/USD", "XLM/USD"})
"""The markets on which the main numbers of the rule are varied."""


class Piece(NamedTuple):
    """One piece of work: its section, what it is called, and the call that does it."""

    section: str
    name: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]


def _span(start: str, end: str) -> tuple[int, int]:
    first, last = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in (start, end))
    return first * SECOND_NS, last * SECOND_NS


QUICK_DEPEG, QUICK_CRASH = _span("2023-03-11T00:00", "2023-03-11T06:00"), _span("2025-10-10T21:10", "2025-10-10T21:40")


def recordings(*, quick: bool) -> list[Recording]:
    """What is measured; when it is to be quick, the worst six hours of the one and half hour of the other incident."""
    if not quick:
        return list(RECORDINGS)
    crash = [recording._replace(span=QUICK_CRASH) for recording in RECORDINGS if "AVAX" in recording.name]
    return [DEPEG._replace(span=QUICK_DEPEG), *crash]


def pieces(data: Path, rules: Pricing, *, quick: bool) -> list[Piece]:
    """All of the work, the longest first."""
    found = [piece for recording in recordings(quick=quick) for piece in _left_out(recording, data, rules)]
    span = QUICK_CRASH if quick else (0, 2**63 - 1)
    bases = LABELLED[:1] if quick else LABELLED
    found += [Piece("crash", base, crash_day, (base, data, rules, 1, span)) for base in bases]
    if not quick:
        found += [Piece("calm", calm.market, calm_days, (calm, data, rules)) for calm in _calm(data)]
    seconds = PLANTED_QUICK_S if quick else PLANTED_S
    found += [Piece("planted", plant.name, planted, (plant, seconds, rules)) for plant in plants(seconds)]
    found += [
        Piece("one_liar", "one liar of six", one_liar, (rules,)),
        Piece("two_liars", "two liars of six", two_liars, (rules,)),
        Piece("outage", "all six away", outage, (rules,)),
        Piece("outage", "one away", outage, (rules, SIX[:1])),
    ]
    return found


def _left_out(recording: Recording, data: Path, rules: Pricing) -> list[Piece]:
    return [
        Piece("left_out", inquiry.name, leave_out, (_task(inquiry, data, rules),))
        for inquiry in inquiries(recording, data)
        if inquiry.left
    ]


def _task(inquiry: Inquiry, data: Path, rules: Pricing) -> Task:
    asked = with_minimum(rules, 1) if inquiry.thin else rules
    return Task(inquiry, asked, data, inquiry.target in VARIED)


def _calm(data: Path) -> list[Calm]:
    """The first four days of the depeg fortnight, and the whole of what else is calm and has several sources."""
    lean = next(recording for recording in RECORDINGS if recording.name.startswith("lean 2022"))
    end = datetime(2023, 1, 1, tzinfo=UTC)
    calm = [Calm(DEPEG, Market(market), CALM_UNTIL) for market in ("BTC/USD", "BTC/USDT")]
    return calm + [Calm(lean, i.target, end) for i in inquiries(lean, data) if i.left]


def alone(data: Path) -> list[str]:
    """The markets of which a single source was recorded: without it nothing is left."""
    return [i.name for recording in RECORDINGS for i in inquiries(recording, data) if not i.left]


def done(work: Iterable[Piece]) -> list[tuple[Piece, Any]]:
    """Everything done, in the order given; tells on stderr what is finished."""
    asked = list(work)
    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        waiting = {pool.submit(piece.call, *piece.arguments): place for place, piece in enumerate(asked)}
        for number, future in enumerate(as_completed(waiting), 1):
            seconds = (clock.monotonic_ns() - started_ns) // SECOND_NS
            piece = asked[waiting[future]]
            print(f"{number:3} of {len(asked)}, {seconds:4} s: {piece.name}", file=sys.stderr, flush=True)
            future.result()
        results = {place: future.result() for future, place in waiting.items()}
    return [(piece, results[place]) for place, piece in enumerate(asked)]
