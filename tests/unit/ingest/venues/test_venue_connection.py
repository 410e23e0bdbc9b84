"""The life of a connection: every event, without a socket and without waiting."""

import pytest

from chrono.clock import SECOND_NS
from chrono.ingest.venues.actions import PING, Close, Connect, Fetch, Send, State
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.connection import Connection
from chrono.ingest.venues.spec import Budget, Heartbeat, Request
from chrono.ingest.venues.stalls import Verdict
from chrono.ingest.venues.words import Offered, Resync
from tests.fakes.venue_words import stream

S = SECOND_NS


def connection(symbols=("BTC", "ETH"), *, jitter=lambda: 0.0, quiet_s=60.0, frames=None, connections=None, **changes):
    asked = stream(**changes)
    return Connection(
        asked,
        symbols,
        frames=frames or Allowance(asked.frames),
        connections=connections or Allowance(asked.connections),
        jitter=jitter,
        quiet_s=quiet_s,
    )


def opened(machine, at_ns=0):
    machine.tick(at_ns)
    assert machine.actions() == [Connect("wss://venue.test/2")]
    machine.opened(at_ns)
    return machine.actions()


def test_it_connects_subscribes_and_hears():
    machine = connection()
    assert opened(machine) == [Send(b"subscribe BTC"), Send(b"subscribe ETH")]
    assert machine.state is State.OPEN
    assert [type(word) for word in machine.frame(b"P BTC 100 101", 1 * S)] == [Offered]
    assert machine.actions() == []


def test_frames_wait_for_the_venues_budget():
    machine = connection([f"S{n}" for n in range(20)], frames=Allowance(Budget(5.0, 1.0), share=1.0))
    machine.tick(0)
    machine.actions()
    machine.opened(0)
    sent = [len(machine.actions())]
    for second in (1, 2, 3):
        assert machine.wake_ns == second * S
        machine.tick(second * S)
        sent.append(len(machine.actions()))
    assert sent == [5, 5, 5, 5]


def test_nothing_is_sent_before_the_connection_has_settled():
    machine = connection(settles_s=1.5)
    assert opened(machine) == []
    assert machine.wake_ns == int(1.5 * S)
    machine.tick(int(1.5 * S))
    assert len(machine.actions()) == 2


def test_each_connection_has_a_parser_of_its_own_where_the_venue_needs_one():
    made = []

    def new_parser():
        heard = []
        made.append(heard)
        return lambda frame: heard.append(frame) or []

    machine = connection(new_parser=new_parser)
    opened(machine)
    machine.frame(b"one", 1 * S)
    machine.closed(1 * S, "gone")
    machine.tick(machine.wake_ns)
    machine.opened(machine.wake_ns)
    machine.frame(b"two", 3 * S)
    assert made[-2:] == [[b"one"], [b"two"]]


def test_two_connections_share_one_budget():
    frames = Allowance(Budget(3.0, 1.0), share=1.0)
    first, second = connection(frames=frames), connection(frames=frames)
    assert len(opened(first)) == 2
    assert len(opened(second)) == 1


def test_a_ping_is_sent_in_its_time_and_a_reply_at_once():
    machine = connection(heartbeat=Heartbeat(every_s=5.0, silent_after_s=30.0, ping=lambda: b"ping"))
    opened(machine)
    machine.tick(5 * S)
    assert machine.actions() == [Send(b"ping")]
    machine.frame(b"Q pong", 6 * S)
    assert machine.actions() == [Send(b"pong")]
    assert machine.wake_ns == 10 * S


def test_a_quiet_socket_is_probed_half_way_and_left_when_nothing_answers():
    machine = connection()
    opened(machine)
    assert machine.wake_ns == 5 * S
    machine.tick(5 * S)
    assert machine.actions() == [PING]
    assert machine.wake_ns == 10 * S
    machine.tick(10 * S)
    assert machine.actions() == [Close("dead")]
    assert machine.stalls_found() == [Verdict.DEAD]
    assert machine.state is State.WAITING


def test_a_pong_shows_that_a_quiet_socket_lives():
    machine = connection()
    opened(machine)
    machine.tick(5 * S)
    machine.heard(6 * S)
    machine.tick(10 * S)
    assert machine.state is State.OPEN


def test_a_silent_socket_is_asked_again_and_then_left():
    machine = connection(quiet_s=30.0)
    opened(machine)
    for second in range(1, 30):
        machine.frame(b"B", second * S)
        machine.tick(second * S)
    machine.actions()
    machine.heard(30 * S)
    machine.tick(30 * S)
    assert [action.data for action in machine.actions()] == [
        b"unsubscribe BTC",
        b"unsubscribe ETH",
        b"subscribe BTC",
        b"subscribe ETH",
    ]
    for second in range(31, 60):
        machine.frame(b"B", second * S)
    machine.tick(60 * S)
    assert machine.actions()[-1] == Close("silent")
    assert machine.stalls_found() == [Verdict.SILENT, Verdict.SILENT]


def test_a_price_ends_the_silence():
    machine = connection(quiet_s=30.0)
    opened(machine)
    machine.heard(30 * S)
    machine.tick(30 * S)
    assert machine.liveness.verdict is Verdict.SILENT
    machine.frame(b"T BTC 100 1", 31 * S)
    assert machine.liveness.verdict is None
    machine.heard(60 * S)
    machine.tick(60 * S)
    assert machine.state is State.OPEN


def test_back_off_doubles_to_a_minute_is_spread_and_ends_with_a_steady_connection():
    machine = connection(jitter=lambda: 0.5, connections=Allowance(Budget(1000.0, 1.0)))
    now, waits = 0, []
    for _ in range(9):
        machine.tick(now)
        machine.actions()
        machine.closed(now, "refused by the network")
        waits.append(machine.wake_ns - now)
        now = machine.wake_ns
    assert waits == [int(s * 0.75 * S) for s in (1, 2, 4, 8, 16, 32, 60, 60, 60)]
    machine.tick(now)
    machine.opened(now)
    machine.frame(b"T BTC 100 1", now + 61 * S)
    machine.closed(now + 61 * S, "gone")
    assert machine.wake_ns - now - 61 * S == int(0.75 * S)


def test_everything_is_subscribed_again_after_a_reconnect():
    machine = connection()
    opened(machine)
    machine.closed(1 * S, "gone")
    machine.tick(machine.wake_ns)
    assert machine.actions() == [Connect("wss://venue.test/2")]
    machine.opened(5 * S)
    assert len(machine.actions()) == 2


def test_it_leaves_before_the_venue_ends_its_life_and_is_back_at_once():
    machine = connection(lives_s=100.0, jitter=lambda: 0.99, heartbeat=Heartbeat(every_s=0.0, silent_after_s=900.0))
    opened(machine)
    machine.frame(b"T BTC 1 1", 90 * S)
    assert 94 * S < machine.wake_ns < 98 * S
    machine.tick(machine.wake_ns)
    assert machine.actions() == [Close("its life ends"), Connect("wss://venue.test/2")]
    assert machine.stalls_found() == []


@pytest.mark.parametrize("status", [403, 451])
def test_a_refusal_by_region_is_no_fault_and_waits_an_hour(status):
    machine = connection()
    machine.tick(0)
    machine.refused(1 * S, status, {}, b"restricted location")
    assert machine.state is State.REFUSED
    assert "restricted location" in machine.why
    assert machine.wake_ns == 1 * S + 3600 * S
    machine.tick(machine.wake_ns)
    assert machine.state is State.CONNECTING


def test_a_rate_limit_is_waited_for_as_the_venue_says_by_all_its_connections():
    shared = Allowance(Budget(10.0, 1.0))
    first, second = connection(connections=shared), connection(connections=shared)
    first.tick(0)
    first.refused(0, 429, {"Retry-After": "42"}, b"")
    assert first.state is State.WAITING
    assert first.wake_ns == 42 * S
    second.tick(1 * S)
    assert second.actions() == []
    assert second.wake_ns == 42 * S


def test_a_ban_waits_ten_minutes():
    machine = connection()
    machine.tick(0)
    machine.refused(0, 418, {}, b"")
    assert machine.state is State.BANNED
    assert machine.wake_ns == 600 * S


def test_other_answers_to_a_handshake_are_faults():
    machine = connection()
    machine.tick(0)
    machine.refused(0, 503, {}, b"maintenance")
    assert (machine.state, machine.wake_ns) == (State.WAITING, 60 * S)
    machine.tick(60 * S)
    machine.refused(60 * S, 200, {}, b"hello")
    assert machine.state is State.WAITING


def test_a_handshake_without_an_answer_is_given_up():
    machine = connection()
    machine.tick(0)
    machine.actions()
    machine.tick(15 * S)
    assert machine.actions() == [Close("no answer")]
    assert machine.state is State.WAITING


def test_connections_wait_for_the_venues_budget():
    shared = Allowance(Budget(1.0, 300.0))
    first, second = connection(connections=shared), connection(connections=shared)
    first.tick(0)
    second.tick(1 * S)
    assert second.actions() == []
    assert second.wake_ns == 300 * S


def test_a_venue_that_needs_a_token_is_asked_for_it_each_time():
    beat = Heartbeat(every_s=9.0, silent_after_s=99.0)
    token = Request("https://venue.test/token", "POST")

    def address(body):
        if not body:
            raise ValueError("empty")
        return body.decode(), beat

    machine = connection(token=token, url_from_token=address)
    machine.tick(0)
    assert machine.actions() == [Fetch(token)]
    machine.fetched(0, 200, {}, b"")
    assert machine.state is State.WAITING
    machine.tick(machine.wake_ns)
    machine.actions()
    machine.fetched(2 * S, 200, {}, b"wss://other.test")
    assert machine.actions() == [Connect("wss://other.test")]
    machine.opened(2 * S)
    assert machine.liveness.ping_ns == 11 * S
    machine.closed(3 * S, "gone")
    machine.tick(machine.wake_ns)
    assert isinstance(machine.actions()[-1], Fetch)


def test_a_refused_token_is_a_refusal():
    machine = connection(token=Request("https://venue.test/token"), url_from_token=lambda body: ("", None))
    machine.tick(0)
    machine.fetched(0, 451, {}, b"")
    assert machine.state is State.REFUSED


def test_offers_that_come_late_are_dropped_and_a_gap_asks_again():
    machine = connection(sequence_step=1)
    opened(machine)
    assert len(machine.frame(b"P BTC 100 101 7", 1 * S)) == 1
    assert machine.frame(b"P BTC 100 101 7", 1 * S) == []
    assert machine.frame(b"P BTC 100 101 6", 1 * S) == []
    assert len(machine.frame(b"P BTC 100 101 8", 1 * S)) == 1
    machine.actions()
    assert machine.frame(b"P BTC 100 101 10", 1 * S) == [Resync("gap in BTC")]
    assert machine.actions()[0] == Send(b"unsubscribe BTC")
    assert len(machine.frame(b"P BTC 100 101 50", 2 * S)) == 1


def test_without_a_step_sequences_may_skip_but_not_fall():
    machine = connection()
    opened(machine)
    assert len(machine.frame(b"P BTC 100 101 7", 1 * S)) == 1
    assert len(machine.frame(b"P BTC 100 101 70", 1 * S)) == 1
    assert machine.frame(b"P BTC 100 101 69", 1 * S) == []


def test_a_venue_that_counts_anew_is_believed_after_a_few_words():
    machine = connection()
    opened(machine)
    machine.frame(b"P BTC 100 101 7000", 1 * S)
    said = [machine.frame(f"P BTC 100 101 {n}".encode(), 1 * S) for n in range(1, 7)]
    assert [len(words) for words in said] == [0, 0, 0, 0, 1, 1]
    assert said[4] == [Resync("gap in BTC")]
    assert isinstance(said[5][0], Offered)


def test_a_resync_word_asks_again_or_reconnects():
    machine = connection()
    opened(machine)
    machine.frame(b"G", 1 * S)
    assert len(machine.actions()) == 4
    machine.frame(b"GG", 2 * S)
    assert machine.actions() == [Close("shutdown")]


def test_without_a_way_to_unsubscribe_a_new_connection_asks_again():
    machine = connection(unsubscribe=None)
    opened(machine)
    machine.frame(b"G", 1 * S)
    assert machine.actions() == [Close("gap")]
    assert machine.state is State.WAITING


def test_an_unknown_symbol_is_left_out_and_the_others_are_asked_for_again():
    machine = connection()
    opened(machine)
    machine.frame(b"R unknown_symbol 0 ETH", 1 * S)
    assert machine.actions() == [Send(b"subscribe BTC")]
    assert (machine.symbols, machine.unlisted) == (["BTC"], {"ETH"})
    machine.frame(b"R unknown_symbol 0 BTC", 1 * S)
    assert machine.state is State.OFF
    machine.tick(10**18)
    assert machine.actions() == [Close("no symbol is listed")]


def test_a_rate_limit_in_the_stream_closes_and_waits():
    machine = connection()
    opened(machine)
    machine.frame(b"R rate_limited 33", 1 * S)
    assert machine.actions() == [Close("no")]
    assert machine.wake_ns == 34 * S


def test_a_bad_request_costs_the_other_symbols_nothing():
    machine = connection()
    opened(machine)
    machine.frame(b"R bad_request", 1 * S)
    assert machine.state is State.OPEN
    assert len(machine.refusals) == 1


def test_events_of_another_state_do_nothing():
    machine = connection()
    machine.closed(0, "x")
    machine.refused(0, 403, {}, b"")
    machine.fetched(0, 200, {}, b"")
    machine.reconnect(0, "x")
    machine.resubscribe(0, "x")
    assert machine.frame(b"T BTC 1 1", 0) == []
    assert machine.actions() == []
    machine.opened(0)
    assert machine.actions() == [Close("opened unasked")]


def test_symbols_that_are_listed_again_are_subscribed_anew_and_only_what_was_asked_for_is_ended():
    machine = connection()
    opened(machine)
    machine.take(["BTC"], 1 * S)
    # What is gone is only not asked for again: to ask for its end would be refused by some.
    assert machine.actions() == []
    machine.take(["BTC", "XRP"], 2 * S)
    assert machine.actions() == [Send(b"unsubscribe BTC"), Send(b"subscribe BTC"), Send(b"subscribe XRP")]
    machine.take(["XRP", "BTC"], 3 * S)
    assert machine.actions() == []


def test_what_the_stream_refused_is_asked_for_again_once_it_is_taken_back():
    machine = connection()
    opened(machine)
    machine.frame(b"R unknown_symbol 0 ETH", 1 * S)
    machine.actions()
    machine.take(["BTC", "ETH"], 2 * S)
    assert (machine.symbols, machine.unlisted) == (["BTC", "ETH"], set())
    assert Send(b"subscribe ETH") in machine.actions()


def test_a_connection_without_a_listed_symbol_ends_and_begins_again_with_one():
    machine = connection()
    opened(machine)
    machine.take([], 1 * S)
    assert machine.actions() == [Close("no symbol is listed")]
    assert machine.state is State.OFF
    machine.take(["ETH"], 2 * S)
    machine.tick(2 * S)
    assert machine.actions() == [Connect("wss://venue.test/1")]
    machine.opened(2 * S)
    assert machine.actions() == [Send(b"subscribe ETH")]


def test_what_is_unlisted_before_the_start_is_never_asked_for():
    machine = connection()
    machine.take(["ETH"], 0)
    machine.tick(0)
    assert machine.actions() == [Connect("wss://venue.test/1")]
    machine.opened(0)
    assert machine.actions() == [Send(b"subscribe ETH")]
    machine = connection()
    machine.take([], 0)
    machine.tick(0)
    assert (machine.state, machine.actions()) == (State.OFF, [])
