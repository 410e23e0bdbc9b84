"""What only a real socket shows: chunked and slow bodies, bodies without end, and bytes that are no HTTP."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from chrono.api.app import create_app
from tests.fakes.api_client import feed
from tests.fakes.api_ports import INTERNAL_KEY, FakeHouse, estimate, settings
from tests.fakes.ports import free_port


@asynccontextmanager
async def serving(house: FakeHouse, body_deadline_s: float = 10.0) -> AsyncIterator[int]:
    """The application behind granian on a loopback port."""
    port = free_port()
    app = create_app(house.parts(), settings(), body_deadline_s=body_deadline_s)
    server = Server(app, "127.0.0.1", port, interface=Interfaces.ASGI, log_enabled=False)
    running = asyncio.create_task(server.serve())
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
        yield port
    finally:
        server.stop()
        await running


@pytest.fixture
async def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate())
    return made


async def ask(port: int, *parts: bytes, body_after: asyncio.Event | None = None) -> tuple[int, bytes]:
    """Send the parts and read one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            try:
                await writer.drain()
            except ConnectionError:
                break
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = next(
            (
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        return status, await reader.readexactly(length)


def head(*lines: str) -> bytes:
    first = ["POST /internal/ingest HTTP/1.1", "Host: localhost", f"X-API-Key: {INTERNAL_KEY}"]
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def test_a_chunked_body_is_taken_like_any_other(house: FakeHouse) -> None:
    body = json.dumps({"feeds": [feed()] * 50}).encode()
    pieces = [chunked(body[at : at + 1000]) for at in range(0, len(body), 1000)]
    async with serving(house) as port:
        status, told = await ask(port, head("Transfer-Encoding: chunked"), *pieces, b"0\r\n\r\n")
    assert (status, json.loads(told)["ingested"]) == (200, 50)


async def test_a_chunked_body_without_end_is_cut_at_its_limit_and_memory_stays_flat(house: FakeHouse) -> None:
    process = psutil.Process(os.getpid())
    async with serving(house) as port:
        await ask(port, head("Content-Length: 2"), b"{}")
        before = process.memory_info().rss
        for _ in range(5):
            status, told = await ask(port, head("Transfer-Encoding: chunked"), *[chunked(b" " * 65_536)] * 160)
            assert (status, json.loads(told)["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
        assert process.memory_info().rss - before < 40 * 2**20


async def test_a_body_announced_too_large_is_refused_before_it_is_read(house: FakeHouse) -> None:
    async with serving(house) as port:
        status, told = await ask(port, head("Content-Length: 10485760"))
    assert (status, json.loads(told)["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_body_that_trickles_in_is_given_up_and_others_are_served_meanwhile(house: FakeHouse) -> None:
    async with serving(house, body_deadline_s=0.3) as port:
        slow = asyncio.create_task(ask(port, head("Content-Length: 100"), b"{"))
        status, _ = await ask(port, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status == 200
        status, told = await slow
    assert (status, json.loads(told)["error"]["code"]) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip"])
async def test_a_compressed_body_is_refused_unopened(house: FakeHouse, encoding: str) -> None:
    async with serving(house) as port:
        status, told = await ask(port, head("Content-Length: 2", f"Content-Encoding: {encoding}"), b"\x1f\x8b")
    assert (status, json.loads(told)["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_sender_that_hangs_up_within_its_body_leaves_nothing_behind(house: FakeHouse) -> None:
    async with serving(house) as port:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head("Content-Length: 1000") + b'{"feeds":[')
            await writer.drain()
            writer.close()
        status, _ = await ask(port, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 200
    assert house.store.quotes == []


async def test_a_head_over_a_socket_has_no_body(house: FakeHouse) -> None:
    async with serving(house) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HEAD /live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        second = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert first.startswith(b"HTTP/1.1 200")
    assert second.startswith(b"HTTP/1.1 200")
