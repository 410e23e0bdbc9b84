"""The paths of random graphs against all walks there are."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chrono.errors import ChronoError
from chrono.market.graph import QuoteGraph
from chrono.market.names import base_of, quote_of

CURRENCIES = "ABCDEF"
edge = st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES)).map("/".join)


def shortest(edges: tuple[str, ...], start: str, end: str, avoid: str) -> int | None:
    """The number of steps from `start` to `end`, by widening circles; None when there is no way."""
    reached, steps = {start}, 0
    while end not in reached:
        pairs = [(base_of(e), quote_of(e)) for e in edges]
        wider = reached | {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        wider -= {avoid}
        if wider == reached:
            return None
        reached, steps = wider, steps + 1
    return steps


@given(st.lists(edge, max_size=10), st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES))
def test_a_path_is_as_short_as_any_walk_and_every_step_joins_the_next(edges, paid_in, wanted):
    try:
        graph = QuoteGraph.build(edges)
    except ChronoError:
        return
    found = graph.paths(f"X/{wanted}", [f"X/{paid_in}"])
    length = shortest(graph.edges, paid_in, wanted, avoid="X")
    if length is None:
        assert found == []
        return
    (path,) = found
    assert len(path.steps) == length
    walked = [paid_in]
    for step in path.steps:
        come_from, go_to = (base_of, quote_of) if step.multiply else (quote_of, base_of)
        assert come_from(step.edge) == walked[-1]
        walked.append(go_to(step.edge))
    assert walked[-1] == wanted
    assert len(set(walked)) == len(walked)


@given(st.lists(edge, max_size=10))
def test_a_graph_is_refused_exactly_when_some_currency_leads_back_to_itself(edges):
    onward = {c: {quote_of(e) for e in edges if base_of(e) == c} for c in CURRENCIES}
    for _ in CURRENCIES:
        onward = {c: {far for near in nearby for far in onward[near]} | nearby for c, nearby in onward.items()}
    circular = any(c in reached for c, reached in onward.items())
    try:
        QuoteGraph.build(edges)
    except ChronoError as refused:
        assert circular
        circle = str(refused.facts["circle"]).split(" -> ")
        assert circle[0] == circle[-1]
        assert set(circle) <= set(edges)
        assert all(quote_of(one) == base_of(next_) for one, next_ in pairwise(circle))
    else:
        assert not circular


@given(st.lists(edge, max_size=10))
def test_what_an_edge_is_priced_through_was_declared_before_it(edges):
    try:
        graph = QuoteGraph.build(edges)
    except ChronoError:
        return
    for place, target in enumerate(graph.edges):
        books = [f"{base_of(target)}/{currency}" for currency in CURRENCIES]
        used = {step.edge for path in graph.paths(target, books) for step in path.steps}
        assert used <= set(graph.edges[:place])
