"""The hub on a manual clock, with readers that stop and go on when told."""

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.pricing.estimate import Quality
from chrono.settings import Stream
from chrono.stream.connection import Connection
from chrono.stream.hub import Hub
from chrono.stream.session import Topic
from chrono.telemetry import WS_CONNECTIONS, WS_DROPPED
from tests.fakes.streams import AT_NS, GOOD_KEY, INTERNAL_KEY, Board, KeptOutlet, a_hub, a_quote, an_estimate


class Desk:
    """A hub, its board, its clock, and readers."""

    def __init__(self, **rules: Any) -> None:
        self.clock = ManualClock(AT_NS)
        self.board = Board()
        self.hub = a_hub(self.clock, self.board, Stream(**rules), jitter=random.Random(1))

    def reader(self, *symbols: str, key: str | None = GOOD_KEY, room: int | None = None, **more: Any) -> KeptOutlet:
        outlet = KeptOutlet(room)
        self.hub.open(outlet, "test", key)
        if symbols or more:
            self.say(outlet, action="subscribe", symbols=list(symbols), **more)
        return outlet

    def say(self, outlet: KeptOutlet, **frame: Any) -> None:
        self.hub.receive(self.connection(outlet), json.dumps(frame))

    @staticmethod
    def connection(outlet: KeptOutlet) -> Connection:
        assert outlet.connection is not None
        return outlet.connection

    def price(self, price: str = "1", market: str = "BTC/USD", after_ms: int = 250) -> None:
        self.clock.advance(after_ms * 1_000_000)
        self.board.put(self.hub, an_estimate(market, price=price, at_ns=self.clock.now_ns()))

    def quote(self, venue: str, price: str, market: str = "BTC/USD") -> None:
        self.hub.publish_quotes([a_quote(market, venue, price, self.clock.now_ns())])

    def wait(self, seconds: float) -> None:
        """Let time pass as the supervised part would: a pass each tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(SECOND_NS // 10)
            self.hub.tick()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def prices(outlet: KeptOutlet) -> list[str]:
    return [frame["data"]["price"] for frame in outlet.of("price_update")]


def seqs(outlet: KeptOutlet) -> list[int]:
    numbered = ("snapshot", "price_update", "ftso_submission")
    return [frame["seq"] for frame in outlet.frames if frame["type"] in numbered]


def test_a_reader_gets_hello_then_what_it_subscribed_then_the_snapshot_then_updates(desk: Desk) -> None:
    desk.price("67234.56")
    desk.clock.advance(1_500_000_000)
    outlet = desk.reader("BTC/USD", "XYZ")
    desk.price("67300")
    assert [frame["type"] for frame in outlet.frames] == ["hello", "subscribed", "snapshot", "price_update"]
    assert outlet.frames[2] == {
        "type": "snapshot",
        "seq": 1,
        "data": [{
            "symbol": "BTC/USD", "price": "67234.56", "volume": "12.5", "source": "aggregated",
            "timestamp": "2025-10-09T12:34:57.039Z", "staleness_ms": 1500, "quality": "ok", "sources": 3,
            "confidence": "0.9500", "rev": 1,
        }],
        "missing": ["XYZ/USD"],
    }  # fmt: skip
    assert outlet.frames[3] == {
        "type": "price_update",
        "seq": 2,
        "data": {
            "symbol": "BTC/USD", "price": "67300", "volume": "12.5", "source": "aggregated",
            "timestamp": "2025-10-09T12:34:58.789Z", "change_24h": None, "rev": 2, "quality": "ok", "sources": 3,
            "confidence": "0.9500",
        },
    }  # fmt: skip


def test_a_price_is_never_written_with_an_exponent(desk: Desk) -> None:
    outlet = desk.reader("BTC/USD")
    desk.price("1E-12")
    desk.price("1E+5")
    assert prices(outlet) == ["0.000000000001", "100000"]


def test_one_clients_subscriptions_never_touch_anothers(desk: Desk) -> None:
    one, two = desk.reader("BTC"), desk.reader("ETH")
    desk.price("1", "BTC/USD")
    desk.say(two, action="unsubscribe", symbols=["BTC", "ETH"])
    desk.price("2", "BTC/USD")
    desk.price("3", "ETH/USD")
    assert prices(one) == ["1", "2"]
    assert prices(two) == []


def test_what_readers_were_shown_is_not_sent_again(desk: Desk) -> None:
    outlet = desk.reader("BTC")
    desk.price("1")
    same = desk.board.estimates["BTC/USD"]
    desk.hub.publish_estimates([same, same])
    later = an_estimate(price="1", at_ns=same.at_ns + SECOND_NS, newest_at_ns=same.newest_at_ns)
    desk.hub.publish_estimates([later])
    older = an_estimate(price="9", at_ns=same.at_ns - SECOND_NS)
    desk.hub.publish_estimates([older])
    assert prices(outlet) == ["1"]


def test_a_change_of_quality_alone_is_a_change(desk: Desk) -> None:
    outlet = desk.reader("BTC")
    desk.price("1")
    same = desk.board.estimates["BTC/USD"]
    worse = an_estimate(
        price="1", at_ns=same.at_ns + SECOND_NS, newest_at_ns=same.newest_at_ns, quality=Quality.DEGRADED
    )
    desk.hub.publish_estimates([worse])
    assert [frame["data"]["quality"] for frame in outlet.of("price_update")] == ["ok", "degraded"]


def test_a_star_reads_every_market_once_even_when_it_names_some(desk: Desk) -> None:
    outlet = desk.reader("*", "BTC")
    plain = desk.reader("BTC")
    desk.price("1", "BTC/USD")
    desk.price("2", "SOL/USD")
    assert prices(outlet) == ["1", "2"]
    assert prices(plain) == ["1"]


def test_the_snapshot_of_a_star_holds_every_listed_market(desk: Desk) -> None:
    desk.price("1", "SOL/USD")
    desk.price("2", "BTC/USD")
    (snapshot,) = desk.reader("*").of("snapshot")
    assert [row["symbol"] for row in snapshot["data"]] == ["BTC/USD", "SOL/USD"]
    assert snapshot["missing"] == []


def test_quotes_go_at_once_to_readers_of_sources_only(desk: Desk) -> None:
    venues, plain = desk.reader("BTC", sources=True), desk.reader("BTC")
    desk.quote("binance", "1")
    desk.quote("kraken", "2")
    desk.quote("kraken", "3", market="ETH/USD")
    assert [(f["data"]["source"], f["data"]["price"]) for f in venues.of("price_update")] == [
        ("binance", "1"), ("kraken", "2"),
    ]  # fmt: skip
    assert "quality" not in venues.of("price_update")[0]["data"]
    assert prices(plain) == []


def test_a_reader_that_keeps_up_gets_every_quote_of_a_batch(desk: Desk) -> None:
    outlet = desk.reader("BTC", sources=True)
    batch = [a_quote(price=str(n), at_ns=AT_NS + n * 1_000_000) for n in range(1, 101)]
    desk.hub.publish_quotes(batch)
    assert prices(outlet) == [str(n) for n in range(1, 101)]


def test_submissions_go_to_readers_of_rounds_only(desk: Desk) -> None:
    rounds, plain = desk.reader(rounds=True), desk.reader("BTC")
    told = {"epoch": 12345, "phase": "submit1", "status": "confirmed", "tx_hash": "0xab", "gas_used": 45000}
    desk.hub.publish_round(told)
    told |= {"margin_ms": None, "reason": None}
    assert rounds.of("ftso_submission") == [{"type": "ftso_submission", "seq": 1, "data": told}]
    assert plain.of("ftso_submission") == []


def test_a_slow_reader_gets_the_newest_of_each_market_and_seq_has_no_gap(desk: Desk) -> None:
    slow, quick = desk.reader("BTC", "ETH"), desk.reader("BTC", "ETH")
    slow.make_room(1)
    before = WS_DROPPED.labels("conflated")._value.get()
    for n in range(1, 6):
        desk.price(str(n), "BTC/USD", after_ms=20)
        desk.price(str(n * 10), "ETH/USD", after_ms=20)
    slow.make_room(None)
    desk.price("99", "BTC/USD")
    # 1 had room, 10 was on its way when the room ended; of the rest the newest.
    assert prices(slow) == ["1", "10", "5", "50", "99"]
    assert seqs(slow) == list(range(1, 7))
    assert prices(quick) == ["1", "10", "2", "20", "3", "30", "4", "40", "5", "50", "99"]
    assert seqs(quick) == list(range(1, 13))
    assert WS_DROPPED.labels("conflated")._value.get() == before + 6


def test_a_slow_reader_of_sources_gets_the_newest_of_each_venue_in_order_of_rev(desk: Desk) -> None:
    slow = desk.reader("BTC", sources=True)
    slow.make_room(0)
    desk.price("1")
    for venue, price in [("kraken", "2"), ("okx", "3"), ("kraken", "4")]:
        desk.quote(venue, price)
    desk.price("5")
    slow.make_room(None)
    told = [(f["data"]["source"], f["data"]["price"]) for f in slow.of("price_update")]
    assert told == [("aggregated", "1"), ("okx", "3"), ("kraken", "4"), ("aggregated", "5")]
    revs = [f["data"]["rev"] for f in slow.of("price_update")]
    assert revs == sorted(revs)


def test_an_outlet_is_never_handed_more_than_a_batch_beyond_what_it_takes(desk: Desk) -> None:
    outlet = desk.reader("*")
    outlet.make_room(0)
    for n in range(1000):
        desk.price(str(n), f"M{n}/USD", after_ms=1)
    outlet.make_room(2)
    assert 0 < len(outlet.waiting) < 100
    assert len(desk.connection(outlet).pending) > 800


def test_nothing_of_a_market_is_sent_after_unsubscribed(desk: Desk) -> None:
    outlet = desk.reader("BTC", "ETH")
    outlet.make_room(0)
    desk.price("1", "BTC/USD")
    desk.price("2", "BTC/USD")
    desk.price("3", "ETH/USD")
    desk.say(outlet, action="unsubscribe", symbols=["BTC"])
    outlet.make_room(None)
    types = [frame["type"] for frame in outlet.frames[3:]]
    assert types == ["price_update", "unsubscribed", "price_update"]  # the first was on its way already
    assert prices(outlet) == ["1", "3"]


def test_a_second_snapshot_is_never_followed_by_an_older_update(desk: Desk) -> None:
    outlet = desk.reader("BTC")
    outlet.make_room(0)
    for n in range(1, 5):
        desk.price(str(n))
    desk.say(outlet, action="subscribe", symbols=["BTC"])
    outlet.make_room(None)
    desk.price("5")
    assert outlet.of("snapshot")[1]["data"][0]["rev"] == 4
    assert [frame["data"]["rev"] for frame in outlet.of("price_update")] == [1, 5]


def test_a_reader_stalled_for_five_seconds_is_told_why_and_cut_and_nobody_else_notices(desk: Desk) -> None:
    stalled, healthy = desk.reader("BTC"), desk.reader("BTC")
    stalled.make_room(0)
    desk.price("1")
    desk.wait(4.8)
    assert stalled.closed is None
    desk.wait(0.3)
    assert stalled.closed == (1013, "reader_slow")
    assert stalled.waiting[-1]["type"] == "error"
    assert stalled.waiting[-1]["error"]["code"] == "REQUEST_TIMEOUT"
    desk.price("2")
    assert prices(healthy) == ["1", "2"]
    assert healthy.closed is None
    assert desk.hub.connections == 1
    desk.wait(1.1)
    assert stalled.aborted


def test_a_reader_on_a_thin_line_is_slow_but_not_stalled(desk: Desk) -> None:
    slow = desk.reader("BTC")
    slow.make_room(0)
    desk.connection(slow).outlet.send_many([b'{"type":"x"}'] * 20)  # a backlog that takes long to drain
    for _ in range(6):
        desk.wait(2.0)
        slow.make_room(1)
        assert slow.closed is None
    desk.wait(5.2)
    assert slow.closed is not None


def test_heartbeats_come_every_interval_with_the_last_seq(desk: Desk) -> None:
    outlet = desk.reader("BTC")
    desk.price("1")
    desk.wait(61)
    assert [frame["seq"] for frame in outlet.of("heartbeat")] == [2, 2]
    assert outlet.of("heartbeat")[0]["timestamp"].startswith("2025-10-09T12:35:2")


def test_a_thousand_heartbeats_are_spread_over_several_passes(desk: Desk) -> None:
    outlets = [desk.reader() for _ in range(1000)]
    desk.clock.advance(30 * SECOND_NS)
    desk.hub.tick()
    assert sum(len(outlet.of("heartbeat")) for outlet in outlets) == 200
    for _ in range(4):
        desk.hub.tick()
    assert all(len(outlet.of("heartbeat")) == 1 for outlet in outlets)


def test_no_key_within_five_seconds_is_4408(desk: Desk) -> None:
    late, in_time = desk.reader(key=None), desk.reader(key=None)
    desk.wait(4.5)
    desk.say(in_time, action="auth", key=GOOD_KEY)
    desk.wait(1)
    assert late.closed == (4408, "key_late")
    assert late.frames[-1]["error"]["code"] == "UNAUTHORIZED"
    assert in_time.closed is None


@pytest.mark.parametrize(("key", "code"), [("chrono_public_wrong", "UNAUTHORIZED"), (INTERNAL_KEY, "FORBIDDEN")])
def test_a_key_that_may_not_stream_ends_with_4401(desk: Desk, key: str, code: str) -> None:
    by_url, by_message = desk.reader(key=key), desk.reader(key=None)
    desk.say(by_message, action="auth", key=key, id=1)
    for outlet in (by_url, by_message):
        assert [frame["type"] for frame in outlet.frames] == ["hello", "error"]
        assert outlet.frames[1]["error"]["code"] == code
        assert outlet.closed is not None
        assert outlet.closed[0] == 4401
    assert desk.hub.connections == 0


def test_one_connection_too_many_is_told_so_and_room_is_room_again() -> None:
    desk = Desk(max_connections=2)
    first, _ = desk.reader(), desk.reader()
    surplus = desk.reader()
    assert [frame["error"]["code"] for frame in surplus.frames] == ["RATE_LIMIT_EXCEEDED"]
    assert surplus.closed == (1013, "stream_full")
    desk.hub.left(desk.connection(first))
    assert desk.reader().closed is None


def test_a_flood_of_messages_ends_with_4429_and_a_flood_of_pings_too(desk: Desk) -> None:
    talker, pinger = desk.reader(), desk.reader()
    for _ in range(6):
        desk.say(talker, action="ping")
    assert len(talker.of("pong")) == 5
    answers = [desk.hub.counted(desk.connection(pinger)) for _ in range(6)]
    assert answers == [True] * 5 + [False]
    for outlet in (talker, pinger):
        assert outlet.closed is not None
        assert outlet.closed[0] == 4429


def test_two_missed_pongs_end_a_connection_and_any_sign_of_life_keeps_it(desk: Desk) -> None:
    dead, alive = desk.reader(), desk.reader()
    for _ in range(7):
        desk.wait(10)
        desk.hub.heard(desk.connection(alive))
    assert dead.aborted
    assert not alive.aborted
    assert alive.pings == 3


async def test_drain_sends_everybody_away_to_come_back_at_different_times(desk: Desk) -> None:
    outlets = [desk.reader("BTC") for _ in range(20)]
    outlets[0].make_room(0)
    desk.price("1")
    await desk.hub.drain(within_s=0.01)
    waits = {frame["reconnect_after_ms"] for outlet in outlets[1:] for frame in outlet.of("going_away")}
    assert len(waits) > 10
    assert all(1_000 <= wait < 10_000 for wait in waits)
    assert all(outlet.closed == (1012, "restart") for outlet in outlets)
    assert all(outlet.aborted for outlet in outlets)  # nobody answered the goodbye in time
    late = desk.reader()
    assert [frame["type"] for frame in late.frames] == ["going_away"]


async def test_change_24h_is_in_percent_and_null_without_history(desk: Desk) -> None:
    desk.board.history = {"BTC/USD": Decimal(100)}
    outlet = desk.reader("*")
    desk.price("1", "ETH/USD")
    desk.price("90", "BTC/USD")
    await desk.hub.changes.refresh()
    desk.price("102.5", "BTC/USD")
    desk.price("2", "ETH/USD")
    assert [frame["data"]["change_24h"] for frame in outlet.of("price_update")] == [None, None, "2.5000", None]


async def test_a_price_of_yesterday_that_nobody_refreshed_says_nothing(desk: Desk) -> None:
    desk.board.history = {"BTC/USD": Decimal(100)}
    desk.price("100")
    await desk.hub.changes.refresh()
    desk.clock.advance(16 * 60 * SECOND_NS)
    outlet = desk.reader("BTC")
    desk.price("101")
    assert outlet.of("price_update")[0]["data"]["change_24h"] is None


def test_what_another_instance_told_is_shown_once_and_never_over_something_newer() -> None:
    here, there = Desk(), Desk()
    told: list[tuple[Topic, bytes]] = []
    there.hub.on_update(lambda topic, _market, data: told.append((topic, data)))
    there.price("1")
    there.quote("kraken", "7")
    there.hub.publish_round({"epoch": 1, "phase": "submit1", "status": "pending"})
    outlet = here.reader("BTC", sources=True, rounds=True)
    echoed: list[object] = []
    here.hub.on_update(lambda *what: echoed.append(what))
    for topic, data in [*told, *told[:1]]:
        here.hub.publish_foreign(topic, data)
    assert prices(outlet) == ["1", "7"]
    assert [frame["data"]["rev"] for frame in outlet.of("price_update")] == [1, 2]
    assert len(outlet.of("ftso_submission")) == 1
    assert echoed == []
    (snapshot,) = here.reader("BTC").of("snapshot")
    assert snapshot["data"][0]["price"] == "1"
    assert snapshot["data"][0]["sources"] == 3


def test_a_reader_who_comes_back_gets_what_changed_since_instead_of_a_snapshot(desk: Desk) -> None:
    desk.price("1", "BTC/USD")
    desk.price("2", "ETH/USD")
    token = desk.hub.updates.token()
    desk.price("3", "BTC/USD")
    desk.price("4", "BTC/USD")
    desk.price("5", "SOL/USD")
    desk.hub.publish_round({"epoch": 1, "phase": "submit1", "status": "pending"})
    outlet = desk.reader(key=GOOD_KEY)
    message = json.dumps({"action": "subscribe", "symbols": ["BTC", "ETH"], "rounds": True})
    desk.hub.receive(desk.connection(outlet), message, token)
    assert [frame["type"] for frame in outlet.frames] == ["hello", "subscribed", "price_update", "ftso_submission"]
    assert prices(outlet) == ["4"]


@pytest.mark.parametrize("token", ["", "x", "0000-1", "abc-", "-5", "a-٣", "9" * 40])
def test_a_token_of_another_process_or_of_nobody_gives_a_snapshot(desk: Desk, token: str) -> None:
    desk.price("1")
    outlet = desk.reader()
    desk.hub.receive(desk.connection(outlet), '{"action":"subscribe","symbols":["BTC"]}', token)
    assert len(outlet.of("snapshot")) == 1


def test_a_wave_leaves_the_loop_free_between_slices() -> None:
    later: list[Any] = []
    clock, board = ManualClock(AT_NS), Board()
    hub: Hub = a_hub(clock, board, defer=later.append)
    outlets = [KeptOutlet() for _ in range(600)]
    for outlet in outlets:
        hub.receive(hub.open(outlet, "test", GOOD_KEY), '{"action":"subscribe","symbols":["BTC"]}')
    board.put(hub, an_estimate(price="1", at_ns=AT_NS + 1))
    assert sum(len(outlet.of("price_update")) for outlet in outlets) == 256
    # What is published meanwhile takes the place of what has not gone out yet.
    board.put(hub, an_estimate(price="2", at_ns=AT_NS + SECOND_NS))
    while later:
        later.pop(0)()
    assert all(prices(outlet)[-1] == "2" for outlet in outlets)
    assert sum(len(outlet.of("price_update")) for outlet in outlets) == 600 + 256


def test_a_transport_that_breaks_costs_the_other_readers_nothing(desk: Desk) -> None:
    first, broken, last = desk.reader("BTC"), desk.reader("BTC"), desk.reader("BTC")

    def fail(_: bytes) -> None:
        raise OSError("gone")

    desk.connection(broken).send = fail
    desk.price("1")
    desk.price("2")
    assert prices(first) == prices(last) == ["1", "2"]
    assert broken.aborted
    assert desk.hub.connections == 2


def test_the_gauge_of_connections_comes_back_to_where_it_was(desk: Desk) -> None:
    gauge = WS_CONNECTIONS.labels("test")
    before = gauge._value.get()
    outlets = [desk.reader("BTC"), desk.reader(key="wrong"), desk.reader(key=None)]
    desk.wait(6)
    for outlet in outlets:
        desk.hub.left(desk.connection(outlet))
        desk.hub.left(desk.connection(outlet))
    assert gauge._value.get() == before
    assert desk.hub.connections == 0
