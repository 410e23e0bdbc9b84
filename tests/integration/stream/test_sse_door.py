"""Server-Sent Events: the same frames, resumable, refused with the right status before they begin."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from chrono.settings import Stream
from tests.fakes.stream_doors import Doors, open_doors
from tests.fakes.streams import GOOD_KEY, INTERNAL_KEY

URL = "/stream/sse?symbols=BTC,ETH/USD&rounds=true"


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with open_doors(Stream(heartbeat_interval_s=0.4)) as opened:
        yield opened


class Events:
    """An open event stream, read event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self.last_id: str | None = None
        self.retry_ms: int | None = None

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame; with `kind`, others are passed over."""
        async with asyncio.timeout(60):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last_id = value
                elif field == "retry":
                    self.retry_ms = int(value)
                elif field == "data":
                    frame: dict[str, Any] = json.loads(value)
                    if kind is None or frame["type"] == kind:
                        return frame
        raise EOFError


@asynccontextmanager
async def events(url: str, *, last_id: str | None = None, key: str = GOOD_KEY) -> AsyncIterator[Events]:
    headers = {"X-API-Key": key} | ({"Last-Event-ID": last_id} if last_id else {})
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        yield Events(answer)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_the_same_frames_as_over_websocket(doors: Doors, prefix: str) -> None:
    doors.price("1")
    async with events(doors.http(prefix + URL)) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-cache"
        assert [(await stream.next())["type"] for _ in range(3)] == ["hello", "subscribed", "snapshot"]
        doors.price("2")
        update = await stream.next("price_update")
        assert (update["seq"], update["data"]["price"]) == (2, "2")
        doors.hub.publish_round({"epoch": 1, "phase": "submit1", "status": "pending"})
        assert (await stream.next("ftso_submission"))["seq"] == 3
        assert (await stream.next("heartbeat"))["seq"] == 3


async def test_last_event_id_brings_what_changed_since_and_no_snapshot(doors: Doors) -> None:
    doors.price("1", "BTC/USD")
    doors.price("10", "ETH/USD")
    async with events(doors.http(URL)) as stream:
        await stream.next("snapshot")
        token = stream.last_id
    assert token is not None
    doors.price("2", "BTC/USD")
    doors.price("3", "BTC/USD")
    doors.hub.publish_round({"epoch": 1, "phase": "submit1", "status": "confirmed"})
    async with events(doors.http(URL), last_id=token) as stream:
        frames = [await stream.next() for _ in range(4)]
    assert [frame["type"] for frame in frames] == ["hello", "subscribed", "price_update", "ftso_submission"]
    assert frames[2]["data"]["price"] == "3"
    assert stream.last_id != token


async def test_an_id_of_another_process_brings_a_snapshot(doors: Doors) -> None:
    async with events(doors.http(URL), last_id="deadbeef-12") as stream:
        await stream.next("snapshot")


async def test_a_key_in_the_query_is_taken(doors: Doors) -> None:
    async with events(doors.http(f"{URL}&key={GOOD_KEY}"), key="") as stream:
        assert stream.answer.status_code == 200
        await stream.next("hello")


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), (INTERNAL_KEY, 403)])
async def test_a_key_that_may_not_stream_is_refused_before_the_stream(doors: Doors, key: str, status: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(doors.http(URL), headers={"X-API-Key": key} if key else {})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "query", ["", "?symbols=", "?symbols=BTC-USD,ETH,a/b", "?symbols=" + ",".join(f"A{n}" for n in range(201))]
)
async def test_symbols_with_faults_are_a_400_that_lists_them(doors: Doors, query: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(doors.http("/stream/sse" + query), headers={"X-API-Key": GOOD_KEY})
    assert answer.status_code == 400
    assert len(answer.json()["extra"]) == (2 if "BTC-USD" in query else 1)


async def test_a_full_house_is_a_429(doors: Doors) -> None:
    async with open_doors(Stream(max_connections=1)) as full, events(full.http(URL)) as stream:
        await stream.next("hello")
        async with httpx.AsyncClient() as client:
            answer = await client.get(full.http(URL), headers={"X-API-Key": GOOD_KEY})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"


async def test_a_restart_says_when_to_come_back_and_ends_the_stream(doors: Doors) -> None:
    async with events(doors.http(URL)) as stream:
        await stream.next("snapshot")
        await doors.hub.drain(5.0)
        goodbye = await stream.next("going_away")
        assert stream.retry_ms == goodbye["reconnect_after_ms"]
        with pytest.raises(EOFError):
            await stream.next()


async def test_a_reader_that_leaves_is_forgotten(doors: Doors) -> None:
    async with events(doors.http(URL)) as stream:
        await stream.next("snapshot")
        assert doors.hub.connections == 1
    async with asyncio.timeout(60):
        while doors.hub.connections:
            await asyncio.sleep(0.01)


async def test_the_asyncapi_document_is_served(doors: Doors) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(doors.http("/schema/asyncapi.json"))
    assert answer.json()["asyncapi"] == "3.0.0"
