"""How fast each venue's messages are read: one core, on recorded messages (else those of the unit tests).

`python -m tests.bench.venues [--json] [--seconds 1] [NAME…]` prints µs a message and messages a second of the parser
alone, of the parser behind the connection's state machine, and with the books that make quotes of it. Only messages
that tell a trade or offers are taken: they are nearly all that a live stream consists of.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from chrono.ingest.venues.books import Books
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.connection import Connection
from chrono.ingest.venues.roster import NAMES, spec_of
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.stalls import Lag
from chrono.ingest.venues.words import Dealt, Offered, Subscribed, Ticked
from chrono.market.names import Market, Venue
from tests.fakes.samples import samples

TARGET_US = 20.0
"""5,000 messages a second on less than 60 % of a core, everything included."""

MOST = 500
AT_NS = 1_800_000_000_000_000_000
STEP_NS = 200_000


@dataclass
class Row:
    """One venue. Times in µs a message, lower quartiles of rounds; `words` is how many prices a message tells on average."""

    venue: str
    messages: int
    bytes: float
    words: float
    parse_us: float
    machine_us: float
    books_us: float
    per_s: float


def prices(spec: VenueSpec) -> list[bytes]:
    """The messages of a live stream: those that tell prices, with the subscriptions that they lean on."""
    assert spec.stream is not None
    leaning = spec.stream.new_parser is not None
    parse = spec.stream.new_parser() if spec.stream.new_parser is not None else spec.stream.parse
    wanted = Dealt | Offered | Ticked | Subscribed if leaning else Dealt | Offered | Ticked
    told = (raw for kind, raw in samples(spec.name) if kind != "http")
    return [raw for raw in told if any(isinstance(word, wanted) for word in parse(raw))][:MOST]


def opened(spec: VenueSpec, symbols: list[str]) -> Connection:
    """A state machine whose socket is open."""
    assert spec.stream is not None
    machine = Connection(
        spec.stream,
        symbols,
        frames=Allowance(spec.stream.frames),
        connections=Allowance(spec.stream.connections),
        jitter=lambda: 0.0,
    )
    machine.tick(0)
    if spec.stream.token is not None:
        machine.fetched(0, 503, {}, b"")
    machine._connect(0, "wss://bench.test")
    machine.opened(0)
    # Messages of several recordings in a row have gaps; they are not what is measured.
    machine.reconnect = machine.resubscribe = lambda *_: None  # type: ignore[method-assign]
    return machine


def rounds(call: Callable[[], None], count: int, seconds: float) -> float:
    """µs a message: the lower quartile of rounds, after a warm-up, with the collector off.

    Not the median: a fresh process gives memory back and takes it again in some rounds, which costs several times more.
    """
    call()
    times = []
    gc.disable()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        began = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - began)
    gc.enable()
    return statistics.quantiles(times, n=4)[0] / 1e3 / count


def measure(name: str, seconds: float) -> Row | None:
    """One venue; None when it has no stream or no sample of one."""
    spec = spec_of(name)
    if spec.stream is None:
        return None
    messages = prices(spec)
    if not messages:
        return None
    new_parser = spec.stream.new_parser or (lambda: spec.stream.parse)
    parse = new_parser()
    words = [word for raw in messages for word in parse(raw)]
    symbols = sorted({word.symbol for word in words if isinstance(word, Dealt | Offered | Ticked)})
    machine, now = opened(spec, symbols), 0
    books = Books(Venue(name), {symbol: Market(f"S{n}/USD") for n, symbol in enumerate(symbols)}, 90.0)
    lag = Lag(10.0)
    batch = messages * (1 if spec.stream.new_parser is not None else max(1, 200 // len(messages)))

    def parsing() -> None:
        parse = new_parser()
        for raw in batch:
            parse(raw)

    def hearing() -> None:
        machine._hearing.anew()
        for raw in batch:
            machine.frame(raw, 1)

    def booking() -> None:
        nonlocal now
        machine._hearing.anew()
        for raw in batch:
            now += STEP_NS
            books.hear(machine.frame(raw, now), AT_NS + now, now, scope=machine.symbols, lag=lag)

    parse_us, machine_us, books_us = (rounds(call, len(batch), seconds) for call in (parsing, hearing, booking))
    size = statistics.mean(len(raw) for raw in messages)
    told = sum(isinstance(word, Dealt | Offered | Ticked) for word in words) / len(messages)
    return Row(name, len(messages), size, told, parse_us, machine_us, books_us, 1e6 / parse_us)


def main() -> int:
    """Print the table; the exit code is 1 when a venue's parser is slower than the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args()
    rows = [row for name in asked.names or NAMES if (row := measure(name, asked.seconds)) is not None]
    if asked.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print(
            f"{'venue':12} {'samples':>7} {'bytes':>7} {'prices':>6} {'parse µs':>9} {'+ machine':>9} {'+ books':>9} {'a second':>9}"
        )
        for row in rows:
            print(
                f"{row.venue:12} {row.messages:7} {row.bytes:7.0f} {row.words:6.1f} {row.parse_us:9.2f} "
                f"{row.machine_us:9.2f} {row.books_us:9.2f} {row.per_s:9,.0f}"
            )
    # A message that tells many prices may cost as many times as much.
    slow = [row.venue for row in rows if row.parse_us > TARGET_US * max(1.0, row.words)]
    if slow:
        print(f"slower than {TARGET_US} µs a price: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
