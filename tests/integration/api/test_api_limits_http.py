"""Limits as callers meet them: headers, stacking, and what floods cost."""

import pytest

from chrono.api.access import KeyRing
from chrono.clock import SECOND_NS
from chrono.errors import CACHE_AWAY, ChronoError
from tests.fakes.api_client import client, feed, worker
from tests.fakes.api_ports import ADMIN_KEY, NOW_NS, PAID_KEY, FakeHouse, estimate, settings

PATH = "/prices/latest?symbols=BTC"


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate())
    return made


async def test_every_authenticated_answer_tells_what_is_left(house: FakeHouse) -> None:
    async with client(house, settings=settings(rate_limit_public_free=3)) as caller:
        told = []
        for path in (PATH, "/prices/latest?symbols=x", "/prices/range", PATH):
            answer = await caller.get(path)
            told.append(
                (answer.status_code, *(int(answer.headers[f"x-ratelimit-{n}"]) for n in ("limit", "remaining")))
            )
        assert told == [(200, 3, 2), (400, 3, 1), (400, 3, 0), (429, 3, 0)]
        assert int(answer.headers["x-ratelimit-reset"]) == -(-(NOW_NS + 60 * SECOND_NS) // SECOND_NS)
        assert answer.headers["retry-after"] == "60"
        house.clock.advance(60 * SECOND_NS)
        assert (await caller.get(PATH)).status_code == 200


async def test_keys_do_not_share_a_limit_and_paid_keys_have_their_own(house: FakeHouse) -> None:
    chosen = settings(rate_limit_public_free=1, rate_limit_public_paid=2)
    async with client(house, settings=chosen) as caller:
        assert [(await caller.get(PATH)).status_code for _ in range(2)] == [200, 429]
        paid = {"X-API-Key": PAID_KEY}
        assert [(await caller.get(PATH, headers=paid)).status_code for _ in range(3)] == [200, 200, 429]


async def test_admin_keys_have_no_limit(house: FakeHouse) -> None:
    chosen = settings(rate_limit_public_free=1, rate_limit_address=1)
    async with client(house, key=ADMIN_KEY, settings=chosen) as caller:
        answers = [await caller.get(PATH) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        single = (await caller.get("/api/v1/price/BTC")).json()
        assert single["rate_limit"] == {"limit": None, "remaining": None, "reset_at": None}


async def test_without_a_key_an_address_has_its_hundred_a_minute(house: FakeHouse) -> None:
    chosen = settings(rate_limit_address=100)
    async with client(house, key=None, settings=chosen) as caller:
        assert [(await caller.get("/live")).status_code for _ in range(101)] == [200] * 100 + [429]
        assert (await caller.get("/nothing")).status_code == 429
        assert (await caller.get(PATH)).status_code == 429
        house.clock.advance(60 * SECOND_NS)
        assert (await caller.get("/live")).status_code == 200


async def test_addresses_do_not_share_a_limit(house: FakeHouse) -> None:
    proxied = settings(server={"trusted_proxies": ("10.0.0.0/8",)}, rate_limit_address=1)
    async with client(house, peer="10.0.0.1", key=None, settings=proxied) as caller:
        for address in ("203.0.113.1", "203.0.113.2"):
            told = [(await caller.get("/live", headers={"X-Forwarded-For": address})).status_code for _ in range(2)]
            assert told == [200, 429]


async def test_an_invented_forwarding_header_buys_no_fresh_limit(house: FakeHouse) -> None:
    async with client(house, peer="203.0.113.9", key=None, settings=settings(rate_limit_address=1)) as caller:
        told = [
            (await caller.get("/live", headers={"X-Forwarded-For": f"198.51.100.{n}"})).status_code for n in range(3)
        ]
        assert told == [200, 429, 429]


@pytest.mark.parametrize("host", ["gateway.example.com", "GATEWAY.example.com:443"])
async def test_a_host_limit_stacks_on_the_keys_and_the_tightest_is_told(house: FakeHouse, host: str) -> None:
    chosen = settings(host_limits={"gateway.example.com": 2}, rate_limit_public_free=50)
    async with client(house, settings=chosen) as caller:
        answers = [await caller.get(PATH, headers={"Host": host}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["2"] * 3
        elsewhere = await caller.get(PATH, headers={"Host": "nexus.example.com"})
        assert (elsewhere.status_code, elsewhere.headers["x-ratelimit-limit"]) == (200, "50")


@pytest.mark.parametrize(
    ("limits", "limit"), [({}, "30"), ({"gateway.example.com": 7}, "7"), ({"Gateway.Example.com": 8}, "8")]
)
async def test_the_public_gateway_has_thirty_a_minute_by_its_host_unless_told_otherwise(
    house: FakeHouse, limits: dict[str, int], limit: str
) -> None:
    chosen = settings(host_limits=limits, rate_limit_public_free=1000, server={"domain": "Example.com"})
    async with client(house, settings=chosen) as caller:
        at_the_gateway = await caller.get(PATH, headers={"Host": "gateway.example.com"})
        assert at_the_gateway.headers["x-ratelimit-limit"] == limit
        elsewhere = await caller.get(PATH, headers={"Host": "nexus.example.com"})
        assert elsewhere.headers["x-ratelimit-limit"] == "1000"


async def test_without_a_domain_no_host_is_limited(house: FakeHouse) -> None:
    async with client(house, settings=settings(rate_limit_public_free=1000)) as caller:
        answer = await caller.get(PATH, headers={"Host": "gateway.example.com"})
        assert answer.headers["x-ratelimit-limit"] == "1000"


async def test_a_flood_of_wrong_keys_is_refused_before_anything_is_hashed(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    find = KeyRing.find
    monkeypatch.setattr(KeyRing, "find", lambda ring, key: hashed.append(key) or find(ring, key))
    async with client(house, key="chrono_public_wrong", settings=settings(rate_limit_address=5)) as caller:
        told = [(await caller.get(PATH)).status_code for _ in range(50)]
    assert told == [401] * 5 + [429] * 45
    assert len(hashed) == 5


async def test_a_flood_of_wrong_keys_does_not_lock_out_another_address(house: FakeHouse) -> None:
    proxied = settings(server={"trusted_proxies": ("10.0.0.0/8",)}, rate_limit_address=2)
    async with client(house, peer="10.0.0.1", settings=proxied) as caller:
        for _ in range(9):
            await caller.get(PATH, headers={"X-API-Key": "x", "X-Forwarded-For": "203.0.113.1"})
        assert (await caller.get(PATH, headers={"X-Forwarded-For": "203.0.113.2"})).status_code == 200


async def test_the_flare_seams_have_no_limit(house: FakeHouse) -> None:
    async with client(house, key=None, settings=settings(rate_limit_address=1)) as caller:
        told = {(await caller.post("/feed-values/0", json={"feeds": []})).status_code for _ in range(20)}
    assert told == {201}


async def test_ingest_is_limited_by_its_key(house: FakeHouse) -> None:
    async with worker(house, settings=settings(rate_limit_internal=2)) as edge:
        told = [(await edge.post("/internal/ingest", json={"feeds": [feed()]})).status_code for _ in range(3)]
    assert told == [200, 200, 429]


class Redis:
    """A shared window that can go away."""

    def __init__(self) -> None:
        self.away = False
        self.keys: list[str] = []

    async def take(self, key: str, limit: int, window_s: int, now_ns: int) -> tuple[bool, int, int]:
        if self.away:
            raise ChronoError(CACHE_AWAY)
        self.keys.append(key)
        return True, limit - 10, now_ns + window_s * SECOND_NS


async def test_with_redis_away_limits_hold_from_memory_and_nothing_else_changes(house: FakeHouse) -> None:
    house.shared = redis = Redis()
    async with client(house, settings=settings(rate_limit_public_free=20)) as caller:
        shared = await caller.get(PATH)
        assert shared.headers["x-ratelimit-remaining"] == "10"
        redis.away = True
        told = [(await caller.get(PATH)).status_code for _ in range(20)]
    assert told == [200] * 19 + [429]
    assert all("chrono_public" not in key for key in redis.keys)


async def test_a_preflight_is_answered_without_a_key(house: FakeHouse) -> None:
    asked = {"Origin": "https://dash.example.com", "Access-Control-Request-Method": "GET"}
    async with client(house, key=None) as caller:
        answer = await caller.options("/prices/latest", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "X-API-Key" in answer.headers["access-control-allow-headers"]
        closed = await caller.options("/internal/ingest", headers=asked)
        assert "access-control-allow-origin" not in closed.headers


@pytest.mark.parametrize(("origin", "allowed"), [("https://a.example", True), ("https://b.example", False)])
async def test_only_the_origins_of_the_settings_may_read(house: FakeHouse, origin: str, allowed: bool) -> None:
    async with client(house, settings=settings(server={"cors_origins": ("https://a.example",)})) as caller:
        answer = await caller.get(PATH, headers={"Origin": origin})
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    assert answer.headers["vary"] == "Origin"
