import gc
from typing import Any

from chrono.api.app import create_app
from chrono.telemetry import request_id
from tests.fakes.api_ports import PUBLIC_KEY, FakeHouse, estimate, settings


async def call(app: Any, path: str) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"x-api-key", PUBLIC_KEY.encode())]
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"symbols=BTC", "headers": headers,
        "client": ("127.0.0.1", 1), "http_version": "1.1", "scheme": "http", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


async def test_a_finished_request_leaves_nothing_that_only_the_collector_could_free() -> None:
    house = FakeHouse()
    house.board.put(estimate())
    app = create_app(house.parts(), settings())
    await call(app, "/prices/latest")
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            assert (await call(app, "/prices/latest"))[0]["status"] == 200
        assert gc.collect() < 50
    finally:
        gc.enable()


async def test_a_request_id_does_not_outlive_its_request() -> None:
    app = create_app(FakeHouse().parts(), settings())
    await call(app, "/nothing")
    assert request_id.get() == ""
