"""`chrono markets audit`, a process of its own, with venues that stand on loopback and with recorded answers."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fakes.venue_lists import MAP, at, listing_venues


@pytest.fixture
async def venues(tmp_path: Path):
    (tmp_path / "map.toml").write_text(MAP)
    async with listing_venues() as servers:
        yield servers


async def audited(chrono, venues, *args: str):
    options = ("--map", "map.toml", "--apart", "0.3", "--json", *args)
    return await asyncio.to_thread(chrono, "markets", "audit", *at(venues), *options)


def kinds(done) -> list[tuple[str, str, str | None]]:
    return [(one["kind"], one["venue"], one["symbol"]) for one in json.loads(done.out)["findings"]]


async def test_venues_that_agree_with_the_map_have_no_findings(chrono, venues) -> None:
    done = await audited(chrono, venues)
    assert (done.code, kinds(done)) == (0, []), done
    told = json.loads(done.out)
    assert (told["books"], told["priced"]) == (6, 6)


async def test_what_is_gone_and_what_is_ten_fold_is_found_with_its_remedy(chrono, venues) -> None:
    del venues["coinbase"].listed["ETH-USD"]
    venues["kraken"].prices["BTC/USD"] *= Decimal(10)
    done = await audited(chrono, venues)
    assert done.code == 1
    assert kinds(done) == [("unlisted", "coinbase", "ETH-USD"), ("tenfold", "kraken", "BTC/USD")]
    assert json.loads(done.out)["findings"][0]["remedy"] == "take ETH-USD out of [ETH.books] coinbase"


async def test_a_venue_that_refuses_is_a_finding_and_its_books_are_left_alone(chrono, venues) -> None:
    venues["binance"].rest_refuses = (451, {}, b"not from where you are")
    done = await audited(chrono, venues)
    assert done.code == 1
    assert kinds(done) == [("unheard", "binance", None)]
    assert "geo" in json.loads(done.out)["findings"][0]["sentence"]


async def test_findings_can_be_narrowed_to_a_venue_and_a_feed(chrono, venues) -> None:
    venues["binance"].listed.clear()
    venues["binance"].listed["XRPUSDT"] = True
    done = await audited(chrono, venues, "--venue", "binance", "--feed", "eth")
    assert kinds(done) == [("unlisted", "binance", "ETHUSDT")]
    done = await audited(chrono, venues, "--venue", "kraken")
    assert (done.code, kinds(done)) == (0, [])


async def test_recorded_answers_give_the_same_findings_again_without_asking_anybody(chrono, venues, tmp_path) -> None:
    venues["coinbase"].listed["BTC-USD"] = False
    first = await audited(chrono, venues, "--record", "answers")
    asked = [server.lists for server in venues.values()]
    again = await asyncio.to_thread(chrono, "markets", "audit", "--fixtures", "answers", "--map", "map.toml", "--json")
    assert kinds(first) == [("inactive", "coinbase", "BTC-USD")]
    assert (again.code, kinds(again)) == (1, kinds(first))
    assert [server.lists for server in venues.values()] == asked == [1, 1, 1]
    assert len(list((tmp_path / "answers").iterdir())) == 9


async def test_findings_for_people_come_with_a_remedy_below_each(chrono, venues) -> None:
    del venues["binance"].listed["ETHUSDT"]
    done = await asyncio.to_thread(chrono, "markets", "audit", *at(venues), "--map", "map.toml", "--apart", "0.3")
    told = done.out.splitlines()
    assert told[0].startswith("unlisted  ETH/USDT  binance does not list it any more")
    assert told[1].strip() == "-> take ETHUSDT out of [ETH.books] binance"
    assert "6 books looked at" in done.err


def test_a_feed_that_the_map_does_not_have_is_a_mistake(chrono) -> None:
    done = chrono("markets", "audit", "--feed", "XMR/USD")
    assert (done.code, done.out) == (2, "")


def test_a_map_with_faults_is_told_with_their_lines(chrono, tmp_path) -> None:
    (tmp_path / "bad.toml").write_text('[BTC]\nname = "B"\n[BTC.books]\nbinance = { X = "usdt" }\n')
    done = chrono("markets", "audit", "--map", "bad.toml")
    assert done.code == 1
    assert "bad.toml:4:" in done.err
