"""Every wire, end to end on loopback: handshake, subscription, prices, and all that a broken venue may send."""

import itertools
from decimal import Decimal

import pytest

from chrono.telemetry import VENUE_REFUSALS
from tests.fakes.venue_house import BTC, ETH, house
from tests.fakes.venue_server import garbage, until
from tests.fakes.venue_wires import WIRES


@pytest.mark.parametrize("name", WIRES)
async def test_a_venue_is_subscribed_and_its_prices_become_quotes(name):
    async with house({name: {}}) as built:
        await until(lambda: len([q for q in built.told(name) if q.volume]) >= 3)
        await until(lambda: built.told(name, ETH))
        quote = [q for q in built.told(name) if q.volume][-1]
        price = built.servers[name].prices[built.servers[name].wire.symbols[0]]
        assert abs(quote.price / price - 1) < Decimal("0.01")
        assert quote.quoted_at_ns % 1000 == 0
        assert 0 <= quote.received_at_ns - quote.quoted_at_ns < 10**9
        assert built.state(name) == "live"
        report = built.report(name)
        assert (report.by, report.markets, report.verdict) == ("stream", 2, "")
        assert report.messages > 0
        assert report.last_heard_ns is not None


@pytest.mark.parametrize("name", WIRES)
async def test_a_book_is_told_at_most_four_times_a_second(name):
    async with house({name: {}}) as built:
        await until(lambda: len([q for q in built.told(name) if q.volume is not None]) >= 4)
        received = [quote.received_at_ns for quote in built.told(name) if quote.volume is not None]
        # The turn is kept by monotonic time; the times of receipt are those of the last word in each quote.
        assert received[3] - received[0] > 0.4 * 10**9


@pytest.mark.parametrize("name", WIRES)
async def test_garbage_costs_nothing_but_itself(name):
    async with house({name: {}}) as built:
        await until(lambda: built.told(name))
        server = built.servers[name]
        for text in garbage():
            await server.send(text)
        await server.send(b"\xff\xfe\x00binary")
        before = len(built.quotes)
        await until(lambda: len(built.quotes) > before + 2)
        assert server.handshakes == 1


@pytest.mark.parametrize("name", ["coinbase", "kraken"])
async def test_bytes_that_are_no_websocket_cost_one_connection(name):
    async with house({name: {}}) as built:
        await until(lambda: built.state(name) == "live")
        server = built.servers[name]
        server.send_raw(b"\xff\xff\xff\xff" * 8)
        await until(lambda: server.handshakes == 2)
        await until(lambda: built.state(name) == "live")


async def test_a_message_larger_than_is_taken_costs_one_connection():
    async with house({"coinbase": {}}) as built:
        await until(lambda: built.state("coinbase") == "live")
        await built.servers["coinbase"].send("x" * 5_000_000)
        await until(lambda: built.servers["coinbase"].handshakes == 2)
        await until(lambda: built.state("coinbase") == "live")


@pytest.mark.parametrize("name", WIRES)
async def test_after_a_disconnect_everything_is_subscribed_again(name):
    async with house({name: {}}) as built:
        server = built.servers[name]
        await until(lambda: built.state(name) == "live")
        asked = len(server.heard)
        server.hang_up()
        # The state alone says too little: it may still be that of the connection before.
        await until(lambda: server.handshakes == 2 and len(server.heard) >= 2 * asked and built.state(name) == "live")
        assert len(server.heard) == 2 * asked
        await server.close_all(1012, "service restart")
        await until(lambda: server.handshakes == 3 and len(server.heard) >= 3 * asked and built.state(name) == "live")


@pytest.mark.parametrize(
    ("status", "state", "kind"),
    [(451, "refused", "geo"), (403, "refused", "geo"), (429, "dead", "rate_limited"), (503, "dead", "maintenance")],
)
async def test_a_refused_handshake_is_told_by_its_kind(status, state, kind):
    counter = VENUE_REFUSALS.labels("binance", kind)
    before = counter._value.get()
    async with house({"binance": {}}) as built:
        server = built.servers["binance"]
        server.refuse = (status, {}, b"not from here")
        server.hang_up()
        await until(lambda: counter._value.get() > before)
        await until(lambda: built.state("binance") == state)
        assert "not from here" in built.report("binance").why
        # Meanwhile REST serves, and the handshake is not tried again and again.
        await until(lambda: built.report("binance").by == "rest")
        assert server.handshakes <= 2


async def test_a_rate_limited_rest_is_left_alone_for_as_long_as_it_says():
    async with house({"binance": {}}) as built:
        server = built.servers["binance"]
        server.rest_refuses = server.wire.limited()
        server.refuse = (503, {}, b"")
        server.hang_up()
        poller = built.door.connectors["binance"].poller
        await until(lambda: poller.refused is not None)
        asked = server.asked
        assert poller.refused.retry_after_s == 7.0
        poller.hurry()
        await until(lambda: built.state("binance") == "dead")
        assert server.asked == asked


@pytest.mark.parametrize("name", WIRES)
async def test_every_wires_rate_limit_is_read_as_one(name):
    spec = WIRES[name]().limited()
    async with house({name: {}}) as built:
        refused = built.door.connectors[name].spec.rest.refusal(*spec)
        assert refused is not None
        assert refused.kind == "rate_limited"


async def test_a_gap_asks_for_the_books_again():
    async with house({"binance": {"sequence_step": 1}}) as built:
        server = built.servers["binance"]
        # Both symbols share a counter at this server: every message of one is a gap to the other.
        await until(lambda: any("UNSUBSCRIBE" in frame for frame in server.heard))
        assert server.handshakes == 1


async def test_a_slow_rest_does_not_hold_up_the_stream():
    async with house({"kraken": {}}) as built:
        built.servers["kraken"].rest_slow_s = 30.0
        await until(lambda: built.state("kraken") == "live")


async def test_a_bad_venue_costs_the_others_nothing():
    async with house({"coinbase": {}, "kraken": {}}) as built:
        bad = built.servers["coinbase"]
        bad.refuse = (500, {}, b"<html>")
        bad.rest_body = b"\xff not json"
        bad.hang_up()
        await until(lambda: built.state("coinbase") == "dead")
        before = len(built.told("kraken"))
        await until(lambda: len(built.told("kraken")) > before + 2)
        assert built.state("kraken") == "live"


async def test_a_subscriber_that_raises_costs_the_others_nothing():
    async with house({"kraken": {}}) as built:
        heard = []

        def broken(_):
            raise RuntimeError("mine")

        built.door.on_quotes(broken)
        built.door.on_quotes(heard.extend)
        await until(lambda: len(heard) >= 2)


async def test_one_quote_of_a_book_is_kept_in_its_time_with_the_volume_of_all():
    kept = []

    async def write(quotes):
        kept.extend(quotes)

    async with house({"kraken": {}}, write=write, store_every_s=0.6) as built:
        await until(lambda: len([q for q in kept if q.market == BTC]) >= 3)
        times = [quote.received_at_ns for quote in kept if quote.market == BTC]
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.6 * 10**9
        assert all(quote.volume for quote in kept[4:])
        assert len(built.told("kraken")) > len(times)
