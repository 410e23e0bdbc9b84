"""The seam that Flare's own clients call. Source: fsp.md 0.4, 0.5 and 5(a)."""

from decimal import Decimal
from typing import Any

import pytest

from chrono.errors import TOO_FEW_SOURCES
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse, estimate, quote

ASKED = {
    "feeds": [{"category": 1, "name": "BTC/USD"}, {"category": 1, "name": "NO/USD"}, {"category": 1, "name": "BTC/USD"}]
}


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate(), estimate("THIN/USD", reason=TOO_FEW_SOURCES))
    return made


async def post(house: FakeHouse, path: str, body: Any, **options: Any) -> Any:
    async with client(house, key=None, **options) as caller:
        return await caller.post(path, json=body)


async def test_values_come_by_position_and_an_unknown_one_has_no_value_key(house: FakeHouse) -> None:
    answer = await post(house, "/feed-values/812576", ASKED)
    assert answer.status_code == 201
    assert answer.json() == {
        "votingRoundId": 812576,
        "data": [
            {"feed": {"category": 1, "name": "BTC/USD"}, "value": 67234.56},
            {"feed": {"category": 1, "name": "NO/USD"}},
            {"feed": {"category": 1, "name": "BTC/USD"}, "value": 67234.56},
        ],
    }
    assert "null" not in answer.text


@pytest.mark.parametrize("path", ["/feed-values/", "/feed-values", "/api/v1/feed-values"])
async def test_without_a_round_the_latest_values_come(house: FakeHouse, path: str) -> None:
    answer = await post(house, path, ASKED)
    assert set(answer.json()) == {"data"}
    assert answer.json()["data"][0]["value"] == 67234.56


async def test_a_value_too_thin_to_vote_with_is_no_value(house: FakeHouse) -> None:
    answer = await post(house, "/feed-values/0", {"feeds": [{"category": 1, "name": "THIN/USD"}]})
    assert answer.json()["data"] == [{"feed": {"category": 1, "name": "THIN/USD"}}]


async def test_the_same_round_asked_twice_gives_the_same_answer_and_round_zero_the_latest(house: FakeHouse) -> None:
    first = await post(house, "/feed-values/7", ASKED)
    house.board.put(estimate(price="1"))
    assert (await post(house, "/feed-values/7", ASKED)).content == first.content
    latest = await post(house, "/feed-values/0", ASKED)
    assert latest.json()["data"][0]["value"] == 1


async def test_unknown_keys_of_the_body_are_left_unread(house: FakeHouse) -> None:
    body = {"feeds": [{"category": 1, "name": "BTC/USD", "more": [1]}], "votingRoundId": 7}
    assert (await post(house, "/feed-values/7", body)).status_code == 201


async def test_a_tiny_value_is_a_plain_number(house: FakeHouse) -> None:
    house.board.put(estimate("SHIB/USD", "1E-8"))
    answer = await post(house, "/feed-values/0", {"feeds": [{"category": 1, "name": "SHIB/USD"}]})
    assert '"value":0.00000001' in answer.text


@pytest.mark.parametrize("name", ["", "BTC", "btc/usd", "B" * 5000, "\u202e", "BTC/USD\u0000", "../x"])
async def test_a_name_that_is_no_market_is_answered_without_a_value(house: FakeHouse, name: str) -> None:
    answer = await post(
        house, "/feed-values/0", {"feeds": [{"category": 1, "name": name}, {"category": 1, "name": "BTC/USD"}]}
    )
    assert answer.status_code == 201
    assert [("value" in row, row["feed"]["name"]) for row in answer.json()["data"]] == [
        (False, name),
        (True, "BTC/USD"),
    ]


@pytest.mark.parametrize("path", ["/volumes/?window=60", "/volumes", "/volumes/?window=60&other=1"])
async def test_volumes_come_per_venue(house: FakeHouse, path: str) -> None:
    house.window.add([quote(), quote(venue="okx")])
    answer = await post(house, path, {"feeds": [{"category": 1, "name": "BTC/USD"}, {"category": 1, "name": "x"}]})
    assert answer.json() == {
        "data": [
            {
                "feed": {"category": 1, "name": "BTC/USD"},
                "volumes": [{"exchange": "binance", "volume": 2.5}, {"exchange": "okx", "volume": 2.5}],
            },
            {"feed": {"category": 1, "name": "x"}, "volumes": []},
        ]
    }
    assert house.window.books
    assert Decimal("2.5")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/feed-values/-1", ASKED, "votingRoundId"),
        ("/feed-values/x", ASKED, "votingRoundId"),
        ("/feed-values/4294967296", ASKED, "votingRoundId"),
        ("/feed-values/" + "9" * 50, ASKED, "votingRoundId"),
        ("/feed-values/1", {}, "feeds"),
        ("/feed-values/1", {"feeds": {}}, "feeds"),
        ("/feed-values/1", [], "feeds"),
        (
            "/feed-values/1",
            {"x": 1, "feeds": [{"category": 1, "name": "A/B"}, {"category": "1", "name": "A/B"}]},
            "feeds[1]",
        ),
        ("/volumes?window=0", ASKED, "window"),
    ],
)
async def test_what_is_not_of_its_form_is_refused_by_name(house: FakeHouse, path: str, body: Any, field: str) -> None:
    answer = await post(house, path, body)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)


async def test_every_feed_at_fault_is_listed(house: FakeHouse) -> None:
    answer = await post(house, "/feed-values", {"feeds": [{}, {"category": 1, "name": "A/B"}, 5]})
    assert [fault["field"] for fault in answer.json()["error"]["details"]["faults"]] == ["feeds[0]", "feeds[2]"]


@pytest.mark.parametrize("peer", ["203.0.113.7", "10.0.0.1", "2001:db8::1"])
async def test_only_the_listed_networks_may_call(house: FakeHouse, peer: str) -> None:
    for path in ("/feed-values/0", "/feed-values", "/volumes"):
        answer = await post(house, path, ASKED, peer=peer)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
