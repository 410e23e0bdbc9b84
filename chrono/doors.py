"""The HTTP servers of the process: granian on the main port, and on those of the Flare seams, in the one loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from msgspec import Struct

from chrono.errors import PORT_TAKEN, ChronoError
from chrono.settings import Settings

DRAIN_S = 0.5


class Doors(Struct, frozen=True):
    """The HTTP servers that run in this loop, and the port of the first."""

    port: int
    servers: tuple[Server, ...]
    running: tuple[asyncio.Task[None], ...]

    def fallen(self) -> list[str]:
        """Those that ended by themselves, by name and why."""
        return [f"{task.get_name()}: {_why_over(task)}" for task in self.running if task.done()]


@asynccontextmanager
async def main_doors(app: Litestar, settings: Settings, over: asyncio.Event) -> AsyncIterator[Doors]:
    """Granian on the main port (and those of the Flare seams, when asked), in this loop.

    A door that ends by itself sets `over`: a process that nobody can reach must not go on as if it served.
    """
    ports = [_free_port(settings.server.host, settings.server.port)]
    hosts = [settings.server.host]
    for asked in (settings.server.value_provider_port, settings.server.data_provider_port):
        if asked is not None:
            ports.append(_free_port("127.0.0.1", asked))
            hosts.append("127.0.0.1")
    servers = tuple(
        Server(app, address=host, port=port, interface=Interfaces.ASGINL, backlog=1024, log_enabled=False)
        for host, port in zip(hosts, ports, strict=True)
    )
    running = tuple(
        asyncio.create_task(server.serve(), name=f"door_{port}") for server, port in zip(servers, ports, strict=True)
    )
    for task in running:
        task.add_done_callback(lambda _: over.set())
    try:
        yield Doors(ports[0], servers, running)
    finally:
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]  # granian types no methods
        _, late = await asyncio.wait(running, timeout=DRAIN_S)
        for task in late:
            task.cancel()


def _why_over(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "cancelled"
    failure = task.exception()
    return "ended" if failure is None else f"{type(failure).__name__}: {failure}"


def _free_port(host: str, port: int) -> int:
    """The port, proved free; for 0 a free one. granian would silently share a taken one (SO_REUSEPORT).

    Raises: ChronoError(PORT_TAKEN).
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise ChronoError(PORT_TAKEN, host=host, port=port) from taken
        return int(probe.getsockname()[1])
