"""Ingest of 100-feed batches with the durable answer: paced at the target rate, then flat out."""

import asyncio
import json
import time
from datetime import UTC, datetime

from tests.fakes.house import INTERNAL_KEY, House
from tests.load.client import flat_out, lanes, paced, quantile_ms
from tests.load.usage import usage

FEEDS = 100
KEYS = [f"chrono_internal_load{n}_{'0123456789abcdef' * 2}" for n in range(4)]
STAMP = b"2000-01-01T00:00:00.000000Z"


def template(lane: int) -> bytes:
    """A whole request of 100 feeds (20 markets x 5 venues) whose timestamps are still to be filled in."""
    feeds = [
        {
            "symbol": f"{base}/USD",
            "price": f"{100 + n}.25",
            "volume": "1.5",
            "source": f"load-{venue}-{lane}",
            "timestamp": STAMP.decode(),
            "metadata": {"bid": f"{100 + n}.20", "ask": f"{100 + n}.30"},
        }
        for venue in range(5)
        for n, base in enumerate(f"L{number:02d}" for number in range(20))
    ]
    body = json.dumps({"worker_id": f"load-{lane}", "feeds": feeds}).encode()
    key = KEYS[lane % len(KEYS)]
    head = (
        f"POST /internal/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Batches:
    """Requests whose (source, symbol, timestamp) are all new."""

    def __init__(self) -> None:
        self._templates = [template(lane) for lane in range(8)]

    def __call__(self, number: int) -> bytes:
        stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        return self._templates[number % 8].replace(STAMP, f"{stamp}Z".encode())


async def measure(house: House, seconds: float, per_s: float) -> list[dict[str, object]]:
    """Two rows: paced and flat out."""
    make = Batches()
    open_lanes = await lanes(house.port, 8)
    await flat_out(open_lanes, make, seconds=2)
    before = usage(house.pid)
    latencies, failures, took = await paced(open_lanes, make, per_s=per_s, seconds=seconds)
    after = usage(house.pid)
    rows = [
        {
            "what": f"ingest paced, {FEEDS}-feed batches, 8 connections, {len(KEYS)} keys",
            "feeds_per_s": round(FEEDS * len(latencies) / took),
            "p50_ms": round(quantile_ms(latencies, 0.5), 2),
            "p95_ms": round(quantile_ms(latencies, 0.95), 2),
            "p99_ms": round(quantile_ms(latencies, 0.99), 2),
            "failures": failures,
            "chrono_cpu": round((after.cpu_s - before.cpu_s) / took, 2),
            "postgres_cpu": round((after.postgres_cpu_s - before.postgres_cpu_s) / took, 2),
        }
    ]
    latencies, failures, took = await flat_out(open_lanes, make, seconds=seconds)
    last = usage(house.pid)
    rows.append(
        {
            "what": "ingest flat out, the same",
            "feeds_per_s": round(FEEDS * len(latencies) / took),
            "p50_ms": round(quantile_ms(latencies, 0.5), 2),
            "p95_ms": round(quantile_ms(latencies, 0.95), 2),
            "failures": failures,
            "chrono_peak_mb": round(last.peak_mb),
            "postgres_mb": round(last.postgres_mb),
        }
    )
    return rows


def run(seconds: float = 10, per_s: float = 510) -> list[dict[str, object]]:
    """Start a house of its own and measure it."""
    with House({"INTERNAL_API_KEYS": ",".join([INTERNAL_KEY, *KEYS])}) as house:
        house.start()
        return asyncio.run(measure(house, seconds, per_s))


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
