"""A recorded derivation is found again byte for byte, and shows every change."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.errors import NO_DERIVATION, OTHER_ALGORITHM, ChronoError
from chrono.pricing.derivation import digest, recompute
from tests.fakes.desk import VENUES, Desk, quote

price = st.floats(1e-8, 1e8).map(lambda value: f"{value:.12g}")
near = st.floats(0.98, 1.02).map(lambda value: f"{value:.9g}")
age = st.floats(-6, 200)
volume = st.sampled_from([None, "0", "1", "0.00000001", "123456.789"])
market = st.sampled_from(["BTC/USD", "BTC/USDT", "BTC/USDC", "USDT/USD", "USDC/USD", "USDC/USDT"])
said = st.lists(
    st.tuples(market, st.sampled_from(VENUES), st.one_of(near, price), age, volume), min_size=1, max_size=40
)


def derivations(told) -> list[bytes]:
    """The derivations of all that can be priced from these quotes."""
    desk = Desk()
    desk.window.add([quote(m, v, p, age_s=a, volume=w) for m, v, p, a, w in told])
    found = desk.pricer.price(desk.board.listed(), desk.clock.now_ns())
    return [estimate.evidence.derivation() for estimate in found.resolved.values()]


@given(said)
def test_a_derivation_is_recomputed_byte_for_byte(told):
    for derivation in derivations(told):
        assert recompute(derivation) == derivation


@given(said)
def test_a_derivation_is_canonical(told):
    for derivation in derivations(told):
        again = json.dumps(json.loads(derivation), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert again.encode() == derivation


@given(said)
def test_the_same_quotes_give_the_same_digests(told):
    assert [digest(one) for one in derivations(told)] == [digest(one) for one in derivations(told)]


def example() -> dict[str, Any]:
    """A derivation with everything in it: points, a conversion, an outlier and a superseded book."""
    desk = Desk()
    desk.window.add([quote("USDT/USD", v, f"0.99{n}", age_s=a) for n, v in enumerate(VENUES) for a in (1, 9)])
    desk.window.add([quote("BTC/USDT", v, 100 + n / 1000, volume="2", age_s=1 + n) for n, v in enumerate(VENUES[:5])])
    desk.window.add([quote("BTC/USD", "ash", 99.5), quote("BTC/USDT", "gum", 300)])
    return json.loads(desk.price("BTC/USD").evidence.derivation())


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from leaves(value, (*path, place))
    else:
        yield path


def changed(value: Any) -> Any:
    """Another value of the same kind, such as a forger would choose."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1_000_000
    if value is None:
        return "7"
    try:
        return repr(float(value) * 1.25 + 0.125)
    except ValueError:
        return value + "x"


def canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("path", list(leaves(example())), ids=lambda path: ".".join(map(str, path)))
def test_a_change_planted_anywhere_changes_the_digest(path):
    original, forged = canonical(example()), example()
    node = forged
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = changed(node[path[-1]])
    assert digest(canonical(forged)) != digest(original)


OUTPUTS = ("confidence", "estimators", "result", "vote", "at", "chrono_core")
JUDGED = {"estimate", "verdict", "weight", "trust", "without_bps", "conversion", "flags"}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in leaves(example())
        if path[0] in OUTPUTS or not JUDGED.isdisjoint(path) or path[-2:-1] == ("rate",)
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_forged_result_does_not_survive_a_recomputation(path):
    original, forged = canonical(example()), example()
    node = forged
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = changed(node[path[-1]])
    assert recompute(canonical(forged)) == original


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("sources", 1, "points", "prices", 0), "150.0"),
        (("edges", "USDT/USD", "rate"), "0.5"),
        (("rule", "half_life_ns"), 1),
        (("edges", "USDT/USD", "confidence"), "0.1"),
    ],
)
def test_a_changed_input_gives_another_document(field, value):
    original, forged = canonical(example()), example()
    node = forged
    for key in field[:-1]:
        node = node[key]
    node[field[-1]] = value
    again = recompute(canonical(forged))
    assert again != original
    assert again != canonical(forged)


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"[]", b"null", b"\xff", b'{"algorithm":"weighted_consensus_v3"}', b"[" * 100_000]
)
def test_bytes_that_are_no_derivation_are_refused(junk):
    with pytest.raises(ChronoError) as refused:
        recompute(junk)
    assert refused.value.reason is NO_DERIVATION


def test_a_derivation_of_another_version_of_the_rule_is_refused_by_name():
    told = example() | {"algorithm": "weighted_consensus_v2"}
    with pytest.raises(ChronoError, match="weighted_consensus_v2") as refused:
        recompute(canonical(told))
    assert refused.value.reason is OTHER_ALGORITHM


def test_a_derivation_without_anything_fresh_is_refused():
    stale = example()
    stale["at_ns"] += 10**15
    with pytest.raises(ChronoError) as refused:
        recompute(canonical(stale))
    assert refused.value.reason is NO_DERIVATION
