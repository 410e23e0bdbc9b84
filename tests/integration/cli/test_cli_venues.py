"""`chrono venues`, a process of its own, with venues that stand on loopback."""

import asyncio
import json

import pytest

from chrono.ingest.venues.roster import NAMES as ROSTER
from tests.fakes.venue_lists import NAMES, ListingServer, at, listing_venues


@pytest.fixture
async def venues():
    async with listing_venues() as servers:
        yield servers


async def asked(chrono, venues: dict[str, ListingServer], *args: str):
    names = [name for name in NAMES if name in venues]
    return await asyncio.to_thread(chrono, "venues", args[0], *names, *at(venues), *args[1:])


def outcomes(done) -> dict[str, str]:
    return {one["venue"]: one["outcome"] for one in json.loads(done.out)["venues"]}


def steps(done, venue: str) -> dict[str, str]:
    told = next(one for one in json.loads(done.out)["venues"] if one["venue"] == venue)
    return {step["step"]: step["outcome"] for step in told["steps"]}


def test_the_list_names_every_venue_of_the_roster_and_its_books(chrono) -> None:
    done = chrono("venues", "list", "--json")
    rows = json.loads(done.out)["venues"]
    assert done.code == 0
    assert [row["venue"] for row in rows] == list(ROSTER)
    assert all(row["books"] > 0 for row in rows)
    assert {row["venue"] for row in rows if row["recorded"]} >= {"coinbase", "binance", "kraken"}


def test_the_list_is_a_table_for_people(chrono) -> None:
    done = chrono("venues", "list")
    assert done.out.splitlines()[0].split() == ["venue", "name", "read", "by", "books", "feeds", "recorded"]
    assert len(done.out.splitlines()) == 1 + len(ROSTER)


async def test_a_probe_reaches_the_first_live_price_of_each_venue(chrono, venues) -> None:
    done = await asked(chrono, venues, "probe", "--json", "--timeout", "20")
    assert (done.code, outcomes(done)) == (0, dict.fromkeys(NAMES, "ok")), done
    wanted = {"dns": "ok", "tcp": "ok", "tickers": "ok", "list": "ok", "stream": "ok", "price": "ok"}
    assert all(steps(done, name) == wanted for name in NAMES)
    told = json.loads(done.out)["venues"]
    assert all(abs(one["offset_ms"]) < 20_000 for one in told if one["venue"] != "binance")


async def test_a_probe_tells_a_refusal_by_region_apart_from_a_fault(chrono, venues) -> None:
    venues["binance"].refuse = venues["binance"].rest_refuses = (451, {}, b"not from where you are")
    venues["kraken"].refuse = venues["kraken"].rest_refuses = (500, {}, b"oh")
    done = await asked(chrono, venues, "probe", "--json", "--timeout", "20")
    assert done.code == 3
    assert outcomes(done) == {"coinbase": "ok", "binance": "geo", "kraken": "failed"}
    told = next(one for one in json.loads(done.out)["venues"] if one["venue"] == "binance")
    assert "does not serve this place" in told["next"]


async def test_a_probe_says_that_a_venue_is_silent_when_it_confirms_and_tells_no_price(chrono, venues) -> None:
    venues["coinbase"].silent = True
    done = await asked(chrono, {"coinbase": venues["coinbase"]}, "probe", "--json", "--timeout", "2")
    assert (done.code, outcomes(done)) == (1, {"coinbase": "silent"})
    assert "subscribed, but no price came" in json.loads(done.out)["venues"][0]["steps"][-1]["said"]


async def test_a_probe_goes_on_with_rest_when_the_stream_is_refused(chrono, venues) -> None:
    venues["coinbase"].refuse = (500, {}, b"")
    done = await asked(chrono, {"coinbase": venues["coinbase"]}, "probe", "--json", "--timeout", "20")
    assert (done.code, outcomes(done)) == (3, {"coinbase": "partly"})
    assert steps(done, "coinbase")["tickers"] == "ok"


def test_a_probe_without_anybody_there_says_at_which_step_it_ends(chrono) -> None:
    done = chrono("venues", "probe", "kraken", "--at", "kraken=127.0.0.1:1", "--timeout", "5")
    assert done.code == 1
    assert "kraken: tcp:" in done.err
    assert "next for failed:" in done.err


def test_a_venue_that_is_not_read_is_a_mistake(chrono) -> None:
    done = chrono("venues", "probe", "mtgox")
    assert done.code == 2
    assert "chrono venues list" in done.err


async def test_a_bench_measures_the_parser_on_what_was_just_heard(chrono, venues) -> None:
    done = await asked(chrono, venues, "bench", "--json", "--seconds", "0.5", "--timeout", "20")
    rates = {one["venue"]: one for one in json.loads(done.out)["rates"]}
    assert (done.code, set(rates)) == (0, set(NAMES)), done
    assert all(one["messages"] > 3 and one["parse_us"] > 0 and one["prices_per_message"] > 0 for one in rates.values())


def test_a_bench_without_messages_measures_nothing_and_says_so(chrono) -> None:
    done = chrono("venues", "bench", "kraken", "--at", "kraken=127.0.0.1:1", "--timeout", "5")
    assert (done.code, done.out) == (1, "")
    assert "kraken: no messages; next: chrono venues probe kraken" in done.err
