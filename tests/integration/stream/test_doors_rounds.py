"""What the duty tells of its transactions reaches those who asked for rounds, through both doors."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect

from chrono.errors import NOT_MINED
from chrono.stream.submissions import submission_of
from chrono.voting.reports import Reports, SentPhase, SentStatus
from tests.fakes.rounds_told import ROUND, committed, sent
from tests.fakes.stream_doors import Doors, hear, open_doors, say, subscribed

FAILED = (SentStatus.FAILED, SentStatus.REVERTED)


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with open_doors() as opened:
        yield opened


async def rounds_of(url: str) -> ClientConnection:
    """A reader of rounds and of nothing else."""
    client = await connect(url)
    await hear(client, "hello")
    await say(client, action="subscribe", rounds=True)
    await hear(client, "subscribed")
    return client


@pytest.mark.parametrize("door", ["fast", "main"])
async def test_each_state_of_a_transaction_goes_to_all_who_asked_for_rounds_and_to_nobody_else(
    doors: Doors, door: str
) -> None:
    book = Reports()
    book.on_sent(lambda report, sent: doors.hub.publish_round(submission_of(report, sent)))
    readers = [await rounds_of(doors.url(door)) for _ in range(2)]
    other = await subscribed(doors.url(door), "BTC")
    book.tell_round(committed(transactions=()))
    for status in SentStatus:
        reason = NOT_MINED if status in FAILED else None
        book.tell_sent(ROUND.id, sent(SentPhase.SUBMIT2, status=status, reason=reason))
    for reader in readers:
        frames = [await hear(reader, "ftso_submission") for _ in SentStatus]
        assert [frame["seq"] for frame in frames] == [1, 2, 3, 4]
        told = [frame["data"] for frame in frames]
        assert [one["status"] for one in told] == ["pending", "confirmed", "failed", "reverted"]
        assert told[1] == {
            "epoch": ROUND.id,
            "phase": "submit2",
            "status": "confirmed",
            "tx_hash": "0x" + "02" * 32,
            "gas_used": 45_000,
            "margin_ms": 25_000,
            "reason": None,
        }
        assert told[2]["reason"] == "not_mined"
    await say(other, action="ping")
    assert await hear(other) == {"type": "pong", "id": None}
    for client in (*readers, other):
        await client.close()


@pytest.mark.parametrize("door", ["fast", "main"])
async def test_who_ends_the_subscription_to_rounds_hears_no_more_of_them(doors: Doors, door: str) -> None:
    client = await rounds_of(doors.url(door))
    await say(client, action="unsubscribe", rounds=True)
    await hear(client, "unsubscribed")
    doors.hub.publish_round(submission_of(committed(), sent(SentPhase.SUBMIT1)))
    await say(client, action="ping")
    await hear(client, "pong")
    await client.close()
