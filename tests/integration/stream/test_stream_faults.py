"""Readers that stop, vanish or say nothing, against a serving process of its own: they are cut, nobody else
notices, and memory stays flat. And keys: they stand in no log."""

import asyncio
import gc
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chrono.settings import Logs, Stream
from chrono.telemetry import configure_logs
from tests.fakes.stream_doors import DoorsProcess, hear, open_doors, say, subscribed
from tests.fakes.streams import GOOD_KEY

DOORS = ("fast", "main")
HANDSHAKE = (
    f"GET /stream?key={GOOD_KEY} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
).encode()
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
async def process() -> AsyncIterator[DoorsProcess]:
    started = await DoorsProcess.start(stall_s=1.0)
    try:
        yield started
    finally:
        await started.stop()


def a_stalled_reader(port: int) -> socket.socket:
    """A socket that subscribes to everything and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(HANDSHAKE)
    assert b" 101 " in sock.recv(100)
    frame = b'{"action":"subscribe","symbols":["*"]}'
    sock.sendall(bytes([0x81, 0x80 | len(frame)]) + bytes(4) + frame)
    return sock


async def a_raw_reader(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that is connected, and does nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    assert b" 101 " in await reader.readline()
    return reader, writer


async def read_on(client: ClientConnection) -> list[dict[str, object]]:
    """Everything until the last price of the run."""
    frames = []
    async for message in client:
        frames.append(json.loads(message))
        if frames[-1]["type"] == "price_update" and str(frames[-1]["data"]["price"]).endswith("999999"):
            break
    return frames


# granian takes about 4 MB for a reader that reads nothing before it says so; frames are large to get there soon.
@pytest.mark.parametrize(("door", "frames", "digits"), [("fast", 400, 500), ("main", 500, 20_000)])
async def test_stalled_readers_are_cut_and_nobody_else_notices(
    process: DoorsProcess, door: str, frames: int, digits: int
) -> None:
    healthy = [await subscribed(process.url(door), "*") for _ in range(3)]
    stalled = [a_stalled_reader(process.port(door)) for _ in range(8)]
    await process.until(connections=11)
    readers = [asyncio.create_task(read_on(client)) for client in healthy]
    before_mb = process.rss_mb()
    await process.ask(publish=frames, digits=digits, pause_s=0.005)
    await process.until(connections=3)
    await process.ask(last=True)
    for reader in readers:
        got = await reader
        seqs = [frame["seq"] for frame in got if frame["type"] == "price_update"]
        assert seqs == list(range(2, len(seqs) + 2))
        assert all(frame["type"] in ("price_update", "heartbeat") for frame in got)
    # What the stalled held is let go: room for granian's buffers, none for what was published meanwhile.
    assert process.rss_mb() - before_mb < 60
    for sock in stalled:
        sock.close()
    for client in healthy:
        await client.close()


async def test_a_stalled_event_stream_is_cut(process: DoorsProcess) -> None:
    healthy = await subscribed(process.url("main"), "*")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", process.port("main")))
    sock.sendall(f"GET /stream/sse?symbols=*&key={GOOD_KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert sock.recv(12) == b"HTTP/1.1 200"
    await process.until(connections=2)
    reader = asyncio.create_task(read_on(healthy))
    await process.ask(publish=500, digits=20_000, pause_s=0.005)
    await process.until(connections=1)
    await process.ask(last=True)
    assert await reader
    sock.close()
    await healthy.close()


@pytest.mark.parametrize("door", DOORS)
async def test_clients_that_vanish_in_the_middle_leave_no_memory_behind(process: DoorsProcess, door: str) -> None:
    async def come_and_vanish() -> None:
        clients = [await subscribed(process.url(door), "*") for _ in range(20)]
        await process.ask(publish=5, digits=5_000)
        for client in clients:
            tcp = client.transport.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.transport.abort()
        await process.ask(publish=50, digits=5_000)
        await process.until(connections=0)

    for _ in range(3):  # the allocators' first fill
        await come_and_vanish()
    before_mb = process.rss_mb()
    for _ in range(6):
        await come_and_vanish()
    assert process.rss_mb() - before_mb < 15


async def test_a_client_that_answers_no_ping_is_cut() -> None:
    async with open_doors(ping_s=0.5) as doors:
        reader, writer = await a_raw_reader(doors.fast.port)
        client = await connect(doors.url("fast"))  # this one answers
        with suppress(ConnectionResetError):
            async with asyncio.timeout(60):
                while await reader.read(4096):
                    pass
        writer.close()
        assert doors.hub.connections == 1
        await client.close()


async def test_a_reader_that_pings_and_reads_no_pong_is_refused() -> None:
    async with open_doors() as doors:
        _, writer = await a_raw_reader(doors.fast.port)
        for _ in range(1000):
            writer.write(bytes([0x89, 0x80 | 125]) + bytes(4) + b"p" * 125)
        async with asyncio.timeout(60):
            while doors.hub.connections:
                await asyncio.sleep(0.01)
        writer.close()


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 64, b"\x81\xff\xff" + b"\xff" * 12, b"\xf3\x80" + b"\0" * 4, b"\x81\x05hello"]
)
async def test_garbage_instead_of_websocket_ends_that_connection_only(garbage: bytes) -> None:
    async with open_doors() as doors:
        healthy = await subscribed(doors.url("fast"), "BTC")
        _, writer = await a_raw_reader(doors.fast.port)
        writer.write(garbage)
        async with asyncio.timeout(60):
            while doors.hub.connections > 1:
                await asyncio.sleep(0.01)
        doors.price("1")
        await hear(healthy, "price_update")
        writer.close()
        await healthy.close()


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    ("handshake", "said"),
    [
        (HANDSHAKE.replace(b"Host: x", b"Host: x\r\nOrigin: https://evil.example"), b""),
        (HANDSHAKE, b"\x81\x05hello"),
        (HANDSHAKE, b"\x83\x80\x00\x00\x00\x00"),
        (HANDSHAKE, b""),
    ],
    ids=["a foreign origin", "no mask", "no such opcode", "nothing"],
)
@pytest.mark.parametrize("door", DOORS)
async def test_a_client_that_is_gone_holds_no_file_until_the_garbage_collector_comes(
    door: str, handshake: bytes, said: bytes
) -> None:
    async with open_doors(Stream(origins=("https://templar.example",))) as doors:
        port = doors.fast.port if door == "fast" else doors.main_port
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(handshake)
            assert (await reader.readline()).split()[1] in {b"101", b"403"}
            writer.write(said)
            writer.close()
        async with asyncio.timeout(60):
            while _ended_by_the_client_alone(port):
                await asyncio.sleep(0.05)


def _ended_by_the_client_alone(port: int) -> list[str]:
    held = psutil.Process().net_connections("tcp")
    return [str(one.raddr) for one in held if one.status == psutil.CONN_CLOSE_WAIT and one.laddr.port == port]


@pytest.fixture
def _own_logs() -> None:
    configure_logs(Logs(level="debug", format="json"))


@pytest.mark.usefixtures("_own_logs")
async def test_a_key_stands_in_no_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(1)
    logging.getLogger("picows").setLevel(1)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the client of this test, which may say its own URLs
    secret = "chrono_public_never_to_be_seen"
    async with open_doors(Stream(origins=("https://templar.example",))) as doors:
        for door in DOORS:
            for key in (GOOD_KEY, secret):
                async with connect(doors.url(door, key=key)) as client:
                    with suppress(ConnectionClosed):
                        await say(client, action="subscribe", symbols=["BTC"])
                        await hear(client)
            async with connect(doors.url(door, key=None)) as client:
                await say(client, action="auth", key=secret, id=1)
                with suppress(ConnectionClosed):
                    await hear(client)
            for path, origin in (("/elsewhere", None), ("/stream", "https://evil.example")):
                with pytest.raises(InvalidStatus):
                    await connect(doors.url(door, path, secret), origin=origin)  # type: ignore[arg-type]
        async with httpx.AsyncClient() as client:
            for query in ("symbols=BTC", "symbols=BTC-USD", ""):
                await client.get(doors.http(f"/stream/sse?{query}&key={secret}"))
    said = "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "websockets"))
    )
    written = capfd.readouterr()
    for text in (said, written.out, written.err):
        assert secret not in text
        assert GOOD_KEY not in text
