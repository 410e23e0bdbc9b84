"""Whoever floods the doors of the streams without a key is turned away, by address; everybody else comes in."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chrono.api.access import KeyRing
from chrono.api.admission import policy_of
from chrono.api.handshakes import Handshakes
from chrono.api.limits import Limiter
from chrono.clock import SECOND_NS, ManualClock
from chrono.settings import Api, Server, Settings, Stream
from tests.fakes.stream_doors import Doors, hear, open_doors, say
from tests.fakes.streams import AT_NS, GOOD_KEY

DOORS = ("fast", "main")
LIMIT = 4
MANY = 4
HONEST, HOSTILE = "127.0.0.1", "127.0.0.66"


@asynccontextmanager
async def guarded(clock: ManualClock, *, proxies: tuple[str, ...] = ()) -> AsyncIterator[Doors]:
    """Both doors, with the limits of the API before them: 4 failures a minute, 4 keyless connections at once."""
    settings = Settings(api=Api(rate_limit_address=LIMIT), server=Server(trusted_proxies=proxies))
    threshold = Handshakes(policy_of(settings, KeyRing(settings.api), Limiter(clock)), clock)
    async with open_doors(Stream(keyless_per_address=MANY), threshold=threshold) as doors:
        yield doors


def came(doors: Doors, door: str, address: str, key: str | None, **headers: str) -> connect:
    return connect(doors.url(door, key=key), local_addr=(address, 0), additional_headers=headers)


async def last_words(client: ClientConnection) -> tuple[dict[str, Any], int]:
    """The last frame before the end, and the close code."""
    frame: dict[str, Any] = {}
    with suppress(ConnectionClosed):
        while True:
            frame = json.loads(await asyncio.wait_for(client.recv(), 10))
    assert client.close_code is not None
    return frame, client.close_code


async def assert_welcome(doors: Doors, door: str, address: str = HONEST, **headers: str) -> None:
    """A reader with a right key gets its prices."""
    async with came(doors, door, address, GOOD_KEY, **headers) as client:
        await hear(client, "hello")
        await say(client, action="ping", id=1)
        await hear(client, "pong")


async def fail(doors: Doors, door: str, times: int, **headers: str) -> None:
    """Wrong keys, all at once; each is told so."""

    async def once() -> int:
        async with came(doors, door, HOSTILE, "chrono_public_wrong", **headers) as client:
            return (await last_words(client))[1]

    assert await asyncio.gather(*(once() for _ in range(times))) == [4401] * times


@pytest.mark.parametrize("door", DOORS)
async def test_after_too_many_wrong_keys_no_key_of_that_address_is_looked_at(door: str) -> None:
    clock = ManualClock(AT_NS)
    async with guarded(clock) as doors:
        await fail(doors, door, LIMIT)
        async with came(doors, "main", HOSTILE, GOOD_KEY) as client:
            frame, code = await last_words(client)
        assert (frame["error"]["code"], frame["status"], code) == ("RATE_LIMIT_EXCEEDED", 429, 4429)
        assert frame["error"]["details"] == {"reason": "too_many_requests", "retry_after_s": 60}
        assert await _silent(doors) is None, "the fast door lets it in all the same"
        for other in DOORS:
            await assert_welcome(doors, other)
        clock.advance(61 * SECOND_NS)
        for other in DOORS:
            await assert_welcome(doors, other, HOSTILE)


@pytest.mark.parametrize("door", DOORS)
async def test_a_wrong_key_in_the_first_message_counts_like_one_in_the_address(door: str) -> None:
    async with guarded(ManualClock(AT_NS)) as doors:
        for _ in range(LIMIT):
            async with came(doors, door, HOSTILE, None) as client:
                await say(client, action="auth", key="chrono_public_wrong")
                assert (await last_words(client))[1] == 4401
        async with came(doors, "main", HOSTILE, None) as client:
            assert (await last_words(client))[1] == 4429


@pytest.mark.parametrize("door", DOORS)
async def test_a_connection_that_waits_for_a_key_is_not_looked_at_once_its_address_is_locked(door: str) -> None:
    async with guarded(ManualClock(AT_NS)) as doors, came(doors, door, HOSTILE, None) as waiting:
        await hear(waiting, "hello")
        await fail(doors, "main", LIMIT)
        await say(waiting, action="auth", key=GOOD_KEY)
        assert (await last_words(waiting))[1] == 4429


@pytest.mark.parametrize("door", DOORS)
async def test_right_keys_are_no_failures_however_often_they_come(door: str) -> None:
    async with guarded(ManualClock(AT_NS)) as doors:
        for _ in range(3 * LIMIT):
            await assert_welcome(doors, door, HOSTILE)
        async with came(doors, door, HOSTILE, None) as client:
            await hear(client, "hello")
            await say(client, action="auth", key=GOOD_KEY, id=1)
            await hear(client, "authenticated")


@pytest.mark.parametrize("door", DOORS)
async def test_only_so_many_connections_of_an_address_may_owe_a_key(door: str) -> None:
    async with guarded(ManualClock(AT_NS)) as doors, AsyncExitStack() as held:
        owing = [await held.enter_async_context(came(doors, door, HOSTILE, None)) for _ in range(MANY)]
        for client in owing:
            await hear(client, "hello")
        async with came(doors, door, HOSTILE, GOOD_KEY) as one_more:
            frame, code = await last_words(one_more)
        assert (frame["error"]["details"], code) == ({"reason": "stream_crowded", "limit": MANY}, 1013)
        await assert_welcome(doors, door)
        await say(owing[0], action="auth", key=GOOD_KEY, id=1)
        await hear(owing[0], "authenticated")
        await assert_welcome(doors, door, HOSTILE)


async def test_connections_that_never_shake_hands_take_nobody_elses_place() -> None:
    async with guarded(ManualClock(AT_NS)) as doors:
        held = [await _silent(doors) for _ in range(MANY)]
        assert await _silent(doors) is None
        await assert_welcome(doors, "fast")
        assert held[0] is not None
        held[0].close()
        async with asyncio.timeout(60):
            while (sock := await _silent(doors)) is None:
                await asyncio.sleep(0.02)
        for one in (*held, sock):
            assert one is not None
            one.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 64 + b"\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_handshakes_that_lead_nowhere_count_as_failures(request_bytes: bytes) -> None:
    async with guarded(ManualClock(AT_NS)) as doors:
        for _ in range(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", doors.fast.port, local_addr=(HOSTILE, 0))
            writer.write(request_bytes)
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)
            writer.close()
        async with asyncio.timeout(60):
            while (sock := await _silent(doors)) is not None:
                sock.close()
                await asyncio.sleep(0.02)
        await assert_welcome(doors, "fast")


@pytest.mark.parametrize("door", DOORS)
async def test_behind_a_trusted_proxy_each_client_is_counted_by_itself(door: str) -> None:
    async with guarded(ManualClock(AT_NS), proxies=("127.0.0.66/32",)) as doors:
        hostile, honest = {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.10"}
        await fail(doors, door, LIMIT, **hostile)
        async with came(doors, door, HOSTILE, GOOD_KEY, **hostile) as client:
            assert (await last_words(client))[1] == 4429
        await assert_welcome(doors, door, HOSTILE, **honest)


async def _silent(doors: Doors) -> socket.socket | None:
    """A connection that says nothing; None when it is reset at once."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((HOSTILE, 0))
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(sock, ("127.0.0.1", doors.fast.port))
        await asyncio.wait_for(loop.sock_recv(sock, 1), 0.3)
    except TimeoutError:
        return sock
    except ConnectionError:
        pass
    sock.close()
    return None
