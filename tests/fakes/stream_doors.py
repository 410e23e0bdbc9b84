"""Both doors of the streams over one hub, in this process or as a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Router
from websockets.asyncio.client import ClientConnection, connect

from chrono.clock import SystemClock
from chrono.settings import Stream
from chrono.stream.fast_door import FastDoor
from chrono.stream.litestar_door import stream_handlers
from tests.fakes.ports import free_port
from tests.fakes.streams import GOOD_KEY, Board, a_hub, an_estimate


class Doors:
    """One hub behind the fast door and the main door."""

    def __init__(self, rules: Stream, **more: Any) -> None:
        self.board = Board()
        self.hub = a_hub(SystemClock(), self.board, rules, **more)
        self.fast = FastDoor(self.hub, "127.0.0.1", 0)
        self.main_port = 0

    def url(self, door: str, path: str = "/stream", key: str | None = GOOD_KEY) -> str:
        """Where a WebSocket client connects."""
        port = self.fast.port if door == "fast" else self.main_port
        return f"ws://127.0.0.1:{port}{path}{f'?key={key}' if key else ''}"

    def http(self, path: str) -> str:
        """Where an HTTP client asks."""
        return f"http://127.0.0.1:{self.main_port}{path}"

    def price(self, price: str = "1", market: str = "BTC/USD") -> None:
        """A new value of ours."""
        self.board.put(self.hub, an_estimate(market, price=price, at_ns=SystemClock().now_ns()))


@asynccontextmanager
async def open_doors(rules: Stream | None = None, **more: Any) -> AsyncIterator[Doors]:
    """Both doors, listening; closed again on the way out."""
    more.setdefault("defer", asyncio.get_running_loop().call_soon)
    doors = Doors(rules or Stream(), **more)
    await doors.fast.start()
    doors.main_port = free_port()
    twins = Router("/api/v1", route_handlers=stream_handlers(doors.hub))
    app = Litestar([*stream_handlers(doors.hub), twins], openapi_config=None, logging_config=None)
    server = Server(app, "127.0.0.1", doors.main_port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    life = asyncio.create_task(doors.hub.run())
    await _until_listening(doors.main_port)
    try:
        yield doors
    finally:
        await doors.hub.drain(1.0)
        await doors.fast.stop()
        server.stop()
        await asyncio.gather(serving, return_exceptions=True)
        life.cancel()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return


async def say(client: ClientConnection, **frame: Any) -> None:
    """Send one frame."""
    await client.send(json.dumps(frame))


async def hear(client: ClientConnection, kind: str | None = None) -> dict[str, Any]:
    """The next frame; with `kind` it must be of that type."""
    async with asyncio.timeout(60):
        frame: dict[str, Any] = json.loads(await client.recv())
    assert kind is None or frame["type"] == kind, frame
    return frame


async def subscribed(url: str, *symbols: str, **more: Any) -> ClientConnection:
    """A client that has its snapshot."""
    client = await connect(url)
    await hear(client, "hello")
    await say(client, action="subscribe", symbols=list(symbols), **more)
    await hear(client, "subscribed")
    await hear(client, "snapshot")
    return client


# As a process of its own: `python -m tests.fakes.stream_doors` takes one JSON command a line on stdin.


class DoorsProcess:
    """Both doors in another process, whose memory can be watched and which publishes on command."""

    def __init__(self, process: asyncio.subprocess.Process, ports: dict[str, int]) -> None:
        self._process, self._ports = process, ports

    @classmethod
    async def start(cls, **rules: Any) -> "DoorsProcess":
        """A process that listens."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.stream_doors", json.dumps(rules), cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline()))

    def url(self, door: str) -> str:
        """Where a WebSocket client connects."""
        return f"ws://127.0.0.1:{self._ports[door]}/stream?key={GOOD_KEY}"

    def port(self, door: str) -> int:
        """The port of a door."""
        return self._ports[door]

    def rss_mb(self) -> float:
        """Its memory now."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    async def ask(self, **command: Any) -> dict[str, Any]:
        """Give a command; the answer tells how many readers are held."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer

    async def until(self, connections: int, within_s: float = 60.0) -> None:
        """Wait until so many readers are held."""
        async with asyncio.timeout(within_s):
            while (await self.ask())["connections"] != connections:
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()


async def _serve(rules: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    async with open_doors(Stream(**rules)) as doors:
        print(json.dumps({"fast": doors.fast.port, "main": doors.main_port}), flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            for n in range(command.get("publish", 0)):
                # A price of many digits makes a frame as long as is asked for.
                doors.price("1" * command.get("digits", 1) + f"{n:06d}")
                await asyncio.sleep(command.get("pause_s", 0.0))
            if command.get("last"):
                doors.price("999999")
            print(json.dumps({"connections": doors.hub.connections}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
