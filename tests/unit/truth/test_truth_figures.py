"""The yardsticks of docs/truth.md by hand: other rules, fair instants, runs of exclusions, how a label is read."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from chrono.market.names import Market
from tests.truth import episodes, rivals
from tests.truth.figures import best_rival, errors, nearness, verdict
from tests.truth.leaving_out import QUANTILES, RULES
from tests.truth.recordings import speakers
from tests.truth.rivals import Heard
from tests.truth.verdicts import Judged

NOON = datetime(2025, 10, 10, 12, tzinfo=UTC)
SECOND_NS = 1_000_000_000


def said(*prices, volumes=None, ages_s=None):
    n = len(prices)
    volumes, ages_s = volumes or [1.0] * n, ages_s or [0] * n
    rows = zip(range(n), prices, ages_s, volumes, strict=True)
    return [Heard(f"v{i}", price, age * SECOND_NS, price, volume) for i, price, age, volume in rows]


@pytest.mark.parametrize(
    ("rule", "sources", "price"),
    [
        (rivals.median, said(1.0, 2.0, 9.0), 2.0),
        (rivals.median, said(1.0, 2.0, 4.0, 9.0), 3.0),
        (rivals.mean, said(1.0, 2.0, 9.0), 4.0),
        (rivals.volume_weighted, said(1.0, 3.0, volumes=[3.0, 1.0]), 1.5),
        (rivals.trimmed, said(1.0, 2.0, 3.0, 100.0), 2.5),
        (rivals.trimmed, said(1.0, 3.0), 2.0),
        (rivals.age_weighted, said(1.0, 2.0, ages_s=[100, 0]), 2.0),
        (rivals.age_weighted, said(1.0, 2.0, 3.0), 2.0),
        (rivals.vwap, said(1.0, 3.0, volumes=[3.0, 1.0]), 1.5),
        (rivals.median_of_vwaps, said(1.0, 2.0, 9.0), 2.0),
    ],
)
def test_another_rule_gives_what_was_worked_out_by_hand(rule, sources, price):
    assert rule(sources) == pytest.approx(price)


def test_no_rule_has_a_price_without_sources():
    assert {rule([]) for rule in rivals.RIVALS.values()} == {None}


def test_three_sigma_never_sees_one_liar_among_nine_and_sees_one_among_twelve():
    assert rivals.beyond_three_sigma(said(*[1.0] * 8, 1e6)) == set()
    assert rivals.beyond_three_sigma(said(*[1.0] * 11, 1e6)) == {"v11"}


def table(distances, prices, *, votable=True):
    """One instant a row: the yardstick says 100, our rule and all others `prices`, with the same past distance."""
    n = len(prices)
    lately = {f"lately_{quantile}": distances for quantile in QUANTILES}
    columns = {"at": [NOON + timedelta(minutes=i) for i in range(n)], "votable": [votable] * n}
    return pl.DataFrame(columns | {"yardstick": [100.0] * n} | dict.fromkeys(RULES, prices) | lately)


def test_only_instants_after_an_hour_of_agreement_are_fair():
    told = nearness(table([0.001, 0.001, 0.02, None], [100.2, 101.0, 100.0, 100.0]), votable=True)
    assert (told["instants"], told["judged"], told["fair"]) == (4, 4, 2)
    assert told["share"] == 50.0
    assert told["unfiltered"] == 75.0


def test_values_that_are_not_fit_to_vote_with_are_counted_only_when_asked():
    withheld = table([0.0], [100.0], votable=False)
    assert nearness(withheld, votable=True)["share"] is None
    assert nearness(withheld, votable=False)["share"] == 100.0
    assert nearness(withheld, votable=True)["with_value"] == 0.0


def test_errors_are_absolute_and_in_bps_and_the_best_other_is_not_ours():
    judged = table([0.0, 0.0], [99.0, 101.0]).with_columns(mean=pl.lit(100.5), chrono=pl.lit(100.0))
    found = errors([judged], votable=True)
    assert found["median"]["median"] == pytest.approx(100.0)
    assert best_rival(found, "median") == ("mean", pytest.approx(50.0))
    assert verdict(found, "median") == "better"


def test_a_run_of_neighbouring_exclusions_of_one_source_counts_once():
    points = {(0, "a"), (1, "a"), (2, "a"), (1, "b"), (5, "a")}
    assert episodes._runs(points, 1) == 3


def second(*venues, out=(), age_s=0):
    """The sources of one second; those in `out` were left out."""
    at_ns = 1_000 * SECOND_NS
    return [
        Judged(
            at_ns=at_ns,
            market=Market("X/USD"),
            venue=venue,
            book=Market("X/USD"),
            newest_ns=at_ns - age_s * SECOND_NS,
            last=1.0,
            rate=1.0,
            verdict="outlier" if venue in out else "used",
            flagged=venue in out,
            by_sigma=False,
            apart=0.1,
            votable=False,
        )
        for venue in venues
    ]


def counted(rows, labelled):
    count = Counter()
    episodes._count(rows, labelled, count)
    return count


def test_a_label_names_a_culprit_only_when_two_other_fresh_venues_agree():
    assert counted(second("a", "b", "c", out="a"), {"a"})["ours_hit"] == 1
    assert counted(second("a", "b", out="a"), {"a"})["culprits"] == 0
    assert counted(second("a", "b", "c", age_s=16), {"a"})["culprits"] == 0
    both = counted(second("a", "b", "c"), {"a", "b"})
    assert (both["culprits"], both["disputes"], both["withheld"]) == (0, 1, 1)


def test_a_book_counts_only_when_somebody_prices_its_way():
    from chrono.market.graph import QuoteGraph

    graph = QuoteGraph.build(["USDT/USD"])
    dealt = Counter({("a", "BTC/USD"): 1, ("b", "BTC/USDT"): 1})
    assert speakers(Market("BTC/USD"), dealt, graph) == {"a"}
    dealt["c", "USDT/USD"] = 1
    assert speakers(Market("BTC/USD"), dealt, graph) == {"a", "b"}
