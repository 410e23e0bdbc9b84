"""A caller of the API: the whole application in this process, over ASGI."""

from typing import Any

import httpx

from chrono.api.app import create_app
from tests.fakes.api_ports import INTERNAL_KEY, PUBLIC_KEY, FakeHouse, settings

STAMP = "2025-10-09T12:34:56.123Z"


def client(
    house: FakeHouse, peer: str = "127.0.0.1", key: str | None = PUBLIC_KEY, **options: Any
) -> httpx.AsyncClient:
    """Calls with `key` from `peer`. Options beside `settings` go to `create_app`."""
    app = create_app(house.parts(), options.pop("settings", None) or settings(), **options)
    headers = {} if key is None else {"X-API-Key": key}
    transport = httpx.ASGITransport(app=app, client=(peer, 40000), raise_app_exceptions=True)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://chrono.test", headers=headers)


def worker(house: FakeHouse, **options: Any) -> httpx.AsyncClient:
    """Calls with the internal key."""
    return client(house, key=INTERNAL_KEY, **options)


def feed(**changes: Any) -> dict[str, Any]:
    """A good feed; a change to `...` leaves the field out."""
    good = {
        "symbol": "BTC/USD",
        "price": "67234.56",
        "volume": "1234.567890",
        "source": "binance",
        "timestamp": STAMP,
        "metadata": {"bid": "67230.00", "exchange_timestamp": 1728480896123},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}
