"""What is asked before a stream opens, and the way out whose transport is awaited."""

import asyncio
import json
from typing import Any

import pytest
from multidict import CIMultiDict

from chrono.clock import SECOND_NS, ManualClock
from chrono.stream.fast_door import _framed
from chrono.stream.handover import Handover
from chrono.stream.handshake import key_of, origin_allowed
from chrono.stream.refusals import STALLED
from tests.fakes.streams import AT_NS, GOOD_KEY, Board, a_hub, an_estimate


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({}, "", None),
        ({}, "key=", None),
        ({}, "key=a&key=b", "b"),
        ({}, "a=1&key=x%2By", "x+y"),
        ({"X-API-Key": "h"}, "key=q", "h"),
        ({"Authorization": "bearer  h "}, "", "h"),
        ({"Authorization": "Basic h"}, "key=q", "q"),
        ({"Authorization": "Bearer"}, "", None),
    ],
)
def test_the_key_is_found_wherever_it_may_stand(headers: dict[str, str], query: str, key: str | None) -> None:
    assert key_of(CIMultiDict(headers), query) == key


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://templar.example", True),
        ("HTTPS://Templar.Example", True),
        ("https://templar.example.evil", False),
        ("http://templar.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_allowed_only_when_it_is_one_of_the_list(origin: str | None, allowed: bool) -> None:
    assert origin_allowed(origin, ("https://templar.example",)) is allowed
    assert origin_allowed(origin, ("*",))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_framed_message_says_its_length_as_rfc_6455_wants(size: int) -> None:
    framed = _framed(b"x" * size)
    flag = framed[1]
    told, start = (flag, 2) if flag < 126 else (int.from_bytes(framed[2:4]), 4) if flag == 126 else (
        int.from_bytes(framed[2:10]), 10
    )  # fmt: skip
    assert framed[0] == 0x81
    assert (told, len(framed) - start) == (size, size)


async def test_what_comes_while_a_batch_is_on_its_way_is_conflated() -> None:
    board = Board()
    hub, outlet = a_hub(ManualClock(AT_NS), board), Handover()
    connection = hub.open(outlet, "test", GOOD_KEY)
    hub.receive(connection, '{"action":"subscribe","symbols":["BTC"]}')
    batches: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()
    go_on = asyncio.Event()

    async def deliver(frames: list[bytes]) -> None:
        batches.put_nowait([json.loads(frame) for frame in frames])
        await go_on.wait()

    job = asyncio.create_task(outlet.run(deliver))
    assert [frame["type"] for frame in await batches.get()] == ["hello"]
    for n in range(1, 6):
        board.put(hub, an_estimate(price=str(n), at_ns=AT_NS + n * SECOND_NS))
    assert len(connection.pending) == 1
    go_on.set()
    second = await batches.get()
    assert [frame["type"] for frame in second] == ["subscribed", "snapshot", "price_update"]
    assert second[-1]["data"]["price"] == "5"
    hub.refuse(connection, STALLED)
    assert [frame["type"] for frame in await batches.get()] == ["error"]
    assert await job == (1013, "reader_slow")
