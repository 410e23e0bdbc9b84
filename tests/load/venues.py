"""20 venues x 63 feeds at 5,000 messages a second through real sockets, and an hour of it in tape time.

`python -m tests.load.venues [--seconds 30] [--tape-minutes 10] [--per-s 5000]` prints one JSON line per phase. The
venues speak five wires and live in a process of their own; measured is the process that reads them: sockets, parsers,
state machines, books, the window, and in the second row the board that prices all 63 feeds four times a second.
"""

import argparse
import asyncio
import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal

import psutil
from msgspec.structs import replace
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.flare.epochs import Timing
from chrono.ingest.venues.door import VenueDoor
from chrono.ingest.venues.roster import spec_of
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, VenueSpec
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, Venue
from chrono.pricing.board import Board
from chrono.pricing.consensus import Pricer
from chrono.pricing.window import Window
from chrono.settings import Pricing
from tests.fakes.venue_wires import WIRES, Wire

VENUES, FEEDS = 20, 63
SHAPES = {"coinbase": "F{}-USD", "binance": "F{}USDT", "kraken": "F{}/USD", "okx": "F{}-USDT", "kucoin": "F{}-USDT"}
BEAT_S = 0.01
TARGET_SHARE = 0.60
TARGET_GROWTH_MB = 20.0
PLENTY = Budget(10_000.0, 1.0)
CALM = Heartbeat(every_s=60.0, silent_after_s=60.0)


def shape_of(number: int) -> str:
    return list(SHAPES)[number % len(SHAPES)]


def symbols_of(number: int) -> dict[str, Market]:
    """The symbols of one venue in its own spelling, and the feeds that they are."""
    spelt = SHAPES[shape_of(number)]
    return {spelt.format(f"{feed:02d}"): Market(f"F{feed:02d}/USD") for feed in range(FEEDS)}


class Prices:
    """One walk for each feed, the same for all venues."""

    def __init__(self) -> None:
        self.now = [Decimal(100 + feed) for feed in range(FEEDS)]
        self._drawn = random.Random(1)

    def step(self, feed: int) -> Decimal:
        moved = self.now[feed] * (1 + Decimal(self._drawn.randrange(-5, 6)) / 100_000)
        self.now[feed] = moved.quantize(Decimal("0.0001"))
        return self.now[feed]


class Talk:
    """What one venue says, message after message: three offers to one trade."""

    def __init__(self, number: int, prices: Prices) -> None:
        self.wire: Wire = WIRES[shape_of(number)]()
        self._symbols = list(symbols_of(number))
        self._prices = prices
        self._at = number

    def next(self, at_ns: int) -> bytes:
        self._at += 1
        feed = self._at * 5 % FEEDS
        price = self._prices.step(feed)
        symbol = self._symbols[feed]
        if self._at % 4 == 0:
            return self.wire.dealt(symbol, price, Decimal("0.25"), at_ns).encode()
        return self.wire.offered(symbol, price - Decimal("0.01"), price + Decimal("0.01"), at_ns).encode()


# The venues, in a process of their own


class Client(WSListener):
    """One connection of a reader."""

    def __init__(self, number: int, clients: "dict[Client, Talk]", prices: Prices) -> None:
        self._talk = Talk(number, prices)
        self._clients = clients

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        for text in self._talk.wire.greeting():
            transport.send(WSMsgType.TEXT, text.encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        text = frame.get_payload_as_utf8_text()
        for said in self._talk.wire.answers(text):
            transport.send(WSMsgType.TEXT, said.encode())
        if self._talk.wire.subscribed(text):
            self._clients[self] = self._talk

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._clients.pop(self, None)


async def serve(per_s: float) -> None:
    """Speak to whoever subscribes, `per_s` messages a second over all venues."""
    clients: dict[Client, Talk] = {}
    prices = Prices()

    def listener(request: WSUpgradeRequest) -> Client:
        return Client(int(request.path.strip(b"/")), clients, prices)

    server = await ws_create_server(listener, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    began, sent = time.monotonic(), 0
    while True:
        await asyncio.sleep(BEAT_S)
        due = int((time.monotonic() - began) * per_s)
        talking = list(clients.items())
        if not talking:
            sent = due
        at_ns = time.time_ns()
        while sent < due:
            client, talk = talking[sent % len(talking)]
            client.transport.send(WSMsgType.TEXT, talk.next(at_ns))
            sent += 1


# The reader


def local(number: int, port: int) -> VenueSpec:
    """A venue of the roster under another name and at another address."""
    spec = spec_of(shape_of(number))
    assert spec.stream is not None
    stream = replace(
        spec.stream,
        url=lambda _: f"ws://127.0.0.1:{port}/{number}",
        token=None,
        heartbeat=CALM,
        frames=PLENTY,
        connections=PLENTY,
        symbols_per_connection=FEEDS,
    )
    nobody = Request("http://127.0.0.1:1/")
    rest = replace(spec.rest, tickers=lambda _: [nobody], instruments=nobody)
    return replace(spec, name=f"load{number:02d}", stream=stream, rest=rest)


def door_of(port: int, clock: SystemClock | ManualClock) -> VenueDoor:
    specs = {f"load{n:02d}": local(n, port) for n in range(VENUES)}
    markets: Mapping[Venue, Mapping[str, Market]] = {Venue(name): symbols_of(n) for n, name in enumerate(specs)}
    return VenueDoor(specs, markets, clock)


def board_of(window: Window, clock: SystemClock) -> Board:
    rules = Pricing(edges=())
    return Board(window, Pricer(window, QuoteGraph.build(rules.edges), rules), clock, Timing.of("coston2"))


def messages(door: VenueDoor) -> int:
    return sum(line.machine.messages for connector in door.connectors.values() for line in connector.lines)


async def live(port: int, seconds: float, *, priced: bool) -> dict[str, object]:
    """Read for a while in real time."""
    clock = SystemClock()
    door, window = door_of(port, clock), Window()
    quotes = 0

    def count(told: object) -> None:
        nonlocal quotes
        quotes += len(told)  # type: ignore[arg-type]

    door.on_quotes(window.add)
    door.on_quotes(count)
    runs = [run for _, run in door.parts()] + ([board_of(window, clock).run] if priced else [])
    tasks = [asyncio.ensure_future(run()) for run in runs]
    own = psutil.Process()
    await asyncio.sleep(5)
    heard, told, cpu, began = messages(door), quotes, sum(own.cpu_times()[:2]), time.monotonic()
    memory = [own.memory_info().rss / 1e6]
    for _ in range(4):
        await asyncio.sleep(seconds / 4)
        memory.append(own.memory_info().rss / 1e6)
    took = time.monotonic() - began
    share = (sum(own.cpu_times()[:2]) - cpu) / took
    row = {
        "phase": "live with the board" if priced else "live",
        "messages_per_s": round((messages(door) - heard) / took),
        "quotes_per_s": round((quotes - told) / took),
        "share_of_a_core": round(share, 3),
        "us_a_message": round(share * took * 1e6 / max(1, messages(door) - heard), 1),
        "rss_mb": [round(mb, 1) for mb in memory],
        "live": sum(report.state == "live" for report in door.states()),
        "books": window.points(),
    }
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await door.close()
    return row


async def tape(minutes: int, per_s: int) -> dict[str, object]:
    """The same messages as fast as they are read, in time that only they move."""
    clock = ManualClock(1_800_000_000 * SECOND_NS)
    door, window = door_of(1, clock), Window()
    door.on_quotes(window.add)
    prices = Prices()
    talks = []
    for number, connector in enumerate(door.connectors.values()):
        connector.lines = connector._split()
        for line in connector.lines:
            line.machine._connect(0, "ws://tape.test")
            line.machine.opened(clock.monotonic_ns())
            line.machine.actions()  # nobody is there to hear them
            talks.append((connector, line, Talk(number, prices)))
    own = psutil.Process()
    gc.collect()
    memory, heard, cpu = [], 0, sum(own.cpu_times()[:2])
    for second in range(minutes * 60):
        if second % (minutes * 60 // 6) == 0:
            memory.append(own.memory_info().rss / 1e6)
        for _ in range(per_s // 50):
            clock.advance(SECOND_NS // (per_s // 50))
            now_ns = clock.monotonic_ns()
            for at in range(50):
                _, line, talk = talks[(heard + at) % len(talks)]
                line.on_frame(talk.next(now_ns - 5_000_000))
            heard += 50
            for connector in door.connectors.values():
                due = connector.due(now_ns)
                if due:
                    door._tell(due)
            await asyncio.sleep(0)
        for connector in door.connectors.values():
            for line in connector.lines:
                connector._watch_clock(line, now_ns)
            connector._watch_books(now_ns)
    memory.append(own.memory_info().rss / 1e6)
    return {
        "phase": f"{minutes} minutes of tape",
        "messages": heard,
        "cpu_s_with_the_making_of_messages": round(sum(own.cpu_times()[:2]) - cpu, 1),
        "rss_mb": [round(mb, 1) for mb in memory],
        "growth_mb_after_the_first_sixth": round(memory[-1] - memory[1], 1),
        "quotes": sum(connector.quotes for connector in door.connectors.values()),
        "points": window.points(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help="be the venues")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--per-s", type=int, default=5000)
    parser.add_argument("--tape-minutes", type=int, default=10)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.per_s))
    command = [sys.executable, "-m", "tests.load.venues", "--serve", "--per-s", str(asked.per_s)]
    good = True
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venues:
        assert venues.stdout is not None
        port = int(venues.stdout.readline())
        try:
            for priced in (False, True):
                row = asyncio.run(live(port, asked.seconds, priced=priced))
                good &= row["share_of_a_core"] < TARGET_SHARE  # type: ignore[operator]
                print(json.dumps(row), flush=True)
        finally:
            venues.terminate()
    if asked.tape_minutes:
        row = asyncio.run(tape(asked.tape_minutes, asked.per_s))
        good &= row["growth_mb_after_the_first_sixth"] < TARGET_GROWTH_MB  # type: ignore[operator]
        print(json.dumps(row), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
