"""Six simulated venues of which one or two lie, and venues that were away for thirteen days.

The honest words are made once; a liar's quotes are then multiplied, so that everything else stays the same.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from random import Random
from typing import Any, NamedTuple

from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue, base_of
from chrono.market.quote import Quote
from chrono.pricing.verdict import USED
from chrono.settings import Pricing
from chrono.simulation.replay import Replay
from tests.truth.figures import percent
from tests.truth.made import START_NS, MadeTape, spoken

SIX = tuple(Venue(f"sim-{name}") for name in ("binance", "coinbase", "kraken", "bybit", "okx", "bitstamp"))
MARKET = Market("BTC/USD")
SEED = 11
SECONDS = 120
LIES_AFTER_S = 30
SEEN_AFTER_S = 15
"""Two liars are looked for from so many seconds after their first lie on."""

FACTORS = (1e-6, 0.1, 0.5, 0.9, 0.97, 0.99, 0.995, 0.998, 1.002, 1.005, 1.01, 1.03, 1.1, 2.0, 10.0, 1000.0, 1e6)
PAIRED = ((0.5, 0.5), (0.9, 0.9), (0.99, 0.99), (0.995, 1.005), (1.01, 1.01), (1.1, 0.9), (2.0, 2.0), (10.0, 1.02))
AWAY_S = 13 * 86_400
BEAT_S = 5

Lie = Callable[[Quote], Decimal]


class Instant(NamedTuple):
    """Our price at one instant, what each source said, and what was held against it."""

    at_ns: int
    price: float
    estimates: dict[str, float]
    caught: frozenset[str]


def honest() -> list[Quote]:
    """Two minutes of what the six say when nobody lies."""
    return spoken(SEED, SECONDS, rate=1.0, venues=SIX)


def one_liar(rules: Pricing, factors: Sequence[float] = FACTORS) -> dict[str, Any]:
    """Each of the six lies in turn, by each factor and by a wild one; how far were we moved?

    `within` counts the instants at which we moved by no more than the honest estimates lie apart, `largest` is the
    largest move as a share of that spread.
    """
    words = honest()
    plain = {instant.at_ns: instant for instant in _instants(words, rules)}
    instants, within, largest, moved_bps = 0, 0, 0.0, 0.0
    for liar in SIX:
        for lie in [*(_by(factor) for factor in factors), _wild(liar)]:
            for told in _instants(_lied(words, {liar: lie}), rules):
                before = plain[told.at_ns]
                honestly = [e for i in (told, before) for venue, e in i.estimates.items() if venue != liar]
                spread, moved = max(honestly) - min(honestly), abs(told.price - before.price)
                instants += 1
                within += moved <= spread
                largest = max(largest, moved / spread)
                moved_bps = max(moved_bps, moved / before.price * 10_000)
    return {"instants": instants, "within": within, "largest": largest, "moved_bps": moved_bps}


def two_liars(rules: Pricing, pairs: Sequence[tuple[float, float]] = PAIRED) -> dict[str, Any]:
    """Every two of the six lie at once: are both flagged or left out, and does the price stay with the honest?

    They lie about BTC only. Two of the three that price USDT/USD are more than that edge can bear, as two of three are
    for any market.
    """
    words = honest()
    instants = caught = stayed = alarms = points = 0
    beyond_bps = 0.0
    for liars in combinations(SIX, 2):
        for factors in pairs:
            lies = {liar: _by(factor) for liar, factor in zip(liars, factors, strict=True)}
            for told in _instants(_lied(words, lies, base_of(MARKET)), rules):
                if told.at_ns < START_NS + (LIES_AFTER_S + SEEN_AFTER_S) * SECOND_NS:
                    continue
                honestly = [e for venue, e in told.estimates.items() if venue not in liars]
                instants += 1
                caught += told.caught.issuperset(liars)
                beyond = max(min(honestly) - told.price, told.price - max(honestly), 0.0)
                stayed += beyond == 0.0
                beyond_bps = max(beyond_bps, beyond / told.price * 10_000)
                points += len(honestly)
                alarms += len(told.caught - set(liars))
    return {
        "instants": instants,
        "both_caught": percent(caught, instants),
        "stayed": percent(stayed, instants),
        "beyond_bps": beyond_bps,
        "honest_flagged": percent(alarms, points),
    }


def outage(rules: Pricing, away: Sequence[Venue] = SIX, away_s: int = AWAY_S, beat_s: int = BEAT_S) -> dict[str, Any]:
    """These venues say nothing for thirteen days of tape time; how soon after their return are they heard again?

    Seconds from the first quote after it, on a beat of `beat_s`. `value_s`: until a value to vote with;
    `heard_s`: until all of them count; `trusted_s`: until nothing is held against any of them.
    """
    back_ns = START_NS + (away_s + SECONDS) * SECOND_NS
    before = spoken(SEED, SECONDS, rate=1.0, venues=SIX)
    after = spoken(SEED + 1, 2 * SECONDS, rate=1.0, venues=SIX, start_ns=back_ns - SECONDS * SECOND_NS)
    quotes = [*before, *(q for q in after if q.venue not in away or q.quoted_at_ns >= back_ns)]
    returned_ns = min(quote.received_at_ns for quote in after if quote.quoted_at_ns >= back_ns)
    replay = Replay([MadeTape(quotes)], rules, markets=[MARKET], every_ns=beat_s * SECOND_NS)
    first: dict[str, float] = {}
    during = 0
    for step in replay.steps():
        estimate = step.estimates.resolved.get(MARKET)
        votable = estimate is not None and estimate.votable
        if step.at_ns < returned_ns:
            during += votable and step.at_ns > START_NS + 2 * SECONDS * SECOND_NS
            continue
        since = (step.at_ns - returned_ns) / SECOND_NS
        if estimate is not None and votable:
            first.setdefault("value_s", since)
            clean = {row.venue for row in _held(estimate.evidence)}
            if set(away) <= set(estimate.sources):
                first.setdefault("heard_s", since)
            if set(away).isdisjoint(clean) and set(away) <= set(estimate.sources):
                first.setdefault("trusted_s", since)
    return {"away": len(away), "days": away_s / 86_400, "values_meanwhile": during, **first}


def _held(evidence: Any) -> list[Any]:
    """The sources of which something is held against them."""
    recorded = evidence
    return [s for s, flags in zip(recorded.case.sources, recorded.found.flags, strict=True) if flags]


def _instants(quotes: Sequence[Quote], rules: Pricing) -> Iterator[Instant]:
    """Every second from the first lie on."""
    replay = Replay([MadeTape(quotes)], rules, markets=[MARKET])
    for step in replay.steps():
        estimate = step.estimates.resolved.get(MARKET)
        if estimate is None or step.at_ns < START_NS + LIES_AFTER_S * SECOND_NS:
            continue
        recorded: Any = estimate.evidence
        names = [source.venue for source in recorded.case.sources]
        told = zip(names, recorded.found.verdicts, recorded.found.flags, recorded.found.estimates, strict=True)
        rows = list(told)
        yield Instant(
            step.at_ns,
            recorded.found.price,
            {venue: estimated for venue, _, _, estimated in rows if estimated is not None},
            frozenset(venue for venue, verdict, flags, _ in rows if verdict != USED or flags),
        )


def _lied(quotes: Sequence[Quote], lies: dict[Venue, Lie], base: str = "") -> list[Quote]:
    """The same quotes with the liars' prices changed, from LIES_AFTER_S on; in all their markets, or of one base."""
    since_ns = START_NS + LIES_AFTER_S * SECOND_NS
    return [
        structs.replace(quote, price=lies[quote.venue](quote))
        if quote.venue in lies and quote.quoted_at_ns >= since_ns and base in ("", base_of(quote.market))
        else quote
        for quote in quotes
    ]


def _by(factor: float) -> Lie:
    lie = Decimal(repr(factor))
    return lambda quote: quote.price * lie


def _wild(liar: str) -> Lie:
    """Another factor for each quote, from a millionth to a million."""
    chance = Random(f"wild:{liar}")
    return lambda quote: quote.price * Decimal(repr(10 ** chance.uniform(-6, 6)))
