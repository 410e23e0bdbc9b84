"""A connection driven: what is heard of which socket, and what a broken socket or message costs. No I/O, no waiting."""

import asyncio

from chrono.clock import SECOND_NS, ManualClock
from chrono.ingest.venues.actions import State
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.line import Line
from chrono.ingest.venues.ports import Answer, HandshakeRefusedError, LineError
from chrono.ingest.venues.spec import Heartbeat, Request
from chrono.ingest.venues.words import Dealt
from tests.fakes.venue_words import spec, stream

S = SECOND_NS


class Socket:
    def __init__(self, ears):
        self.ears, self.sent, self.closed, self.is_broken = ears, [], False, False

    def send(self, data, *, is_text):
        self.sent.append(data)

    def ping(self):
        self.sent.append("ping")

    def close(self):
        self.closed = True


class PaperNetwork:
    """Gives sockets of paper. `answers` are what the next attempts raise, `early` what a socket says as it opens."""

    def __init__(self):
        self.sockets, self.answers, self.early, self.gate = [], [], [], None

    async def connect(self, url, listener):
        if self.gate is not None:
            await self.gate.wait()
        if self.answers:
            raise self.answers.pop(0)
        for data in self.early:
            listener.on_frame(data)
        self.sockets.append(Socket(listener))
        return self.sockets[-1]

    async def fetch(self, request):
        return Answer(200, {}, b"wss://token.test")


class Driven:
    """A line on paper, run until it waits."""

    def __init__(self, asked=None):
        asked = asked or spec()
        self.clock, self.network, self.said, self.lost = ManualClock(10**18), PaperNetwork(), [], 0
        self.line = Line(
            asked,
            ["BTC"],
            clock=self.clock,
            network=self.network,
            frames=Allowance(asked.stream.frames),
            connections=Allowance(asked.stream.connections),
            requests=Allowance(asked.rest.budget),
            jitter=lambda: 0.0,
            hear=self.hear,
            lost=self.count,
        )

    def hear(self, line, said):
        if any(getattr(word, "symbol", "") == "BAD" for word in said):
            raise RuntimeError("a book breaks")
        self.said += said

    def count(self, line):
        self.lost += 1

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def pass_by(self, seconds):
        for _ in range(round(seconds * 10)):
            self.clock.advance(S // 10)
            await self.settle()

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.line.run())
        await self.settle()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_it_subscribes_and_hears():
    async with Driven() as driven:
        (socket,) = driven.network.sockets
        assert socket.sent == [b"subscribe BTC"]
        socket.ears.on_frame(b"T BTC 100 1")
        assert [type(word) for word in driven.said] == [Dealt]


async def test_what_a_socket_says_while_it_opens_is_not_lost():
    driven = Driven()
    driven.network.early = [b"T BTC 100 1", b"T BTC 101 1"]
    async with driven:
        assert [word.price for word in driven.said] == [100, 101]


async def test_a_late_word_of_an_old_socket_is_not_heard():
    async with Driven() as driven:
        old = driven.network.sockets[0]
        old.ears.on_frame(b"GG")
        assert old.closed
        assert driven.lost == 1
        driven.said.clear()
        await driven.pass_by(1)
        assert len(driven.network.sockets) == 2
        old.ears.on_frame(b"T BTC 1 1")
        old.ears.on_lost("late")
        assert driven.said == []
        assert driven.line.machine.state is State.OPEN


async def test_a_message_that_breaks_a_book_does_not_cost_the_next():
    async with Driven() as driven:
        ears = driven.network.sockets[0].ears
        ears.on_frame(b"T BAD 1 1")
        ears.on_frame(b"T BTC 100 1")
        assert len(driven.said) == 1
        assert driven.line.machine.state is State.OPEN


async def test_a_parser_that_raises_does_not_cost_the_connection():
    def parse(frame):
        raise KeyError("mine")

    async with Driven(spec(stream=stream(parse=parse))) as driven:
        driven.network.sockets[0].ears.on_frame(b"x")
        assert driven.line.machine.state is State.OPEN


async def test_a_lost_socket_is_replaced():
    async with Driven() as driven:
        driven.network.sockets[0].ears.on_lost("gone")
        assert driven.lost == 1
        await driven.pass_by(1)
        assert len(driven.network.sockets) == 2
        assert driven.network.sockets[1].sent == [b"subscribe BTC"]


async def test_a_network_that_is_away_is_tried_again_and_a_refusal_is_waited_for():
    driven = Driven()
    driven.network.answers = [LineError("no route"), HandshakeRefusedError(Answer(451, {}, b"not here"))]
    async with driven:
        assert driven.line.machine.state is State.WAITING
        await driven.pass_by(1)
        assert driven.line.machine.state is State.REFUSED
        assert driven.line.machine.refusals[-1].kind == "geo"
        await driven.pass_by(60)
        assert driven.network.sockets == []


async def test_an_attempt_that_hangs_is_given_up_and_its_socket_is_not_taken():
    driven = Driven()
    driven.network.gate = asyncio.Event()
    async with driven:
        await driven.pass_by(15.2)
        assert driven.line.machine.why == "no answer to the handshake"
        driven.network.gate.set()
        await driven.pass_by(1)
        assert len(driven.network.sockets) == 1
        assert driven.line.machine.state is State.OPEN


async def test_a_token_is_fetched_before_the_socket_is_opened():
    beat = Heartbeat(every_s=9.0, silent_after_s=99.0)
    asked = stream(token=Request("https://venue.test/token"), url_from_token=lambda body: (body.decode(), beat))
    async with Driven(spec(stream=asked)) as driven:
        assert len(driven.network.sockets) == 1


async def test_a_silent_venue_is_pinged_and_left_in_its_time():
    async with Driven() as driven:
        socket = driven.network.sockets[0]
        await driven.pass_by(5)
        assert socket.sent[-1] == "ping"
        await driven.pass_by(5.5)
        assert socket.closed
        await driven.pass_by(1)
        assert len(driven.network.sockets) == 2


async def test_a_socket_whose_venue_broke_the_protocol_is_dropped():
    async with Driven() as driven:
        socket = driven.network.sockets[0]
        socket.is_broken = True
        await driven.pass_by(2.1)
        assert socket.closed
        await driven.pass_by(1)
        assert len(driven.network.sockets) == 2


async def test_nothing_is_left_open_when_it_ends():
    async with Driven() as driven:
        socket = driven.network.sockets[0]
    assert socket.closed
