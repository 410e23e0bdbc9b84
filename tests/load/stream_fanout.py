"""Fan-out through the fast door: 1,000 sockets, 50,000 messages a second, 5 % of the readers stalled.

    python tests/load/stream_fanout.py [--pattern spread|wave|bulk] [--seconds 15] [--clients 1000] [--json]

One process serves, another holds every client; latency runs from `publish` to the client's callback, on the
machine's monotonic clock. The patterns send the same number of messages:
- spread: 50 markets, each reader has one, 2,500 publishes a second, so 20 sends a publish.
- wave: one market, 50 publishes a second, each to all 1,000 sockets at once. The last of a wave waits for the
  sends before it: P50 is half a wave by construction.
- bulk: as the board does it, every 250 ms one batch of all markets; each reader has 12 or 13 of 50.
The figures hold for the machine they were taken on; compare ratios.
"""

import argparse
import asyncio
import gc
import json
import resource
import select
import socket
import subprocess
import sys
import time
from array import array
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

sys.path.insert(0, str(Path(__file__).parents[2]))

from chrono.clock import SystemClock
from chrono.settings import Stream
from chrono.stream import fast_door
from chrono.stream.fast_door import FastDoor, FastOutlet
from chrono.stream.hub import Hub
from chrono.telemetry import WS_DELIVERY_SECONDS
from tests.fakes.streams import ACCESS, an_estimate

STALLED_SHARE = 0.05
KEY = "chrono_public_load"
MARKETS = 50


def rss_kb() -> int:
    """Memory of this process now, KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def markets_of(pattern: str, client: int) -> list[str]:
    """What one client subscribes."""
    if pattern == "wave":
        return ["M0/USD"]
    if pattern == "bulk":
        first = client % 4
        return [f"M{n}/USD" for n in range(first, MARKETS, 4)]
    return [f"M{client % MARKETS}/USD"]


# The serving process

CUT_AFTER_S: list[float] = []


class TimedOutlet(FastOutlet):
    """Notes how long a reader had been stalled when it was cut."""

    paused_at: float | None = None

    def pause_writing(self) -> None:
        self.paused_at = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.paused_at = None
        super().resume_writing()

    def close(self, code: int, reason: str) -> None:
        if self.paused_at is not None:
            CUT_AFTER_S.append(time.monotonic() - self.paused_at)
        super().close(code, reason)


async def no_history(_: object) -> dict[Any, Any]:
    """Nothing is 24 hours old here."""
    return {}


async def publish_all(hub: Hub, pattern: str, seconds: float, per_s: float) -> int:
    """Publish `per_s` values a second in the pattern; how many it were."""

    def publish(names: list[int]) -> None:
        now = time.monotonic_ns()
        hub.publish_estimates([an_estimate(f"M{n}/USD", price=Decimal(now), at_ns=now) for n in names])

    began, done, at_once = time.monotonic(), 0, MARKETS if pattern == "bulk" else 1
    while (elapsed := time.monotonic() - began) < seconds:
        while done + at_once <= int(elapsed * per_s):
            publish([0] if pattern == "wave" else [n % MARKETS for n in range(done, done + at_once)])
            done += at_once
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
    return done


async def serve(pattern: str, seconds: float, per_s: int, clients: int) -> dict[str, Any]:
    """Start the door, wait for the word, publish for `seconds`."""
    fast_door.FastOutlet = TimedOutlet  # type: ignore[misc]
    loop = asyncio.get_running_loop()
    hub = Hub(
        Stream(), SystemClock(), authorise=lambda _: ACCESS, latest=lambda _: None, listed=list,
        day_ago=no_history, defer=loop.call_soon,
    )  # fmt: skip
    door = FastDoor(hub, "127.0.0.1", 0)
    await door.start()
    life = asyncio.create_task(hub.run())
    before_kb = rss_kb()
    print(json.dumps({"port": door.port}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    held_kb, held = rss_kb() - before_kb, hub.connections
    began, cpu = time.monotonic(), time.process_time()
    sends_each = {"spread": clients / MARKETS, "wave": clients, "bulk": clients / 4}[pattern]
    done = await publish_all(hub, pattern, seconds, per_s / sends_each)
    samples = [sample for metric in WS_DELIVERY_SECONDS.collect() for sample in metric.samples]
    handed = {sample.name.rpartition("_")[2]: sample.value for sample in samples if not sample.labels}
    stats = {
        "published": done,
        "handed_over_ms": round(handed["sum"] / max(1, handed["count"]) * 1000, 3),
        "cpu_share": round((time.process_time() - cpu) / (time.monotonic() - began), 3),
        "rss_kb_per_client": round(held_kb / max(1, held), 1),
        "rss_now_mb": round(rss_kb() / 1024, 1),
        "rss_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "connections_left": hub.connections,
        "stalled_s_when_cut": [round(min(CUT_AFTER_S), 2), round(max(CUT_AFTER_S), 2)] if CUT_AFTER_S else None,
    }
    await hub.drain(2.0)
    await door.stop()
    life.cancel()
    return stats


# The process that holds the clients


class Ledger:
    """What all clients together received."""

    def __init__(self, clients: int, pattern: str) -> None:
        self.pattern = pattern
        self.latencies = array("q")
        self.counts = [0] * clients
        self.seqs = [0] * clients
        self.ended: dict[int, int] = {}
        self.ready = 0

    def milliseconds(self, *shares: float) -> list[float]:
        """Percentiles of the latencies."""
        ordered = sorted(self.latencies) or [0]
        return [round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 3) for share in shares]


class Client(WSListener):
    """A reader that keeps up and looks at the clock first."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        self.ledger, self.number = ledger, number

    def on_ws_connected(self, transport: WSTransport) -> None:
        frame = {"action": "subscribe", "symbols": markets_of(self.ledger.pattern, self.number)}
        transport.send(WSMsgType.TEXT, json.dumps(frame).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now, ledger = time.monotonic_ns(), self.ledger
        if frame.msg_type == WSMsgType.CLOSE:
            code = int(frame.get_close_code())
            ledger.ended[code] = ledger.ended.get(code, 0) + 1
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if payload[9:11] == b"pr":  # price_update
            at = payload.index(b'"price":"') + 9
            ledger.latencies.append(now - int(payload[at : payload.index(b'"', at)]))
            ledger.counts[self.number] += 1
            ledger.seqs[self.number] = int(payload[29 : payload.index(b",", 29)])
        elif payload[9:11] == b"sn":  # snapshot
            ledger.ready += 1


def stalled_socket(port: int, pattern: str, client: int) -> socket.socket:
    """A client that subscribes and never reads again."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(
        b"GET /stream?key=%b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % KEY.encode()
    )
    assert b" 101 " in sock.recv(4096)
    text = json.dumps({"action": "subscribe", "symbols": markets_of(pattern, client)}).encode()
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    sock.sendall(b"\x81" + size + b"\0\0\0\0" + text)
    return sock


async def hold(port: int, pattern: str, clients: int) -> dict[str, Any]:
    """Hold `clients` sockets, a share of them stalled, and time what comes."""
    ledger, healthy = Ledger(clients, pattern), clients - int(clients * STALLED_SHARE)
    url = f"ws://127.0.0.1:{port}/stream?key={KEY}"
    held = []
    for first in range(0, healthy, 50):
        numbers = range(first, min(first + 50, healthy))
        made = (ws_connect(partial(Client, ledger, n), url, read_buffer_init_size=4096) for n in numbers)
        held += await asyncio.gather(*made)
    stalled = [stalled_socket(port, pattern, number) for number in range(healthy, clients)]
    while ledger.ready < healthy:
        await asyncio.sleep(0.01)
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": healthy}), flush=True)
    began, cpu = time.monotonic(), time.process_time()
    cut_after_s = await watch(stalled, asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))
    took = time.monotonic() - began
    p50, p95, p99, p999, most = ledger.milliseconds(0.5, 0.95, 0.99, 0.999, 1.0)
    return {
        "clients": len(held) + len(stalled),
        "messages": len(ledger.latencies),
        "messages_per_s": round(len(ledger.latencies) / took),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "p999_ms": p999,
        "max_ms": most,
        "clients_with_gaps": sum(ledger.seqs[n] - 1 != ledger.counts[n] for n in range(healthy)),
        "healthy_cut": sum(count for code, count in ledger.ended.items() if code != 1012),
        "stalled": len(stalled),
        "stalled_gone": len(cut_after_s),
        "stalled_gone_after_first_not_reading_s": [round(min(cut_after_s), 2), round(max(cut_after_s), 2)]
        if cut_after_s
        else None,
        "client_cpu_share": round((time.process_time() - cpu) / took, 3),
    }


async def watch(stalled: list[socket.socket], stop: asyncio.Future[str]) -> list[float]:
    """When each stalled socket was reset, in seconds from now, until `stop`."""
    poll, began, cut_after_s = select.poll(), time.monotonic(), []
    for sock in stalled:
        poll.register(sock, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    while not stop.done():
        await asyncio.sleep(0.05)
        for fd, _ in poll.poll(0):
            cut_after_s.append(time.monotonic() - began)
            poll.unregister(fd)
    return cut_after_s


# The process that was asked


def run(pattern: str, seconds: float, clients: int, per_s: int) -> dict[str, Any]:
    """One measurement. Raises: RuntimeError when a process ends early."""
    here = [sys.executable, __file__, "--pattern", pattern, "--seconds", str(seconds), "--clients", str(clients)]
    here += ["--rate", str(per_s)]

    def start(*role: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*here, *role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process ended with {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def tell(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    door = start("--role", "door")
    holder = None
    try:
        holder = start("--role", "clients", "--port", str(read(door)["port"]))
        read(holder)
        tell(door)
        served = read(door)
        tell(holder)
        return {"pattern": pattern, "seconds": seconds, **read(holder), "server": served}
    finally:
        for process in (door, holder):
            if process is not None:
                process.kill()
                process.wait()


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pattern", choices=("spread", "wave", "bulk"), default="spread")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50_000, help="messages a second, over all clients")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=("door", "clients"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        job = (
            serve(asked.pattern, asked.seconds, asked.rate, asked.clients)
            if asked.role == "door"
            else hold(asked.port, asked.pattern, asked.clients)
        )
        print(json.dumps(uvloop.run(job)), flush=True)
        return
    result = run(asked.pattern, asked.seconds, asked.clients, asked.rate)
    print(json.dumps(result) if asked.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
