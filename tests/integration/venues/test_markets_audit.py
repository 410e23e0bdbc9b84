"""The audit of the market map against recorded instrument lists: every planted fault is found, and nothing else."""

from collections import Counter

import pytest
from msgspec.structs import replace

from chrono.market.audit import audit
from chrono.market.audit_words import Kind
from chrono.market.map import MarketMap
from tests.fakes.map_world import PLAN, clean_world, planted_world
from tests.fakes.recordings import needs_recordings

pytestmark = [pytest.mark.data, needs_recordings]


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_map_has_no_findings_and_nearly_all_of_its_books_are_held_against_others(seed: int) -> None:
    world = clean_world(seed)
    report = audit(world.map, list(world.heard.values()))
    assert report.findings == ()
    assert report.books > 250
    assert report.priced > 0.9 * report.books


@pytest.mark.parametrize("seed", range(5))
def test_thirty_planted_faults_are_all_found_by_their_kind_and_nothing_else_is(seed: int) -> None:
    planted = planted_world(seed)
    report = audit(planted.world.map, list(planted.world.heard.values()))
    assert {(one.venue, one.symbol): one.kind for one in report.findings} == planted.wanted
    assert len(report.findings) == len(PLAN) == 30


def test_the_plan_has_every_kind_that_can_be_planted() -> None:
    assert set(Kind) - {kind for _, kind in PLAN} == {Kind.UNHEARD, Kind.DISPUTED, Kind.MISSING}
    assert min(Counter(kind for _, kind in PLAN).values()) >= 3


def test_a_book_that_the_map_forgot_is_proposed_with_its_quote() -> None:
    world = clean_world(1)
    assets = dict(world.map.assets)
    btc = assets["BTC"]
    assets["BTC"] = replace(btc, books=tuple(book for book in btc.books if book.venue not in ("kraken", "gate")))
    report = audit(MarketMap(assets, world.map.spelled), list(world.heard.values()))
    assert [(one.kind, one.venue, one.market) for one in report.findings] == [
        (Kind.MISSING, "gate", "BTC/USDT"),
        (Kind.MISSING, "kraken", "BTC/USD"),
    ]
    assert report.faults == ()
