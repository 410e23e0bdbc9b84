"""Cached reads of GET /prices/latest: 64 connections flat out, then 1,000 requests a second beside the CPU they cost."""

import asyncio
import json

from tests.fakes.house import PUBLIC_KEY, House
from tests.load.client import flat_out, lanes, paced, quantile_ms
from tests.load.usage import usage

SYMBOLS = ",".join(f"L{number:02d}/USD" for number in range(10))


def request(_: int = 0) -> bytes:
    """One read of ten markets."""
    return (
        f"GET /prices/latest?symbols={SYMBOLS} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {PUBLIC_KEY}\r\n\r\n"
    ).encode()


def bare(_: int = 0) -> bytes:
    """The bare building block: the smallest answer that the same server gives."""
    return b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def fill(house: House) -> None:
    """Five venues for ten markets, once."""
    from datetime import UTC, datetime

    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    feeds = [
        {"symbol": f"L{n:02d}/USD", "price": f"{100 + n}.5", "volume": "1", "source": f"load-{v}", "timestamp": stamp}
        for n in range(10)
        for v in range(5)
    ]
    status, answer = house.ingest(feeds)
    assert status == 200, answer


async def measure(house: House, seconds: float) -> list[dict[str, object]]:
    """Three rows."""
    fill(house)
    rows: list[dict[str, object]] = []
    many = await lanes(house.port, 64)
    for what, make in (("GET /live (bare), 64 connections flat out", bare), ("GET /prices/latest, the same", request)):
        latencies, failures, took = await flat_out(many, make, seconds=seconds)
        rows.append(
            {
                "what": what,
                "requests_per_s": round(len(latencies) / took),
                "p50_ms": round(quantile_ms(latencies, 0.5), 2),
                "p95_ms": round(quantile_ms(latencies, 0.95), 2),
                "failures": failures,
            }
        )
    before = usage(house.pid)
    latencies, failures, took = await paced(many, request, per_s=1000, seconds=seconds)
    after = usage(house.pid)
    rows.append(
        {
            "what": "GET /prices/latest at 1,000 requests/s, 64 connections",
            "p50_ms": round(quantile_ms(latencies, 0.5), 2),
            "p95_ms": round(quantile_ms(latencies, 0.95), 2),
            "failures": failures,
            "chrono_cpu": round((after.cpu_s - before.cpu_s) / took, 2),
            "chrono_peak_mb": round(after.peak_mb),
        }
    )
    return rows


def run(seconds: float = 8) -> list[dict[str, object]]:
    """Start a house of its own and measure it."""
    with House() as house:
        house.start()
        return asyncio.run(measure(house, seconds))


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
