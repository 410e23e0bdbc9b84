"""A symbol that a venue no longer lists costs none of its other books, by the stream and by REST, list or no list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from chrono.clock import SystemClock
from chrono.ingest.venues import listing
from chrono.ingest.venues.door import VenueDoor
from chrono.market.names import Market, Venue
from tests.fakes.venue_house import CALM, VenueHouse
from tests.fakes.venue_server import VenueServer, running, until
from tests.fakes.venue_wires import WIRES

BASES = ("BTC", "ETH", "XRP", "ADA", "SOL", "LTC", "DOT", "UNI", "ETC", "FIL")
GONE = 3
"""The place of the symbol that is delisted."""

SYMBOLS = {"kraken": tuple(f"{base}/USD" for base in BASES), "binance": tuple(f"{base}USDT" for base in BASES)}
MARKETS = tuple(Market(f"{base}/USD") for base in BASES)
OTHERS = {market for at, market in enumerate(MARKETS) if at != GONE}
BOTH = pytest.mark.parametrize("name", SYMBOLS)


@asynccontextmanager
async def ten(name: str, *, stream: bool = True, **faults: object) -> AsyncIterator[tuple[VenueHouse, VenueServer]]:
    """A venue of ten books, of which it no longer knows one; `faults` are those of its server."""
    wire = WIRES[name]()
    wire.symbols = SYMBOLS[name]
    server = VenueServer(wire)
    gone = wire.symbols[GONE]
    wire.delisted = {gone}
    del server.listed[gone], server.prices[gone]
    for fault, value in faults.items():
        setattr(server, fault, value)
    await server.start()
    if not stream:
        server.refuse = (503, {}, b"no stream today")
    spec = server.spec(heartbeat=CALM)
    markets = {Venue(name): dict(zip(wire.symbols, MARKETS, strict=True))}
    door = VenueDoor({name: spec}, markets, SystemClock(), jitter=lambda: 0.0)
    try:
        async with running(*(run for _, run in door.parts())):
            yield VenueHouse(door, {name: server}), server
    finally:
        await server.stop()
        await door.close()


def priced(house: VenueHouse) -> set[Market]:
    return {quote.market for quote in house.quotes}


async def others_are_priced_anew(house: VenueHouse) -> None:
    house.quotes.clear()
    await until(lambda: priced(house) >= OTHERS)
    assert priced(house) == OTHERS


@BOTH
async def test_an_unlisted_symbol_is_neither_subscribed_nor_asked_for_and_is_named_once(name):
    with capture_logs() as logs:
        async with ten(name) as (house, server):
            await until(lambda: house.state(name) == "live")
            await others_are_priced_anew(house)
            report = house.report(name)
            assert (report.state, report.by, report.markets) == ("live", "stream", 10)
            assert report.unlisted == (SYMBOLS[name][GONE],)
            assert server.lists == 1
            assert server.asked_for[0] == [symbol for at, symbol in enumerate(SYMBOLS[name]) if at != GONE]
            assert not any(SYMBOLS[name][GONE].lower() in frame.lower() for frame in server.heard)
    told = [line for line in logs if line["event"] == "venue_symbols_unlisted"]
    assert [(line["log_level"], line["symbols"], line["remedy"]) for line in told] == [
        ("warning", [SYMBOLS[name][GONE]], "chrono markets audit")
    ]


@BOTH
async def test_without_the_stream_rest_tells_the_other_nine(name):
    async with ten(name, stream=False) as (house, server):
        await others_are_priced_anew(house)
        assert house.report(name).by == "rest"
        assert all(len(asked) == 9 for asked in server.asked_for)


@BOTH
@pytest.mark.parametrize(
    "body", [b"\xff not json", b"", b"{}", b"[]", b'{"symbols":[],"error":[],"result":{}}', b"[" * 5000]
)
async def test_a_list_that_is_garbage_or_empty_costs_nothing(name, body):
    async with ten(name, stream=False, list_body=body) as (house, server):
        await others_are_priced_anew(house)
        await until(lambda: house.report(name).unlisted == (SYMBOLS[name][GONE],))
        # One in ten is found by four refusals.
        refused = [asked for asked in server.asked_for if SYMBOLS[name][GONE] in asked]
        assert [len(asked) for asked in refused] == [10, 5, 2, 1]


@BOTH
async def test_a_list_that_names_none_of_ours_is_not_believed(name):
    async with ten(name, listed=dict.fromkeys(["ABCUSDT", "ABC/USD"], True)) as (house, _):
        await others_are_priced_anew(house)
        await until(lambda: house.state(name) == "live")


@BOTH
async def test_a_list_that_calls_all_of_ours_inactive_is_not_believed(name):
    async with ten(name, listed=dict.fromkeys(SYMBOLS[name], False)) as (house, _):
        await others_are_priced_anew(house)
        await until(lambda: house.state(name) == "live")


@BOTH
async def test_a_list_that_never_comes_holds_the_venue_up_for_its_deadline_only(name, monkeypatch):
    monkeypatch.setattr(listing, "FIRST_S", 0.2)
    async with ten(name, list_hangs=True) as (house, server):
        await others_are_priced_anew(house)
        await until(lambda: house.state(name) == "live")
        assert server.lists == 1


async def test_without_a_list_the_stream_and_rest_find_the_symbol_by_themselves():
    async with ten("kraken", list_body=b"") as (house, server):
        await others_are_priced_anew(house)
        await until(lambda: house.report("kraken").unlisted == ("ADA/USD",))
        server.hang_up()
        server.refuse = (503, {}, b"")
        await others_are_priced_anew(house)
        assert house.report("kraken").by == "rest"


@BOTH
async def test_a_symbol_that_is_halted_is_left_out_even_if_the_venue_goes_on_telling_it(name):
    gone = SYMBOLS[name][GONE]
    async with ten(name, listed=dict.fromkeys(SYMBOLS[name], True) | {gone: False}) as (house, server):
        server.wire.delisted = set()
        server.prices[gone] = server.prices[SYMBOLS[name][0]]
        await until(lambda: house.state(name) == "live")
        for _ in range(3):
            await others_are_priced_anew(house)
        assert house.report(name).unlisted == (gone,)


@BOTH
async def test_a_symbol_that_is_listed_again_is_taken_back_by_stream_and_rest(name, monkeypatch):
    monkeypatch.setattr(listing, "EVERY_S", 0.1)
    gone = SYMBOLS[name][GONE]
    async with ten(name) as (house, server):
        await others_are_priced_anew(house)
        handshakes = server.handshakes
        server.wire.delisted = set()
        server.prices[gone] = server.prices[SYMBOLS[name][0]]
        server.listed[gone] = True
        house.quotes.clear()
        await until(lambda: priced(house) == set(MARKETS))
        await until(lambda: house.report(name).unlisted == ())
        await until(lambda: any(quote.volume for quote in house.told(name, MARKETS[GONE])))
        assert server.handshakes == handshakes
        # And when it goes once more it is left out once more.
        server.wire.delisted = {gone}
        del server.listed[gone], server.prices[gone]
        await until(lambda: house.report(name).unlisted == (gone,))
        await others_are_priced_anew(house)


async def test_what_stream_and_rest_refused_is_taken_back_when_the_list_names_it_again(monkeypatch):
    monkeypatch.setattr(listing, "RETRY_S", 0.1)
    monkeypatch.setattr(listing, "EVERY_S", 0.1)
    async with ten("kraken", list_body=b"") as (house, server):
        connector = house.door.connectors["kraken"]
        await until(lambda: connector.poller.left_out == ("ADA/USD",))
        await until(lambda: any(line.machine.unlisted for line in connector.lines))
        server.list_body = None
        await until(lambda: connector.lister.unlisted == {"ADA/USD"})
        server.wire.delisted = set()
        server.prices["ADA/USD"] = server.prices["BTC/USD"]
        server.listed["ADA/USD"] = True
        await until(lambda: house.report("kraken").unlisted == ())
        await until(lambda: any(quote.volume for quote in house.told("kraken", MARKETS[GONE])))
