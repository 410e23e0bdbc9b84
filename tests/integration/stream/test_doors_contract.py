"""Both WebSocket doors pass the same contract, over real sockets."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chrono.settings import Stream
from chrono.stream.session import MESSAGE_MAX
from tests.fakes.stream_doors import Doors, hear, open_doors, say, subscribed
from tests.fakes.streams import GOOD_KEY, INTERNAL_KEY, a_quote

DOORS = ("fast", "main")


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with open_doors(Stream(heartbeat_interval_s=0.4, origins=("https://templar.example",))) as opened:
        yield opened


async def how_it_ends(client: ClientConnection) -> tuple[list[dict[str, object]], int, str]:
    """The frames until the close, its code and its reason."""
    frames = []
    async with asyncio.timeout(60):
        with suppress(ConnectionClosed):
            while True:
                frames.append(json.loads(await client.recv()))
    assert client.protocol.close_rcvd is not None, "closed without a close frame"
    return frames, client.protocol.close_rcvd.code, client.protocol.close_rcvd.reason


@pytest.mark.parametrize("path", ["/stream", "/ws", "/api/v1/stream", "/api/v1/ws"])
@pytest.mark.parametrize("door", DOORS)
async def test_hello_subscribe_snapshot_and_updates(doors: Doors, door: str, path: str) -> None:
    doors.price("67234.56")
    async with connect(doors.url(door, path)) as client:
        hello = await hear(client, "hello")
        assert hello["v"] == 1
        assert hello["limits"] == {"symbols": 200, "msgs_per_s": 5}
        await say(client, type="subscribe", symbols=["BTC", "ETH/USD", "BTC-USD"], id=7, client_id="x")
        answer = await hear(client, "subscribed")
        assert (answer["id"], answer["symbols"]) == (7, ["BTC/USD", "ETH/USD"])
        assert [fault["symbol"] for fault in answer["errors"]] == ["BTC-USD"]
        snapshot = await hear(client, "snapshot")
        assert snapshot["seq"] == 1
        assert [row["price"] for row in snapshot["data"]] == ["67234.56"]
        doors.price("67235")
        doors.price("3500.5", "ETH/USD")
        assert [(await hear(client, "price_update"))["seq"] for _ in range(2)] == [2, 3]
        beat = await hear(client, "heartbeat")
        assert beat["seq"] == 3
        await say(client, action="unsubscribe", symbols=["BTC"], id="u")
        assert (await hear(client, "unsubscribed"))["symbols"] == ["BTC/USD"]
        await say(client, action="ping", id=9)
        assert await hear(client, "pong") == {"type": "pong", "id": 9}


@pytest.mark.parametrize("door", DOORS)
async def test_sources_rounds_and_a_star(doors: Doors, door: str) -> None:
    client = await subscribed(doors.url(door), "*", sources=True, rounds=True)
    doors.hub.publish_quotes([a_quote("SOL/USD", "kraken", "150")])
    doors.hub.publish_round({"epoch": 1, "phase": "submit1", "status": "pending"})
    assert (await hear(client, "price_update"))["data"]["source"] == "kraken"
    assert (await hear(client, "ftso_submission"))["data"]["phase"] == "submit1"
    await client.close()


@pytest.mark.parametrize("door", DOORS)
async def test_the_key_comes_by_message_header_or_url(doors: Doors, door: str) -> None:
    bare = doors.url(door, key=None)
    async with connect(bare) as client:
        await hear(client, "hello")
        await say(client, action="auth", key=GOOD_KEY)
        await say(client, action="subscribe", symbols=["BTC"])
        await hear(client, "subscribed")
    for headers in ({"X-API-Key": GOOD_KEY}, {"Authorization": f"Bearer {GOOD_KEY}"}):
        async with connect(bare, additional_headers=headers) as client:
            await hear(client, "hello")
            await say(client, action="ping")
            await hear(client, "pong")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("key", "code"), [("wrong", "UNAUTHORIZED"), (INTERNAL_KEY, "FORBIDDEN")])
async def test_a_key_that_may_not_stream_is_4401(doors: Doors, door: str, key: str, code: str) -> None:
    async with connect(doors.url(door, key=key)) as client:
        frames, ended, _ = await how_it_ends(client)
    assert [frame["type"] for frame in frames] == ["hello", "error"]
    assert frames[1]["error"]["code"] == code  # type: ignore[index]
    assert ended == 4401


@pytest.mark.parametrize("door", DOORS)
async def test_no_key_in_five_seconds_is_4408(doors: Doors, door: str) -> None:
    async with connect(doors.url(door, key=None)) as client:
        frames, ended, _ = await how_it_ends(client)
    assert frames[-1]["error"]["code"] == "UNAUTHORIZED"  # type: ignore[index]
    assert ended == 4408


@pytest.mark.parametrize("door", DOORS)
async def test_a_flood_is_4429(doors: Doors, door: str) -> None:
    async with connect(doors.url(door)) as client:
        for _ in range(7):
            await say(client, action="ping")
        frames, ended, _ = await how_it_ends(client)
    assert [frame["type"] for frame in frames] == ["hello", *["pong"] * 5, "error"]
    assert ended == 4429


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("parts", [1, 40])
async def test_a_message_over_the_limit_is_1009_whole_or_in_parts(doors: Doors, door: str, parts: int) -> None:
    async with connect(doors.url(door)) as client:
        await hear(client, "hello")
        message = ["x" * (MESSAGE_MAX // parts + 1)] * parts
        await client.send(message[0] if parts == 1 else iter(message))
        _, ended, _ = await how_it_ends(client)
    assert ended == 1009


@pytest.mark.parametrize("door", DOORS)
async def test_a_message_in_parts_is_one_message(doors: Doors, door: str) -> None:
    async with connect(doors.url(door)) as client:
        await hear(client, "hello")
        await client.send(iter(['{"action":', '"ping",', '"id":5}']))
        assert (await hear(client, "pong"))["id"] == 5


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_no_frame_is_told_so_and_the_connection_lives(doors: Doors, door: str) -> None:
    async with connect(doors.url(door)) as client:
        await hear(client, "hello")
        for message in ("{", b"\xff\xfe", "[" * 20_000):
            await client.send(message)
            assert (await hear(client, "error"))["error"]["code"] == "VALIDATION_ERROR"
        await say(client, action="ping")
        await hear(client, "pong")


@pytest.mark.parametrize("door", DOORS)
async def test_a_foreign_origin_is_refused_and_a_known_one_let_in(doors: Doors, door: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(doors.url(door), origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    async with connect(doors.url(door), origin="https://templar.example") as client:  # type: ignore[arg-type]
        await hear(client, "hello")


@pytest.mark.parametrize("door", DOORS)
async def test_another_path_is_refused_in_the_handshake(doors: Doors, door: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(doors.url(door, "/elsewhere"))
    assert 400 <= refused.value.response.status_code < 500


@pytest.mark.parametrize("door", DOORS)
async def test_one_connection_too_many_is_told_so(door: str) -> None:
    async with open_doors(Stream(max_connections=1)) as doors:
        async with connect(doors.url(door)) as first:
            await hear(first, "hello")
            async with connect(doors.url(door)) as second:
                frames, ended, _ = await how_it_ends(second)
        assert [frame["type"] for frame in frames] == ["error"]
        assert ended == 1013


@pytest.mark.parametrize("door", DOORS)
async def test_a_restart_sends_every_client_away_with_1012(doors: Doors, door: str) -> None:
    clients = [await subscribed(doors.url(door), "BTC") for _ in range(5)]
    await doors.hub.drain(5.0)
    ends = [await how_it_ends(client) for client in clients]
    waits = {frame["reconnect_after_ms"] for frames, _, _ in ends for frame in frames if frame["type"] == "going_away"}
    assert len(waits) > 1
    assert {code for _, code, _ in ends} == {1012}
    assert doors.hub.connections == 0


@pytest.mark.parametrize("door", DOORS)
async def test_an_aborted_client_is_forgotten_at_once(doors: Doors, door: str) -> None:
    client = await subscribed(doors.url(door), "BTC")
    assert doors.hub.connections == 1
    tcp = client.transport.get_extra_info("socket")
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()
    async with asyncio.timeout(60):
        while doors.hub.connections:
            doors.price(str(asyncio.get_running_loop().time()))
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("door", DOORS)
async def test_a_clients_own_goodbye_is_answered(doors: Doors, door: str) -> None:
    client = await subscribed(doors.url(door), "BTC")
    await client.close(1000, "done")
    assert client.close_code == 1000
    async with asyncio.timeout(60):
        while doors.hub.connections:
            await asyncio.sleep(0.01)


async def test_a_protocol_ping_is_answered_by_the_fast_door(doors: Doors) -> None:
    async with connect(doors.url("fast")) as client, asyncio.timeout(60):
        await (await client.ping(b"there?"))


async def test_firefox_gets_through_the_fast_door(doors: Doors) -> None:
    """It sends `Connection: keep-alive, Upgrade`, which picows alone refuses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.fast.port)
    writer.write(
        b"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert b" 101 " in await reader.readline()
    writer.close()


async def test_the_fast_door_refuses_another_path_with_the_envelope(doors: Doors) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{doors.fast.port}/elsewhere?key={GOOD_KEY}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"
    assert answer.json()["status"] == 404


async def test_a_handshake_that_is_no_upgrade_is_a_400(doors: Doors) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{doors.fast.port}/stream?key={GOOD_KEY}")
    assert answer.status_code == 400
    assert GOOD_KEY not in answer.text
