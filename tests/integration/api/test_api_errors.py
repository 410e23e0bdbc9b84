"""One envelope for every error, every code of the contract, and nothing internal in any of them."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.exceptions import HTTPException
from litestar.params import FromQuery

from chrono import errors
from chrono.api.access import Callers
from chrono.api.problems import CODES, problem_of
from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import CACHE_AWAY, DATABASE_AWAY, SPOOL_FULL, ChronoError
from tests.fakes.api_client import client, feed, worker
from tests.fakes.api_ports import INTERNAL_KEY, NOW_NS, PUBLIC_KEY, FakeHouse, estimate, settings

NOW_MS = NOW_NS // MS_NS
RANGE = f"/prices/range?symbol=BTC&from={NOW_MS - 1000}&to={NOW_MS}"
Ask = Callable[[httpx.AsyncClient, FakeHouse], Any]


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate())
    return made


def failing(error: ChronoError) -> Ask:
    def ask(caller: httpx.AsyncClient, house: FakeHouse) -> Any:
        house.store.failure = error
        return caller.get(RANGE)

    return ask


def internal(**how: Any) -> dict[str, Any]:
    return {"headers": {"X-API-Key": INTERNAL_KEY, **how.pop("headers", {})}, **how}


TABLE: list[tuple[int, str, Ask]] = [
    (400, "VALIDATION_ERROR", lambda c, h: c.get("/prices/latest?symbols=BTC-USD")),
    (400, "VALIDATION_ERROR", lambda c, h: c.get("/prices/latest")),
    (400, "VALIDATION_ERROR", lambda c, h: c.get("/prices/latest?symbols=BTC&typo=1")),
    (400, "VALIDATION_ERROR", lambda c, h: c.get(RANGE + "&cursor=x")),
    (400, "VALIDATION_ERROR", lambda c, h: c.post("/internal/ingest", **internal(content=b"[" * 100_000))),
    (400, "VALIDATION_ERROR", lambda c, h: c.post("/internal/ingest", **internal(json={"feeds": []}))),
    (400, "VALIDATION_ERROR", lambda c, h: c.get("/health", headers={"Host": "bad host"})),
    (401, "UNAUTHORIZED", lambda c, h: c.get("/prices/latest?symbols=BTC", headers={"X-API-Key": "chrono_public_x"})),
    (401, "UNAUTHORIZED", lambda c, h: c.get("/prices/latest?symbols=BTC", headers={"Authorization": "Bearer x"})),
    (403, "FORBIDDEN", lambda c, h: c.post("/internal/ingest", json={"feeds": [feed()]})),
    (403, "FORBIDDEN", lambda c, h: c.get("/prices/latest?symbols=BTC", **internal())),
    (404, "NOT_FOUND", lambda c, h: c.get("/nothing")),
    (404, "NOT_FOUND", lambda c, h: c.get("/api/v1/price/NOPE")),
    (404, "NOT_FOUND", lambda c, h: c.get("/prices/latest/more")),
    (405, "METHOD_NOT_ALLOWED", lambda c, h: c.delete("/prices/latest")),
    (405, "METHOD_NOT_ALLOWED", lambda c, h: c.get("/internal/ingest")),
    (405, "METHOD_NOT_ALLOWED", lambda c, h: c.request("TRACE", "/health")),
    (406, "NOT_ACCEPTABLE", lambda c, h: c.get(RANGE, headers={"Accept": "image/png"})),
    (413, "PAYLOAD_TOO_LARGE", lambda c, h: c.post("/internal/ingest", **internal(json={"feeds": [feed()] * 101}))),
    (413, "PAYLOAD_TOO_LARGE", lambda c, h: c.post("/internal/ingest", **internal(content=b" " * 300_000))),
    (415, "UNSUPPORTED_MEDIA_TYPE",
     lambda c, h: c.post("/internal/ingest", **internal(content=b"x", headers={"Content-Encoding": "gzip"}))),
    (415, "UNSUPPORTED_MEDIA_TYPE",
     lambda c, h: c.post("/internal/ingest", **internal(content=b"{}", headers={"Content-Type": "text/plain"}))),
    (503, "DATABASE_ERROR", failing(ChronoError(DATABASE_AWAY, dsn="postgresql://chrono:hunter2@db/prices"))),
    (503, "DATABASE_ERROR", failing(ChronoError(SPOOL_FULL, path="/srv/chrono/spool"))),
    (503, "CACHE_ERROR", failing(ChronoError(CACHE_AWAY, url="redis://:hunter2@cache"))),
    (500, "INTERNAL_ERROR", failing(ChronoError(errors.POSTGRES_FAILED, log="/srv/chrono/log"))),
]  # fmt: skip


def check_envelope(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"error", "status"}
    assert body["status"] == status
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    for secret in ("hunter2", "/srv/", "Traceback", "postgresql://", "SELECT"):
        assert secret not in answer.text
    return body["error"]


@pytest.mark.parametrize(("status", "code", "ask"), TABLE)
async def test_every_failure_leaves_in_the_one_envelope(house: FakeHouse, status: int, code: str, ask: Ask) -> None:
    async with client(house) as caller:
        check_envelope(await ask(caller, house), status, code)


async def test_the_rest_of_the_table(house: FakeHouse) -> None:
    async with client(house, key=None) as caller:
        details = check_envelope(await caller.get("/prices/latest?symbols=BTC"), 401, "UNAUTHORIZED")["details"]
        assert details["reason"] == "no_key"
    async with client(house) as caller:
        house.clock.advance(SECOND_NS)
        check_envelope(await caller.get("/prices/latest?symbols=BTC&max_staleness_ms=1"), 503, "STALE_PRICE")
    async with client(house, settings=settings(rate_limit_public_free=1)) as caller:
        await caller.get("/prices/latest?symbols=BTC")
        refused = await caller.get("/prices/latest?symbols=BTC")
        check_envelope(refused, 429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_a_401_says_how_and_a_405_says_which(house: FakeHouse) -> None:
    async with client(house, key=None) as caller:
        assert (await caller.get("/prices/latest?symbols=BTC")).headers["www-authenticate"] == "Bearer"
        assert "POST" in (await caller.get("/internal/ingest")).headers["allow"]


async def test_the_example_of_the_contract_has_its_details(house: FakeHouse) -> None:
    async with client(house) as caller:
        details = (await caller.get("/prices/latest?symbols=BTC-USD")).json()["error"]["details"]
    assert {name: details[name] for name in ("field", "received", "expected")} == {
        "field": "symbol",
        "received": "BTC-USD",
        "expected": "BTC/USD",
    }


async def test_every_fault_is_listed(house: FakeHouse) -> None:
    async with client(house) as caller:
        details = (await caller.get("/prices/range?symbol=btc&limit=0&order=up")).json()["error"]["details"]
    assert [fault["field"] for fault in details["faults"]] == ["symbol", "from", "to", "limit", "order"]


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ("abc-DEF_123", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ("a;b", False),
        ("é", False),
        ("<script>", False),
    ],
)
async def test_a_sane_request_id_is_echoed_and_another_replaced(house: FakeHouse, given: str, echoed: bool) -> None:
    async with client(house) as caller:
        answer = await caller.get("/live", headers={"X-Request-ID": given.encode("latin-1")})  # type: ignore[dict-item]
    told = answer.headers["x-request-id"]
    assert (told == given) is echoed
    assert echoed or told.startswith("req_")


async def test_what_nobody_foresaw_is_a_500_that_leaks_nothing(house: FakeHouse) -> None:
    @get("/broken", opt={"callers": Callers.OPEN})
    async def broken() -> str:
        raise RuntimeError("SELECT secret FROM /srv/chrono postgresql://hunter2")

    async with client(house, extra_handlers=[broken]) as caller:
        error = check_envelope(await caller.get("/broken"), 500, "INTERNAL_ERROR")
    assert error["details"] == {}


async def test_faults_that_the_framework_finds_are_listed_in_our_envelope_too(house: FakeHouse) -> None:
    @get("/typed", opt={"callers": Callers.OPEN})
    async def typed(number: FromQuery[int], other: FromQuery[int]) -> str:
        return f"{number}{other}"

    async with client(house, extra_handlers=[typed]) as caller:
        error = check_envelope(await caller.get("/typed?number=x&other=y"), 400, "VALIDATION_ERROR")
    assert {fault["field"] for fault in error["details"]["faults"]} == {"number", "other"}


async def test_a_503_of_ingest_claims_nothing(house: FakeHouse) -> None:
    house.store.failure = ChronoError(SPOOL_FULL)
    async with worker(house) as edge:
        answer = await edge.post("/internal/ingest", json={"feeds": [feed()]})
    check_envelope(answer, 503, "DATABASE_ERROR")
    assert "ingested" not in answer.text


def test_every_code_of_the_contract_is_known() -> None:
    assert set(CODES) == {
        "VALIDATION_ERROR", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "METHOD_NOT_ALLOWED",
        "NOT_ACCEPTABLE", "REQUEST_TIMEOUT", "UNSUPPORTED_MEDIA_TYPE", "PAYLOAD_TOO_LARGE",
        "RATE_LIMIT_EXCEEDED", "INTERNAL_ERROR",
        "DATABASE_ERROR", "CACHE_ERROR", "STALE_PRICE",
    }  # fmt: skip


def test_every_reason_there_is_has_an_envelope_that_is_json() -> None:
    reasons = [value for value in vars(errors).values() if isinstance(value, errors.Reason)]
    assert len(reasons) > 20
    for reason in reasons:
        body = json.loads(problem_of(ChronoError(reason, deep=[{1: object()}], odd=b"\xff")).envelope("req_1"))
        assert body["error"]["code"] in CODES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 418, 502])
def test_every_status_of_the_framework_has_a_code(status: int) -> None:
    problem = problem_of(HTTPException(status_code=status, detail="x"))
    assert problem.code in CODES
    assert problem.status in (status, 500)


def test_nesting_beyond_all_use_is_the_callers_fault_not_ours() -> None:
    assert problem_of(RecursionError()).status == 400


async def test_security_headers_are_on_every_answer(house: FakeHouse) -> None:
    async with client(house) as caller:
        for path in ("/live", "/nothing", "/prices/latest?symbols=BTC", "/prices/latest"):
            assert (await caller.get(path)).headers["x-content-type-options"] == "nosniff"


async def test_a_head_is_a_get_without_its_body(house: FakeHouse) -> None:
    async with client(house) as caller:
        whole, head = await caller.get("/live"), await caller.head("/live")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert (await caller.head("/nothing")).status_code == 404
        assert PUBLIC_KEY
