"""From the answer of an ingest to its quotes at a client of the fast door."""

import asyncio
import base64
import json
import os
import time
from datetime import UTC, datetime

from tests.fakes.house import INTERNAL_KEY, PUBLIC_KEY, House
from tests.load.client import Lane, lanes, quantile_ms


def price(number: int) -> str:
    """A price of its own for every batch."""
    return f"{100 + number / 1000:.6f}"


def request(number: int) -> bytes:
    """A batch of four venues' quotes, all at one price."""
    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    feed = {"symbol": "E2E/USD", "price": price(number), "volume": "1", "timestamp": stamp}
    body = json.dumps({"worker_id": "load", "feeds": [feed | {"source": f"load-{venue}"} for venue in range(4)]})
    return (
        f"POST /internal/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {INTERNAL_KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Reader(asyncio.Protocol):
    """A bare WebSocket client of the fast door that notes when the last quote of a batch came."""

    def __init__(self) -> None:
        self._price = b""
        self.arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expect(self, number: int) -> None:
        """Wait for the quotes of this batch from now on."""
        self._price = b'"price":"' + price(number).encode()
        self.arrived = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self._price and not self.arrived.done() and self._price in data:
            self.arrived.set_result(time.perf_counter())


def handshake(port: int) -> bytes:
    """The upgrade, and a subscription to every venue of the one market."""
    upgrade = (
        f"GET /stream?key={PUBLIC_KEY} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    )
    wish = json.dumps({"action": "subscribe", "symbols": ["E2E/USD"], "sources": True}).encode()
    return upgrade.encode() + bytes([0x81, 0x80 | len(wish)]) + bytes(4) + wish


async def measure(house: House, count: int) -> list[dict[str, object]]:
    """One row: from the answer of an ingest to its quotes at a client."""
    (lane,) = await lanes(house.port, 1)
    await lane.ask(request(0))
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(Reader, "127.0.0.1", house.stream_port)
    transport.write(handshake(house.stream_port))
    await asyncio.sleep(0.5)
    latencies = [await one(lane, reader, number) for number in range(1, count + 1)]
    transport.close()
    return [
        {
            "what": "ingest answered -> its quotes at a client of the fast door",
            "p50_ms": round(quantile_ms(latencies, 0.5), 2),
            "p95_ms": round(quantile_ms(latencies, 0.95), 2),
        }
    ]


async def one(lane: Lane, reader: Reader, number: int) -> float:
    """Seconds from the answer to the frames; 0 when these were first."""
    reader.expect(number)
    answer = await lane.ask(request(number))
    answered = time.perf_counter()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return max(0.0, await asyncio.wait_for(reader.arrived, 10) - answered)


def run(count: int = 500) -> list[dict[str, object]]:
    """Start a house of its own and measure it."""
    with House() as house:
        house.start()
        return asyncio.run(measure(house, count))


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
