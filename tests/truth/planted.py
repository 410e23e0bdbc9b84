"""Faults planted into simulated tapes: was every point rightly kept or left out?

A point is one source of one market at one instant. It is *bad* when its newest price was said under a fault, or is old
because of one, and is more than BAD_BPS from the fair price; *good* when no fault touched it and it is within GOOD_BPS.
What lies between is not judged: a frozen book whose price is still right does no harm, kept or left out.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue
from chrono.settings import Pricing
from chrono.simulation.faults import Fault, FaultKind
from chrono.simulation.replay import Replay
from chrono.simulation.venues import CURRENCIES
from tests.truth.figures import percent
from tests.truth.made import START_NS, MadeTape, spoken, truth
from tests.truth.verdicts import Judged, judged

BAD_BPS = 30.0
"""The rule's own least distance at which a newest price stands apart."""

GOOD_BPS = 10.0
BPS = 10_000
TARGET = 99.9
SEED = 7
RATE = 0.5
"""Quotes of each book a second."""

BASES = ("BTC", "ETH", "XRP", "SOL", "FLR")


class Plant(NamedTuple):
    """A tape with what goes wrong on it."""

    name: str
    faults: tuple[Fault, ...]


def _fault(kind: FaultKind, venue: str | None, start: int, end: int, factor: float = 1.0, market: str = "") -> Fault:
    whom = None if venue is None else Venue(venue)
    what = Market(market) if market else None
    return Fault(kind, whom, what, START_NS + start * SECOND_NS, START_NS + end * SECOND_NS, factor)


def plants(seconds: int) -> list[Plant]:
    """One tape of each fault; it strikes after a quarter of the time and ends after three."""
    start, end = seconds // 4, 3 * seconds // 4
    wrong, frozen, lagging = FaultKind.WRONG, FaultKind.FROZEN, FaultKind.LAGGING
    return [
        Plant("nothing", ()),
        Plant("ten times too high", (_fault(wrong, "sim-okx", start, end, 10.0),)),
        Plant("a tenth", (_fault(wrong, "sim-coinbase", start, end, 0.1),)),
        Plant("1 % too high", (_fault(wrong, "sim-bybit", start, end, 1.01),)),
        Plant("0.5 % too low", (_fault(wrong, "sim-gate", start, end, 0.995),)),
        Plant("frozen", (_fault(frozen, "sim-kraken", start, end),)),
        Plant("silent", (_fault(FaultKind.SILENT, "sim-okx", start, end),)),
        Plant("45 s late", (_fault(lagging, "sim-gate", start, end, 45.0),)),
        Plant("5 minutes late", (_fault(lagging, "sim-gate", start, end, 300.0),)),
        Plant("USDC at 0.90", (_fault(FaultKind.DEPEG, None, start, end, 0.9, "USDC/USD"),)),
        Plant(
            "frozen, and another ten times too high",
            (_fault(frozen, "sim-bybit", start, end), _fault(wrong, "sim-coinbase", start, end, 10.0)),
        ),
    ]


def planted(plant: Plant, seconds: int, rules: Pricing, seed: int = SEED) -> dict[str, Any]:
    """How many points of one tape were rightly kept and left out."""
    markets = [Market(f"{base}/USD") for base in BASES]
    bases = (*BASES, *(currency.name for currency in CURRENCIES))
    tape = MadeTape(spoken(seed, seconds, rate=RATE, faults=plant.faults, bases=bases))
    replay = Replay([tape], rules, markets=markets, every_ns=SECOND_NS)
    fair = truth(seed, plant.faults)
    count: Counter[str] = Counter()
    for row in judged(replay, markets):
        bad = is_bad(row, plant.faults, fair(row.at_ns, row.book))
        kind = "open" if bad is None else "bad" if bad else "good"
        count[kind] += 1
        count[f"{kind}_out"] += row.left_out
        count[f"{kind}_sigma"] += row.by_sigma
    right = count["bad_out"] + count["good"] - count["good_out"]
    by_sigma = count["bad_sigma"] + count["good"] - count["good_sigma"]
    whole = count["bad"] + count["good"]
    return {
        "tape": plant.name,
        **dict(count),
        "judged": whole,
        "right": right,
        "share": percent(right, whole),
        "sigma_right": by_sigma,
        "sigma_share": percent(by_sigma, whole),
        "recall": percent(count["bad_out"], count["bad"]),
    }


def is_bad(row: Judged, faults: Sequence[Fault], fair: float) -> bool | None:
    """Whether this point is bad; None when it is neither bad nor good."""
    off_bps = abs(row.last / row.rate / fair - 1.0) * BPS
    venue = Venue(row.venue)
    own = [fault for fault in faults if fault.kind is not FaultKind.DEPEG]
    touched = any(fault.strikes(venue, row.book, at_ns) for fault in own for at_ns in (row.newest_ns, row.at_ns))
    if touched:
        return True if off_bps > BAD_BPS else None
    return False if off_bps <= GOOD_BPS else None
