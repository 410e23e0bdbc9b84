"""The four stalls at a venue that speaks its own wire: each is found within twice its threshold, each has its remedy."""

from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS
from chrono.ingest.venues.spec import Heartbeat
from chrono.telemetry import VENUE_STALLS
from tests.fakes.venue_house import BTC, house
from tests.fakes.venue_server import until
from tests.fakes.venue_wires import WIRES

SHORT_S = 1.5


def stalls(name, verdict):
    return VENUE_STALLS.labels(name, verdict)._value.get()


async def found(name, verdict, before, within_s):
    """Wait for the verdict; it must come within twice its threshold."""
    await until(lambda: stalls(name, verdict) > before, within_s=2 * within_s)


@pytest.mark.parametrize("name", WIRES)
async def test_a_dead_socket_is_found_and_replaced(name):
    before = stalls(name, "dead")
    async with house({name: {"heartbeat": Heartbeat(every_s=0.0, silent_after_s=SHORT_S)}}) as built:
        server = built.servers[name]
        await until(lambda: built.state(name) == "live")
        server.stop_reading()
        await found(name, "dead", before, SHORT_S)
        assert built.report(name).remedy == "reconnect"
        await until(lambda: built.report(name).by == "rest")
        server.dead = False
        await until(lambda: server.handshakes >= 2 and built.state(name) == "live")


@pytest.mark.parametrize("name", WIRES)
async def test_a_silent_socket_is_found_and_subscribed_again(name):
    before, dead = stalls(name, "silent"), stalls(name, "dead")
    beat = Heartbeat(every_s=0.0, silent_after_s=1.2)
    async with house({name: {"heartbeat": beat, "quiet_s": SHORT_S}}) as built:
        server = built.servers[name]
        await until(lambda: built.state(name) == "live")
        asked = len(server.heard)
        server.silent = True
        await found(name, "silent", before, SHORT_S)
        assert (built.state(name), built.report(name).remedy) == ("silent", "resubscribe")
        await until(lambda: len(server.heard) > asked)
        assert server.handshakes == 1
        server.silent = False
        await until(lambda: built.state(name) == "live")
        # The socket answered pings all the time: it was never dead.
        assert stalls(name, "dead") == dead


@pytest.mark.parametrize("name", WIRES)
async def test_offers_frozen_by_their_own_trades_are_left_out_and_rest_is_asked(name):
    before = stalls(name, "frozen")
    async with house({name: {"frozen_s": SHORT_S}}) as built:
        server = built.servers[name]
        await until(lambda: built.state(name) == "live")
        server.frozen = True
        for symbol, price in server.prices.items():
            server.prices[symbol] = price * Decimal("1.02")
        await found(name, "frozen", before, SHORT_S)
        symbol = server.wire.symbols[0]
        await until(lambda: len(built.report(name).frozen) == 2)
        assert (built.state(name), built.report(name).remedy) == ("frozen", "leave_out_and_ask_rest")
        count = len(built.told(name))
        await until(lambda: len(built.told(name)) > count)
        last = built.told(name)[-1]
        assert last.volume is None
        assert abs(last.price / server.prices[symbol] - 1) < Decimal("0.001")
        server.frozen = False
        await until(lambda: built.state(name) == "live")


async def test_offers_frozen_beside_moving_peers_are_left_out():
    names = ("kraken", "coinbase", "okx")
    before = stalls("kraken", "frozen")
    async with house({key: {} for key in names} | {"kraken": {"frozen_s": SHORT_S}}) as built:
        await until(lambda: all(built.state(name) == "live" for name in names))
        frozen = built.servers["kraken"]
        frozen.trades = False
        frozen.frozen = True
        await until(lambda: built.told("kraken")[-1].volume == 0)
        for name in names:
            server = built.servers[name]
            for symbol, price in server.prices.items():
                server.prices[symbol] = price * Decimal("1.05")
        await found("kraken", "frozen", before, SHORT_S)
        assert built.state("coinbase") == built.state("okx") == "live"


async def test_offers_that_rest_with_the_whole_market_are_not_frozen():
    names = ("kraken", "coinbase", "okx")
    before = stalls("kraken", "frozen")
    async with house({key: {"frozen_s": 0.3} for key in names}) as built:
        for server in built.servers.values():
            server.moves = False
        await until(lambda: all(built.state(name) == "live" for name in names))
        count = len(built.told("kraken"))
        await until(lambda: len(built.told("kraken")) >= count + 5)
        assert stalls("kraken", "frozen") == before


@pytest.mark.parametrize("name", WIRES)
async def test_a_lagging_clock_is_found_and_its_quotes_are_left_out(name):
    before = stalls(name, "lagging")
    async with house({name: {"quotes_late_s": SHORT_S}}) as built:
        server = built.servers[name]
        await until(lambda: built.state(name) == "live")
        server.lag_s = 30.0
        await found(name, "lagging", before, SHORT_S)
        report = built.report(name)
        assert (report.state, report.remedy) == ("lagging", "leave_out")
        assert report.clock_offset_ms is not None
        await until(lambda: -31_000 < built.report(name).clock_offset_ms < -29_000)
        await until(lambda: built.told(name)[-1].volume is None)
        assert server.handshakes == 1
        server.lag_s = 0.0
        await until(lambda: built.state(name) == "live")


async def test_a_quiet_venue_that_answers_pings_is_not_dead():
    before = stalls("binance", "dead")
    async with house({"binance": {"heartbeat": Heartbeat(every_s=0.0, silent_after_s=1.0)}}) as built:
        server = built.servers["binance"]
        await until(lambda: built.state("binance") == "live")
        server.silent = True
        heard = built.door.connectors["binance"].lines[0].machine.liveness
        since = heard.heard_ns
        await until(lambda: heard.heard_ns > since + 3 * SECOND_NS)
        assert stalls("binance", "dead") == before
        assert server.handshakes == 1


async def test_a_venue_that_never_answers_pings_but_tells_prices_lives():
    before = stalls("okx", "dead")
    async with house(
        {"okx": {"heartbeat": Heartbeat(every_s=0.05, silent_after_s=2.0, ping=lambda: b"ping")}}
    ) as built:
        server = built.servers["okx"]
        server.wire.answers = lambda frame: []
        await until(lambda: server.heard.count("ping") > 60)
        assert built.state("okx") == "live"
        assert stalls("okx", "dead") == before
        assert built.told("okx", BTC)
