"""The connection's state machine under any order of events: it never raises, keeps the budgets, always comes back."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.clock import SECOND_NS
from chrono.ingest.venues.actions import Close, Connect, Fetch, Send, State
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.connection import Connection
from chrono.ingest.venues.spec import Budget, Heartbeat, Request
from tests.fakes.venue_words import stream

FRAMES = Budget(5.0, 2.0)
CONNECTIONS = Budget(3.0, 30.0)

words = st.sampled_from(
    [
        b"P BTC 100 101",
        b"P BTC 100 101 5",
        b"P BTC 100 101 9",
        b"T ETH 10 1",
        b"B",
        b"Q pong",
        b"G",
        b"GG",
        b"garbage",
        b"R rate_limited 7",
        b"R banned",
        b"R geo",
        b"R maintenance 3",
        b"R unknown_symbol 0 ETH",
        b"R bad_request",
        b"R fault",
    ]
)
events = st.one_of(
    st.tuples(st.just("frame"), words),
    st.tuples(st.sampled_from(["opened", "closed", "heard", "reconnect", "resubscribe", "tick", "token", "bad token"])),
    st.tuples(st.just("take"), st.sampled_from([("BTC",), ("BTC", "ETH"), ("ETH", "BTC"), ()])),
    st.tuples(st.just("refused"), st.sampled_from([200, 400, 403, 418, 429, 451, 500, 503])),
)
steps = st.lists(st.tuples(st.floats(0, 40), events), max_size=60)


def tell(machine, event, now):
    match event:
        case ("frame", data):
            machine.frame(data, now)
        case ("refused", status):
            machine.refused(now, status, {"Retry-After": "5"}, b"")
        case ("take", symbols):
            machine.take(symbols, now)
        case ("token",):
            machine.fetched(now, 200, {}, b"wss://token.test")
        case ("bad token",):
            machine.fetched(now, 200, {}, b"")
        case ("closed",):
            machine.closed(now, "gone")
        case ("reconnect",):
            machine.reconnect(now, "asked")
        case ("resubscribe",):
            machine.resubscribe(now, "asked")
        case ("heard",):
            machine.heard(now)
        case ("opened",):
            machine.opened(now)
        case _:
            machine.tick(now)


def address(body):
    if not body:
        raise ValueError("empty")
    return body.decode(), Heartbeat(every_s=3.0, silent_after_s=12.0)


class Watched:
    """Counts what goes out against the venue's own limits."""

    def __init__(self):
        self.sent, self.connected = deque(), deque()

    def take(self, machine, now):
        for action in machine.actions():
            assert isinstance(action, Send | Close | Connect | Fetch)
            if isinstance(action, Send):
                self.count(self.sent, now, FRAMES)
            elif isinstance(action, Connect):
                self.count(self.connected, now, CONNECTIONS)

    def count(self, times, now, budget):
        times.append(now)
        while times[0] <= now - budget.per_s * SECOND_NS:
            times.popleft()
        assert len(times) <= budget.units


@settings(max_examples=300, deadline=None)
@given(steps=steps, jitter=st.floats(0, 0.999), needs_token=st.booleans(), can_unsubscribe=st.booleans())
def test_any_order_of_events_keeps_the_budgets_and_the_connection_comes_back(
    steps, jitter, needs_token, can_unsubscribe
):
    changes = {"frames": FRAMES, "connections": CONNECTIONS, "lives_s": 300.0, "sequence_step": 1}
    if needs_token:
        changes |= {"token": Request("https://venue.test/token"), "url_from_token": address}
    if not can_unsubscribe:
        changes |= {"unsubscribe": None}
    asked = stream(**changes)
    machine = Connection(
        asked,
        ["BTC", "ETH"],
        frames=Allowance(FRAMES),
        connections=Allowance(CONNECTIONS),
        jitter=lambda: jitter,
        quiet_s=30.0,
    )
    watched, now = Watched(), 0
    for after_s, event in steps:
        now += int(after_s * SECOND_NS)
        tell(machine, event, now)
        watched.take(machine, now)
    if not machine.symbols:
        machine.take(["BTC"], now)
        watched.take(machine, now)
    come_back(machine, watched, now)


def come_back(machine, watched, now):
    """With a venue that answers well from now on, the connection is open and heard within a day."""
    end = now + 86_400 * SECOND_NS
    for _ in range(100):
        if machine.state is State.OPEN:
            machine.frame(b"T BTC 100 1", now)
            if machine.state is State.OPEN:
                return
        now = max(now, machine.wake_ns)
        assert now < end
        machine.tick(now)
        watched.take(machine, now)
        if machine.state is State.FETCHING:
            machine.fetched(now, 200, {}, b"wss://token.test")
        if machine.state is State.CONNECTING:
            machine.opened(now)
        watched.take(machine, now)
    raise AssertionError("it did not come back")


@settings(max_examples=200, deadline=None)
@given(
    units=st.integers(1, 50),
    per_s=st.floats(0.1, 60),
    asks=st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 60)), max_size=80),
)
def test_an_allowance_is_never_exceeded_and_what_is_due_can_be_taken(units, per_s, asks):
    allowance, now, taken = Allowance(Budget(float(units), per_s)), 0, []
    for after_s, weight in asks:
        now += int(after_s * SECOND_NS)
        due = allowance.due_ns(now, weight)
        assert (due <= now) == allowance.take(now, weight)
        if due > now:
            now = due
            assert allowance.take(now, weight)
        taken.append((now, weight))
        since = now - int(per_s * SECOND_NS)
        within = [weight for at, weight in taken if at > since]
        assert sum(within) <= units + 1e-6 or len(within) == 1
