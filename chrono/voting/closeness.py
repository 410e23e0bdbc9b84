"""How close our values of a round came to the network's: per feed, and counted over the round."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.median import Median
from chrono.flare.results import RoundResult
from chrono.flare.rewards.bands import deviation_bps, primary_band, secondary_band
from chrono.flare.rewards.minimal_conditions import hits_median
from chrono.voting.reports import FeedOutcome, RoundReport


class Closeness(Struct, frozen=True, kw_only=True):
    """One value beside the network's. All None while there is no result; an omitted value is in no band."""

    in_iqr: bool | None = None
    """Between the quartiles; on one of them, where the protocol's coin says so (None without a submit address)."""
    in_band: bool | None = None
    """In the secondary band around the median; None also where its width is not known."""
    hit: bool | None = None
    """Within 0.5 % of the median, edges included: what the anchor condition counts."""
    deviation_bps: Decimal | None = None
    """Of the median; None also for an omitted value."""


class Score(Struct, frozen=True, kw_only=True):
    """A round's feeds in numbers. What needs a result is None without one."""

    feeds: int
    omitted: int
    in_iqr: int | None = None
    in_band: int | None = None
    hits: int | None = None


def feed_outcomes(
    feeds: Sequence[Feed],
    ours: Sequence[int | None],
    result: RoundResult | None,
    band_ppms: Mapping[FeedId, int],
) -> tuple[FeedOutcome, ...]:
    """Our values beside the result. Shapes: (n,), (n,); both in the canonical order, the result of the same feeds."""
    found = [None] * len(feeds) if result is None else list(result.feeds)
    return tuple(
        FeedOutcome(
            feed=feed,
            ours=value,
            median=None if of_network is None else of_network.median,
            turnout_bips=None if of_network is None else of_network.turnout_bips,
            secondary_band_ppm=band_ppms.get(feed.id),
        )
        for feed, value, of_network in zip(feeds, ours, found, strict=True)
    )


def closeness(outcome: FeedOutcome, voting_round_id: int, submit: Address | None) -> Closeness:
    """Where our value of one feed stands. `submit` is our submit address of the round's reward epoch."""
    if outcome.turnout_bips is None:
        return Closeness()
    median, ours = outcome.median, outcome.ours
    if median is None or ours is None:
        return Closeness(in_iqr=False, in_band=False, hit=False)
    width = outcome.secondary_band_ppm
    return Closeness(
        in_iqr=_in_iqr(outcome.feed, ours, median, voting_round_id, submit),
        in_band=None if width is None else ours in secondary_band(median, width),
        hit=hits_median(ours, median.value),
        deviation_bps=deviation_bps(ours, median.value),
    )


def score(report: RoundReport) -> Score:
    """The round in numbers."""
    omitted = sum(outcome.ours is None for outcome in report.feeds)
    if report.result is None and not any(outcome.turnout_bips is not None for outcome in report.feeds):
        return Score(feeds=len(report.feeds), omitted=omitted)
    widths_known = any(outcome.secondary_band_ppm is not None for outcome in report.feeds)
    each = [closeness(outcome, report.id, report.submit) for outcome in report.feeds]
    return Score(
        feeds=len(report.feeds),
        omitted=omitted,
        in_iqr=sum(one.in_iqr is True for one in each),
        in_band=sum(one.in_band is True for one in each) if widths_known else None,
        hits=sum(one.hit is True for one in each),
    )


def _in_iqr(feed: Feed, value: int, median: Median, voting_round_id: int, submit: Address | None) -> bool | None:
    quartiles = primary_band(median)
    if quartiles is None:
        return False
    if submit is None:
        return None if value in (quartiles.low, quartiles.high) else quartiles.low < value < quartiles.high
    return quartiles.holds(value, bytes(feed.id), voting_round_id, submit)
