"""What the walks share: a batch of four venues, waiting for a state, and reading frames."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from websockets.sync.client import ClientConnection

VENUES = ("alpha", "beta", "gamma", "delta")


def feeds(market: str, price: float, **more: Any) -> list[dict[str, Any]]:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [
        {
            "symbol": market,
            "price": f"{price + n / 100:.2f}",
            "volume": "2",
            "source": venue,
            "timestamp": stamp,
            **more,
        }
        for n, venue in enumerate(VENUES)
    ]


def until(ask: Callable[[], Any], within_s: float = 60) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError("it never came about")


def frames(socket: ClientConnection, wanted: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=60))
        if frame["type"] == wanted:
            return frame
