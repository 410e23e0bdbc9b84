"""A simulated Flare network behind JSON-RPC on loopback, in real time, for processes of their own that vote on it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chrono.clock import SystemClock
from chrono.flare.address import Address
from chrono.flare.frames import FTSO, SubmissionFunction, decode_calldata
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from tests.fakes.rpc import FakeNode, serving


class ServedFlare:
    """The network, our entity in it, and the addresses of its nodes."""

    def __init__(self, epoch_s: int = 10, reveal_s: int = 5) -> None:
        clock = SystemClock()
        self.reveal_s = reveal_s
        network = network_at(clock.now_ns(), rounds=60, epoch_s=epoch_s, reveal_s=reveal_s)
        self.flare = SimulatedFlare(clock, network=network)
        self.keys = Keyring.of("ours")
        self.entity = self.keys.entity()
        self.flare.join(self.entity)
        self.flare.begin()
        self.urls: list[str] = []

    @property
    def timing(self) -> object:
        return self.flare.network.timing

    def round_now(self) -> int:
        return self.flare.network.timing.round_at(time.time_ns()).id

    def start_of(self, round_id: int) -> float:
        """Seconds since 1970."""
        timing = self.flare.network.timing
        return timing.first_start_s + round_id * timing.epoch_s

    def until(self, round_id: int, after_s: float = 0) -> None:
        time.sleep(max(self.start_of(round_id) + after_s - time.time(), 0))

    def sent(self, function: SubmissionFunction, round_id: int) -> list[Address]:
        """Who of ours sent an anchor frame about a round, as it stands on chain."""
        ours = (self.entity.submit, self.entity.submit_signatures)
        found = []
        with self.flare.lock:
            for block in self.flare.chain.blocks:
                for signed, sender, _ in block.mined:
                    if sender in ours and signed.transaction.data[:4] == function.value:
                        frames = decode_calldata(signed.transaction.data)[1]
                        if (FTSO, round_id) in [(each.protocol_id, each.voting_round_id) for each in frames]:
                            found.append(sender)
        return found

    async def _serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        nodes = [FakeNode(self.flare.chain) for _ in range(2)]
        running = asyncio.create_task(self.flare.run())
        async with serving(nodes[0]) as first, serving(nodes[1]) as second:
            self.urls = [first, second]
            ready.set()
            await over.wait()
        running.cancel()


@contextmanager
def served_flare(epoch_s: int = 10, reveal_s: int = 5) -> Iterator[ServedFlare]:
    """The network, living on a thread of its own."""
    made = ServedFlare(epoch_s, reveal_s)
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        over = asyncio.Event()
        loops.append((asyncio.get_running_loop(), over))
        await made._serve(ready, over)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield made
    finally:
        loop, over = loops[0]
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
