"""Whoever floods the fast door, or eats every file of the process, costs the others nothing."""

import asyncio
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.fakes.house import PUBLIC_KEY, House
from tests.faults.test_kills import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), pytest.mark.xdist_group("faults")]

HOSTILE = "127.0.0.66"
FLOOD_S = 3.0
ROOM = 20
"""Files that the process may open beyond those that it has."""

SHOTS = (
    b"",
    b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x00" * 64 + b"\r\n\r\n",
    b"GET /stream?key=chrono_public_wrong HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
)


@contextmanager
def a_reader(house: House) -> Iterator[ClientConnection]:
    """An honest reader at the fast door that has its snapshot."""
    with connect(f"ws://127.0.0.1:{house.stream_port}/stream?key={PUBLIC_KEY}", open_timeout=60) as reader:
        reader.send(json.dumps({"action": "subscribe", "symbols": ["FLOOD/USD"], "sources": True}))
        for kind in ("hello", "subscribed", "snapshot"):
            assert json.loads(reader.recv(60))["type"] == kind
        yield reader


def say_and_hear(house: House, reader: ClientConnection, price: int) -> None:
    """One feed in, and the same price out."""
    feed = {"symbol": "FLOOD/USD", "price": str(price), "source": "honest", "timestamp": int(time.time() * 1000)}
    status, answer = house.ingest([feed])
    assert (status, answer["ingested"]) == (200, 1), answer
    while True:
        frame = json.loads(reader.recv(60))
        if frame["type"] == "price_update" and frame["data"]["source"] == "honest":
            assert frame["data"]["price"] == str(price)
            return


def dropped(house: House, reason: str) -> float:
    for line in house.request("GET", "/metrics")[1].decode().splitlines():
        if line.startswith(f'chrono_ws_dropped_total{{reason="{reason}"}}'):
            return float(line.split()[-1])
    return 0.0


def sound_log(house: House) -> bool:
    return not any(
        word in house.log_path.read_text() for word in ("Traceback", "part_crashed", "Fatal error", "nhandled")
    )


@contextmanager
def flooded(port: int) -> Iterator[list[int]]:
    """Connections from one hostile address, as fast as they go; the number of them so far."""
    over, count = threading.Event(), [0]

    async def one(shot: bytes) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(HOSTILE, 0))
            count[0] += 1
            writer.write(shot)
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.2)
            writer.transport.abort()

    async def flood() -> None:
        while not over.is_set():
            await asyncio.gather(*(one(SHOTS[n % len(SHOTS)]) for n in range(64)))

    thread = threading.Thread(target=lambda: asyncio.run(flood()), daemon=True)
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join(30)


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED HERE: only Linux has all of 127.0.0.0/8 at once")
def test_a_flood_from_one_address_costs_the_others_nothing() -> None:
    with House({"CHRONO__API__RATE_LIMIT_ADDRESS": "100"}) as house:
        house.start()
        with a_reader(house) as reader, flooded(house.stream_port) as count:
            until, price = time.monotonic() + FLOOD_S, 0
            while time.monotonic() < until or count[0] < 500:
                price += 1
                say_and_hear(house, reader, price)
            with a_reader(house) as newcomer:
                say_and_hear(house, newcomer, price + 1)
            print(f"{count[0]} connections, {price} prices; {dropped(house, 'turned_away'):.0f} turned away")
        assert dropped(house, "turned_away") > 100
        assert sound_log(house)


@pytest.mark.skipif(
    sys.platform != "linux", reason="NOT TESTED HERE: limits of a running process can be set on Linux only"
)
def test_a_process_without_a_file_left_turns_newcomers_away_and_serves_on() -> None:
    with House({"CHRONO__STREAM__KEYLESS_PER_ADDRESS": "100000"}) as house:
        house.start()
        process = psutil.Process(house.pid)
        limits = process.rlimit(resource.RLIMIT_NOFILE)
        with a_reader(house) as reader:
            say_and_hear(house, reader, 1)
            process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds() + ROOM, limits[1]))
            crowd = [socket.create_connection(("127.0.0.1", house.stream_port)) for _ in range(ROOM * 3)]
            try:
                wait_for(lambda: _some_are_reset(crowd), 20, "nobody was turned away")
                reader.send(json.dumps({"action": "ping", "id": "alive"}))
                assert any(json.loads(reader.recv(60)).get("id") == "alive" for _ in range(50))
                busy = process.cpu_percent(1.0)
                assert busy < 80, f"the process spins: {busy} %"
            finally:
                for sock in crowd:
                    sock.close()
            process.rlimit(resource.RLIMIT_NOFILE, limits)
            wait_for(lambda: house.get("/live")[0] == 200, 20, "it does not answer")
            say_and_hear(house, reader, 2)
            with a_reader(house) as newcomer:
                say_and_hear(house, newcomer, 3)
        assert dropped(house, "no_files") > 0
        assert sound_log(house)


def _some_are_reset(crowd: list[socket.socket]) -> bool:
    for sock in crowd:
        sock.settimeout(0.05)
        try:
            if sock.recv(1, socket.MSG_PEEK) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
