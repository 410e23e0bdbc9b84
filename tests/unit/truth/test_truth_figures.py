"""The verdicts of docs/truth.md by hand: the best other rule, runs of exclusions, how a label is read."""

from collections import Counter

import pytest

from chrono.backtest.results import Figure, Interval, RuleResult
from chrono.backtest.rivals import RIVALS
from chrono.market.names import Market
from tests.truth import episodes
from tests.truth.figures import beaten_by, behind, best_rival, errors, verdict
from tests.truth.recordings import speakers
from tests.truth.verdicts import Judged

SECOND_NS = 1_000_000_000


def rules(**told):
    """Rules with their median and P99; ours minus each lies between -1 and 1."""

    def figure(bps):
        return Figure(bps, None, Interval(-1.0, 1.0))

    return [RuleResult(name.replace("_", "-"), figure(median), figure(p99)) for name, (median, p99) in told.items()]


ALL = dict.fromkeys((name.replace("-", "_") for name in RIVALS), (9.0, 90.0))


@pytest.mark.parametrize(
    ("ours", "found"), [((1.0, 60.0), "better"), ((2.004, 60.0), "equal"), ((2.02, 60.0), "worse")]
)
def test_a_figure_is_held_against_the_best_other_rule(ours, found):
    told = errors(rules(chrono=ours, **(ALL | {"mean": (2.0, 50.0), "vwap": (3.0, 40.0)})))
    assert best_rival(told, "median") == ("mean", 2.0)
    assert best_rival(told, "p99") == ("vwap", 40.0)
    assert verdict(told, "median") == found
    assert verdict(told, "p99") == "worse"


def test_only_a_rule_that_is_better_in_both_beats_ours_in_both():
    told = errors(rules(chrono=(2.0, 50.0), **(ALL | {"mean": (1.0, 60.0), "vwap": (1.9, 49.0), "median": (2.0, 1.0)})))
    assert beaten_by(told) == ["vwap"]


def test_the_difference_to_another_rule_is_the_one_of_that_figure():
    assert behind(rules(chrono=(1.0, 2.0), median=(3.0, 4.0)), "median", "p99") == Interval(-1.0, 1.0)


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
