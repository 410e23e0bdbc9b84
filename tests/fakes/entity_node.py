"""A node over HTTP on loopback, in a thread, of a simulated Flare that stands at a moment of a reward epoch."""

import asyncio
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Any

from chrono.clock import SECOND_NS, ManualClock
from chrono.flare.address import Address
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.network import SimulatedFlare
from tests.fakes.rpc import FakeNode, serving

START_NS = 1_800_000_000 * SECOND_NS
_MOST_STEPS = 1000


class EntityNode(FakeNode):
    """Calls know their sender; once something was sent, a block comes whenever the newest is asked for."""

    def __init__(self, flare: SimulatedFlare) -> None:
        super().__init__(flare.chain)
        self._flare = flare
        self._sent = False

    def _eth_call(self, asked: dict[str, str], _: str) -> str:
        sender = Address(bytes.fromhex(asked["from"][2:])) if "from" in asked else None
        to, data = Address(bytes.fromhex(asked["to"][2:])), bytes.fromhex(asked["data"][2:])
        return "0x" + self.chain.call(to, data, sender).hex()

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        self._sent = True
        return super()._eth_sendRawTransaction(raw)

    def _eth_getBlockByNumber(self, which: str, full: bool) -> Any:  # noqa: N802
        if self._sent and which == "latest":
            self._flare.step((self.chain.head.time_s + 10) * SECOND_NS)
        return super()._eth_getBlockByNumber(which, full)


class EntityWorld:
    """The chain, and the node's address while the context lasts. Time stands still between two steps."""

    def __init__(self, entity: Entity | None = None) -> None:
        self.flare = SimulatedFlare(ManualClock(START_NS), seed=3)
        self.now_ns = START_NS
        if entity is not None:
            self.flare.join(entity, carried=False)
        self.flare.step(START_NS)
        self.url = ""
        self._stop: Callable[[], object] = lambda: None
        self._ready = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def until(self, happened: Callable[[], bool]) -> None:
        """Let the chain go on until then."""
        for _ in range(_MOST_STEPS):
            if happened():
                return
            self.now_ns += 5 * SECOND_NS
            self.flare.step(self.now_ns)
        raise AssertionError("it never happened")

    def __enter__(self) -> "EntityWorld":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self) -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(ended.set)
        async with serving(EntityNode(self.flare)) as url:
            self.url = url
            self._ready.set()
            await ended.wait()
