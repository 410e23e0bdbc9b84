"""The doors of the process: one that ends by itself ends the process, one that is asked to is not missed."""

import asyncio
import os

import httpx
from litestar import Litestar, get

from chrono.doors import main_doors
from chrono.settings import Server, Settings


@get("/", sync_to_thread=False)
def hello() -> str:
    return "hello"


def settings() -> Settings:
    return Settings(server=Server(host="127.0.0.1", port=0))


async def test_a_door_that_ends_by_itself_is_named_and_ends_the_process() -> None:
    over = asyncio.Event()
    async with main_doors(Litestar([hello]), settings(), over) as doors:
        async with httpx.AsyncClient() as client:
            await reached(client, doors.port)
        assert doors.fallen() == []
        assert not over.is_set()
        doors.servers[0].stop()
        await asyncio.wait_for(over.wait(), 30)
        assert doors.fallen() == [f"door_{doors.port}: ended"]


async def test_a_door_that_stands_is_not_missed_at_the_end() -> None:
    over = asyncio.Event()
    async with main_doors(Litestar([hello]), settings(), over) as doors:
        async with httpx.AsyncClient() as client:
            await reached(client, doors.port)
        over.set()
        assert doors.fallen() == []
    assert all(task.done() for task in doors.running)


async def reached(client: httpx.AsyncClient, port: int) -> None:
    """Wait until the door answers: it opens a moment after its task began."""
    for _ in range(200):
        try:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"no answer on port {port} of pid {os.getpid()}")
