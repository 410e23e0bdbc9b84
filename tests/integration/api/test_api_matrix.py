"""Every route against every class of caller: what is not declared open is closed."""

import re
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.params import FromQuery
from litestar.routes import HTTPRoute

from chrono.api.access import ALLOWED, Callers, KeyClass
from chrono.api.app import create_app
from tests.fakes.api_client import client
from tests.fakes.api_ports import KEYS, FakeHouse, settings

OUTSIDE, INSIDE = "203.0.113.7", "127.0.0.1"
EXPECTED = {
    "/internal/ingest": Callers.INTERNAL,
    "/prices/latest": Callers.PUBLIC,
    "/prices/range": Callers.PUBLIC,
    "/aggregates/consensus": Callers.PUBLIC,
    "/aggregates/explain": Callers.PUBLIC,
    "/metadata/feeds": Callers.PUBLIC,
    "/metadata/venues": Callers.PUBLIC,
    "/metadata/markets": Callers.PUBLIC,
    "/price/{symbol:path}": Callers.PUBLIC,
    "/rounds": Callers.PUBLIC,
    "/rounds/{id:str}": Callers.PUBLIC,
    "/provider": Callers.PUBLIC,
    "/provider/rewards": Callers.PUBLIC,
    "/health": Callers.OPEN,
    "/live": Callers.OPEN,
    "/ready": Callers.OPEN,
    "/schema/openapi.json": Callers.OPEN,
    "/metrics": Callers.SCRAPER,
    "/feed-values": Callers.SEAM,
    "/feed-values/{round:str}": Callers.SEAM,
    "/volumes": Callers.SEAM,
    "/submit1/{round:str}/{address:str}": Callers.SEAM,
    "/submit2/{round:str}/{address:str}": Callers.SEAM,
    "/submitSignatures/{round:str}/{address:str}": Callers.SEAM,
    "/data/{round:str}": Callers.SEAM,
    "/specific-feed/{feed_id:str}/{round:str}": Callers.SEAM,
    "/medianCalculationResults/{round:str}": Callers.SEAM,
}
"""The table "Who may call what" of api.md, written a second time on purpose."""

APP: Litestar = create_app(FakeHouse().parts(), settings())
ROUTES = [
    (route.path, method)
    for route in APP.routes
    if isinstance(route, HTTPRoute)
    for method in route.methods
    if method != "OPTIONS"
]


def declared(path: str) -> Callers:
    return EXPECTED[path.removeprefix("/api/v1")]


def may(callers: Callers, key: str | None, peer: str) -> bool:
    if callers is Callers.OPEN or (callers in (Callers.SEAM, Callers.SCRAPER) and peer == INSIDE):
        return True
    return key in KEYS and KeyClass(key) in ALLOWED[callers]


def test_every_route_stands_in_the_table_and_every_line_of_it_has_its_twin() -> None:
    paths = {path for path, _ in ROUTES}
    assert {path.removeprefix("/api/v1") for path in paths} == set(EXPECTED)
    for path in EXPECTED:
        assert f"/api/v1{path}" in paths
        assert path in paths or path.startswith("/price/")


@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE])
@pytest.mark.parametrize("key", [None, "wrong", *KEYS])
@pytest.mark.parametrize(("path", "method"), ROUTES)
async def test_who_may_call_what(path: str, method: str, key: str | None, peer: str) -> None:
    async with client(FakeHouse(), peer=peer, key=KEYS.get(key or "", key)) as caller:
        answer = await caller.request(method, re.sub(r"\{[^}]*\}", "1", path), json={})
    refused = answer.status_code in (401, 403)
    assert refused is not may(declared(path), key, peer)
    if refused and declared(path) is not Callers.SEAM:
        assert answer.status_code == (403 if key in KEYS else 401)


def test_a_route_that_declares_nobody_is_not_served_at_all() -> None:
    @get("/forgotten")
    async def forgotten() -> str:
        return "open?"

    with pytest.raises(ValueError, match="/forgotten"):
        create_app(FakeHouse().parts(), settings(), extra_handlers=[forgotten])


def test_a_route_that_declares_an_unknown_class_is_not_served_at_all() -> None:
    @get("/misspelt", opt={"callers": "everybody"})
    async def misspelt() -> str:
        return "open?"

    with pytest.raises(ValueError, match="/misspelt"):
        create_app(FakeHouse().parts(), settings(), extra_handlers=[misspelt])


@pytest.mark.parametrize(("callers", "status"), [(Callers.PUBLIC, 401), (Callers.OWN, 200), (Callers.ADMIN, 401)])
async def test_another_rooms_route_may_be_declared_by_its_path(callers: Callers, status: int) -> None:
    @get(["/stream/sse", "/api/v1/stream/sse"])
    async def events(symbols: FromQuery[str] = "") -> dict[str, str]:
        return {"symbols": symbols}

    options: dict[str, Any] = {"extra_handlers": [events], "extra_callers": {"/stream/sse": callers}}
    async with client(FakeHouse(), key=None, **options) as caller:
        for path in ("/stream/sse", "/api/v1/stream/sse"):
            assert (await caller.get(path)).status_code == status


async def test_a_route_that_looks_at_keys_itself_is_still_limited_and_told_wrong_keys() -> None:
    @get("/stream/sse", opt={"callers": "own"})
    async def events() -> str:
        return ""

    house = FakeHouse()
    async with client(house, key=None, extra_handlers=[events], settings=settings(rate_limit_address=2)) as caller:
        assert [(await caller.get("/stream/sse")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await caller.get("/stream/sse", headers={"X-API-Key": "x"})).status_code == 401


async def test_metrics_that_are_off_are_not_there() -> None:
    from msgspec import structs

    chosen = settings()
    chosen = structs.replace(chosen, telemetry=structs.replace(chosen.telemetry, metrics_enabled=False))
    async with client(FakeHouse(), settings=chosen) as caller:
        assert (await caller.get("/metrics")).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["//prices//latest", "/prices/latest/", "/API/V1/health", "/prices/../metrics", "/prices%2Flatest", "/./metrics"],
)
async def test_no_spelling_of_a_path_gets_around_the_gate(path: str) -> None:
    async with client(FakeHouse(), peer=OUTSIDE, key=None) as caller:
        answer = await caller.get(path, params={"symbols": "BTC"})
    assert answer.status_code in (401, 404)
