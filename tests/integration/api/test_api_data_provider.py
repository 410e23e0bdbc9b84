"""The protocol data provider, as Flare's system client calls it. Source: fsp.md 0.6 and 5(b)."""

from typing import Any

import msgspec
import pytest

from chrono.errors import JOURNAL_BROKEN, NOT_OUR_ADDRESS, VOTER_AWAY, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.frames import SubmissionFunction
from chrono.provider.handed_rounds import Handed, Status
from chrono.settings import Secret
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse, settings

ME = Address(bytes(range(1, 21)))
PATH = f"/submit1/812576/{checksummed(ME)}"


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.asked = []  # type: ignore[attr-defined]

    async def hand(function: SubmissionFunction, round_id: int, sender: Address) -> Handed:
        made.asked.append((function, round_id, sender))  # type: ignore[attr-defined]
        return Handed(Status.OK, b"\x64\x00")

    made.hand = hand
    return made


async def get(house: FakeHouse, path: str, key: str | None = None, **options: Any) -> Any:
    async with client(house, key=None, **options) as caller:
        return await caller.get(path, headers={} if key is None else {"X-API-KEY": key})


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("submit1", SubmissionFunction.SUBMIT1),
        ("submit2", SubmissionFunction.SUBMIT2),
        ("submitSignatures", SubmissionFunction.SUBMIT_SIGNATURES),
    ],
)
async def test_the_answer_has_the_three_known_keys_and_nothing_else(
    house: FakeHouse, name: str, function: SubmissionFunction
) -> None:
    house.environment = "simulated"  # which marks other answers
    answer = await get(house, f"/{name}/812576/{checksummed(ME)}")
    assert (answer.status_code, answer.json()) == (200, {"status": "OK", "data": "0x6400", "additionalData": "0x"})
    assert house.asked == [(function, 812576, ME)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reason", "status"), [(VOTER_AWAY, "RETRY"), (JOURNAL_BROKEN, "RETRY"), (NOT_OUR_ADDRESS, "NOT_AVAILABLE")]
)
async def test_what_cannot_be_given_is_a_status_in_a_200(house: FakeHouse, reason: Any, status: str) -> None:
    async def hand(*_: object) -> Handed:
        raise ChronoError(reason)

    house.hand = hand
    answer = await get(house, PATH)
    assert (answer.status_code, answer.json()["status"], answer.json()["data"]) == (200, status, "0x")


async def test_without_a_data_provider_nothing_is_available() -> None:
    answer = await get(FakeHouse(), PATH)
    assert (answer.status_code, answer.json()["status"]) == (200, "NOT_AVAILABLE")


async def test_a_configured_key_must_be_shown(house: FakeHouse) -> None:
    plain = settings()
    keyed = msgspec.structs.replace(plain, flare=msgspec.structs.replace(plain.flare, data_provider_key=Secret("k3y")))
    assert (await get(house, PATH, settings=keyed)).status_code == 401
    for wrong in ("wrong", "k3", "k3y3", ""):
        assert (await get(house, PATH, wrong, settings=keyed)).status_code == 401
    assert house.asked == []  # type: ignore[attr-defined]
    assert (await get(house, PATH, "k3y", settings=keyed)).status_code == 200
    assert (await get(house, PATH, "any", settings=plain)).status_code == 200


async def test_another_network_is_refused_whatever_it_shows(house: FakeHouse) -> None:
    assert (await get(house, PATH, peer="203.0.113.9")).status_code == 403
    assert house.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path", ["/submit1/x/{me}", "/submit1/-1/{me}", "/submit1/4294967296/{me}", "/submit1/1/0x12", "/submit1/1/{bad}"]
)
async def test_what_is_no_round_or_address_is_a_400(house: FakeHouse, path: str) -> None:
    me = checksummed(Address(bytes.fromhex("aB" * 20)))
    answer = await get(house, path.format(me=me, bad=me.swapcase().replace("0X", "0x")))
    assert answer.status_code == 400
    assert house.asked == []  # type: ignore[attr-defined]


async def test_submit3_is_not_served(house: FakeHouse) -> None:
    assert (await get(house, f"/submit3/812576/{checksummed(ME)}")).status_code == 404
