"""Answers that instances share: only of times that stand still, and never in the way of an answer."""

from typing import Any

import pytest

from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import CACHE_AWAY, ChronoError
from chrono.market.names import Market
from tests.fakes.api_client import client
from tests.fakes.api_ports import NOW_NS, FakeHouse, estimate, quote

DAY_NS = 86_400 * SECOND_NS
OLD_NS = NOW_NS - 2 * DAY_NS


class Redis:
    """What was put, with its life."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, int]] = {}
        self.away = False

    async def get_answer(self, key: str) -> bytes | None:
        if self.away:
            raise ChronoError(CACHE_AWAY)
        return self.held.get(key, (None, 0))[0]

    async def put_answer(self, key: str, body: bytes, ttl_s: int) -> None:
        if self.away:
            raise ChronoError(CACHE_AWAY)
        self.held[key] = body, ttl_s


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.answers = Redis()
    made.board.put(estimate())
    made.store.quotes = [quote(at_ns=OLD_NS), quote("ETH/USD", at_ns=OLD_NS)]
    return made


async def get(house: FakeHouse, path: str) -> Any:
    async with client(house) as caller:
        return (await caller.get(path)).json()


def span(start_ns: int, end_ns: int) -> str:
    return f"/prices/range?symbol=BTC&from={start_ns // MS_NS}&to={end_ns // MS_NS}"


async def test_a_page_of_a_time_that_stands_still_is_read_once(house: FakeHouse) -> None:
    path = span(OLD_NS - SECOND_NS, OLD_NS + SECOND_NS)
    first = await get(house, path)
    assert [(key, ttl) for key, (_, ttl) in house.answers.held.items()] == [
        ("range:BTC/USD:2025-10-07T12:34:55.789Z:2025-10-07T12:34:57.789Z:raw", 300)
    ]
    house.store.quotes.clear()
    assert await get(house, path) == first
    assert first["count"] == 1


@pytest.mark.parametrize("more", ["&limit=5", "&order=asc", "&source=binance"])
async def test_another_page_than_the_plain_first_one_is_not_taken_for_it(house: FakeHouse, more: str) -> None:
    await get(house, span(OLD_NS - SECOND_NS, OLD_NS + SECOND_NS) + more)
    assert house.answers.held == {}


async def test_a_time_into_which_quotes_may_still_come_is_not_remembered(house: FakeHouse) -> None:
    await get(house, span(NOW_NS - 3 * DAY_NS, NOW_NS - DAY_NS + MS_NS))
    assert house.answers.held == {}
    await get(house, span(NOW_NS - 3 * DAY_NS, NOW_NS - DAY_NS))
    assert len(house.answers.held) == 1


async def test_a_past_consensus_is_told_once_and_not_before_its_time_stands_still(house: FakeHouse) -> None:
    path = f"/aggregates/consensus?symbols=BTC,ETH&timestamp={OLD_NS // MS_NS}"
    first = await get(house, path)
    assert set(house.answers.held) == {f"consensus:{m}:2025-10-07T12:34:56.789Z" for m in ("BTC/USD", "ETH/USD")}
    house.store.quotes.clear()
    assert await get(house, path) == first
    house.answers.held.clear()
    house.store.records[Market("BTC/USD")] = estimate(at_ns=NOW_NS)
    await get(house, f"/aggregates/consensus?symbols=BTC&timestamp={NOW_NS // MS_NS}")
    assert house.answers.held == {}


async def test_with_redis_away_the_database_answers(house: FakeHouse) -> None:
    house.answers.away = True
    assert (await get(house, span(OLD_NS - SECOND_NS, OLD_NS + SECOND_NS)))["count"] == 1
    assert len((await get(house, f"/aggregates/consensus?symbols=BTC&timestamp={OLD_NS // MS_NS}"))["data"]) == 1


async def test_what_another_version_remembered_in_another_form_is_written_anew(house: FakeHouse) -> None:
    path = span(OLD_NS - SECOND_NS, OLD_NS + SECOND_NS)
    first = await get(house, path)
    (key,) = house.answers.held
    for other in (b"", b"[]", b"\xff", b'{"rows":5}'):
        house.answers.held[key] = other, 300
        assert await get(house, path) == first
        assert house.answers.held[key][0] != other
