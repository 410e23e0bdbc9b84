"""A lean HTTP/1.1 client for load: raw bytes over kept-alive sockets, so that it costs less than what it measures."""

import asyncio
import time
from collections.abc import Callable, Sequence


class Lane(asyncio.Protocol):
    """One kept-alive connection that sends one request at a time and waits for its whole answer."""

    def __init__(self) -> None:
        self._buffer = b""
        self._need = -1
        self._done: asyncio.Future[bytes] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._need < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._need = end + 4 + length
        if len(self._buffer) >= self._need and self._done is not None:
            answer, self._buffer = self._buffer[: self._need], self._buffer[self._need :]
            self._need = -1
            self._done.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionError("closed"))

    async def ask(self, request: bytes) -> bytes:
        """Send one whole request; its whole answer."""
        assert self.transport is not None
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._done


async def lanes(port: int, count: int) -> list[Lane]:
    """`count` open connections to loopback."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Lane, "127.0.0.1", port))[1] for _ in range(count)]


async def paced(
    open_lanes: Sequence[Lane], make: Callable[[int], bytes], *, per_s: float, seconds: float
) -> tuple[list[float], int, float]:
    """Requests at a steady rate, whatever the answers take: latencies from the due time (s), failures, seconds.

    A lane takes the next due request when it is free, so a slow server shows as latency, never as a lower rate.
    """
    began = time.perf_counter()
    latencies: list[float] = []
    failures = 0
    turn = iter(range(int(per_s * seconds)))

    async def drive(lane: Lane) -> None:
        nonlocal failures
        for number in turn:
            due = began + number / per_s
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            answer = await lane.ask(make(number))
            latencies.append(time.perf_counter() - due)
            failures += not answer.startswith(b"HTTP/1.1 200")

    await asyncio.gather(*(drive(lane) for lane in open_lanes))
    return latencies, failures, time.perf_counter() - began


async def flat_out(
    open_lanes: Sequence[Lane], make: Callable[[int], bytes], *, seconds: float
) -> tuple[list[float], int, float]:
    """Each lane asks as fast as it is answered: latencies (s), failures, seconds."""
    began = time.perf_counter()
    latencies: list[float] = []
    failures = number = 0

    async def drive(lane: Lane) -> None:
        nonlocal failures, number
        while time.perf_counter() - began < seconds:
            number += 1
            sent = time.perf_counter()
            answer = await lane.ask(make(number))
            latencies.append(time.perf_counter() - sent)
            failures += not answer.startswith(b"HTTP/1.1 200")

    await asyncio.gather(*(drive(lane) for lane in open_lanes))
    return latencies, failures, time.perf_counter() - began


def quantile_ms(latencies: Sequence[float], share: float) -> float:
    """A quantile in milliseconds."""
    ordered = sorted(latencies)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
