"""Which path each book takes, and which declarations are refused."""

import pytest

from chrono.errors import BAD_MARKET, GRAPH_CYCLE, ChronoError
from chrono.market.graph import Path, QuoteGraph, Step
from chrono.settings import Pricing

USDT, USDC, EUR, KRW = "USDT/USD", "USDC/USD", "EUR/USD", "USD/KRW"


def steps(path: Path) -> list[tuple[str, bool]]:
    return [(step.edge, step.multiply) for step in path.steps]


def test_a_direct_book_needs_no_step_and_comes_first():
    paths = QuoteGraph.build([USDT]).paths("BTC/USD", ["BTC/USDT", "BTC/USD"])
    assert paths == [Path("BTC/USD", ()), Path("BTC/USDT", (Step(USDT, multiply=True),))]


def test_an_edge_is_walked_in_both_directions():
    graph = QuoteGraph.build([USDT, KRW])
    (path,) = graph.paths("BTC/USDT", ["BTC/KRW"])
    assert steps(path) == [(KRW, False), (USDT, False)]
    (back,) = graph.paths("BTC/KRW", ["BTC/USDT"])
    assert steps(back) == [(USDT, True), (KRW, True)]


def test_conversions_of_any_depth_are_found():
    edges = [f"C{i}/C{i + 1}" for i in range(30)]
    (path,) = QuoteGraph.build(edges).paths("X/C30", ["X/C0"])
    assert [step.edge for step in path.steps] == edges
    assert all(step.multiply for step in path.steps)


def test_the_shortest_path_wins_over_one_declared_earlier():
    graph = QuoteGraph.build(["AAA/BBB", "BBB/USD", "AAA/USD"])
    (path,) = graph.paths("X/USD", ["X/AAA"])
    assert steps(path) == [("AAA/USD", True)]


def test_of_equally_short_paths_the_edges_declared_first_win():
    one = QuoteGraph.build(["BBB/USD", "CCC/USD", "AAA/BBB", "AAA/CCC"])
    other = QuoteGraph.build(["CCC/USD", "BBB/USD", "AAA/BBB", "AAA/CCC"])
    assert steps(one.paths("X/USD", ["X/AAA"])[0]) == [("AAA/BBB", True), ("BBB/USD", True)]
    assert steps(other.paths("X/USD", ["X/AAA"])[0]) == [("AAA/CCC", True), ("CCC/USD", True)]


def test_books_that_are_equally_far_come_in_the_order_of_their_edges_not_of_their_names():
    paths = QuoteGraph.build([USDT, USDC]).paths("BTC/USD", ["BTC/USDC", "BTC/USDT"])
    assert [path.book for path in paths] == ["BTC/USDT", "BTC/USDC"]


def test_books_of_another_base_or_without_a_way_are_left_out():
    graph = QuoteGraph.build([USDT])
    assert graph.paths("BTC/USD", ["ETH/USD", "BTC/EUR", "USD/BTC"]) == []


def test_an_edge_is_priced_through_edges_declared_before_it_only():
    graph = QuoteGraph.build([USDT, USDC])
    (path,) = graph.paths(USDC, ["USDC/USDT"])
    assert steps(path) == [(USDT, True)]
    assert graph.paths(USDT, ["USDT/USDC"]) == []


def test_no_path_goes_through_the_targets_own_base():
    # The yen's book divided by the yen's own edge would be 1: it says nothing about the euro.
    graph = QuoteGraph.build([EUR, "USD/JPY"])
    assert graph.paths("USD/EUR", ["USD/JPY"]) == []
    assert len(graph.paths("BTC/EUR", ["BTC/JPY"])) == 1


@pytest.mark.parametrize(
    ("edges", "circle"),
    [
        (["A/B", "B/C", "C/A"], "A/B -> B/C -> C/A -> A/B"),
        (["USDT/USD", "USD/USDT"], "USDT/USD -> USD/USDT -> USDT/USD"),
        (["USD/USD"], "USD/USD -> USD/USD"),
        (["X/A", "A/B", "B/C", "C/D", "D/B"], "B/C -> C/D -> D/B -> B/C"),
    ],
)
def test_a_circle_of_declarations_is_refused_and_named(edges: list[str], circle: str):
    with pytest.raises(ChronoError) as refused:
        QuoteGraph.build(edges)
    assert refused.value.reason is GRAPH_CYCLE
    assert refused.value.facts["circle"] == circle


def test_two_ways_to_the_same_currency_are_no_circle():
    assert QuoteGraph.build(["USDC/USDT", USDT, USDC]).edges == ("USDC/USDT", USDT, USDC)


def test_the_edges_that_come_with_chrono_stand():
    assert QuoteGraph.build(Pricing().edges).edges == Pricing().edges


def test_an_edge_that_is_no_market_is_refused():
    with pytest.raises(ChronoError) as refused:
        QuoteGraph.build(["USDT-USD"])
    assert refused.value.reason is BAD_MARKET


def test_an_edge_declared_twice_counts_once():
    assert QuoteGraph.build([USDT, USDC, USDT]).edges == (USDT, USDC)


def test_a_book_prices_itself_its_base_in_usd_and_the_edges_of_its_base():
    graph = QuoteGraph.build([USDT, EUR, "BTC/EUR", "BTC/USD"])
    assert graph.targets_of("BTC/USDT") == ["BTC/USDT", "BTC/EUR", "BTC/USD"]
    assert graph.targets_of("BTC/GBP") == ["BTC/GBP"]
    assert graph.targets_of("USD/KRW") == ["USD/KRW"]
