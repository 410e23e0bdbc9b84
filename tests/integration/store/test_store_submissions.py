"""Voting rounds: written behind, read back as they were told, and never poorer for a later telling."""

import asyncio

import psycopg
import pytest
from msgspec import structs

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import NOT_MINED, TOO_LATE, reason_of
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import Feed, FeedId
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from chrono.store.submissions import Submissions
from chrono.telemetry import ROUNDS_DROPPED
from chrono.voting.closeness import score
from chrono.voting.reports import SentPhase, SentStatus
from tests.fakes.rounds_told import ROUND, TIMING, committed, finished, missed, sent
from tests.fakes.servers import open_store, postgres_server

DAY_NS = 86_400 * SECOND_NS


async def until_written(store):
    async with asyncio.timeout(60):
        while store.submissions._waiting:
            await asyncio.sleep(0.01)


async def written(store, *reports):
    for report in reports:
        store.submissions.write_later(report)
        await until_written(store)


async def read(store, round_id=ROUND.id):
    return await store.submissions.round("coston2", round_id, TIMING)


async def test_a_round_comes_back_as_it_was_told_and_its_values_lead_to_its_root(store):
    told = finished()
    await written(store, told)
    found = await read(store)
    for name in structs.asdict(found).keys() - {"outcome", "electorate", "result"}:
        assert getattr(found, name) == getattr(told, name), name
    assert found.result.root == told.result.root
    assert found.result.message.encode() == told.result.message.encode()
    assert [found.result.proof(feed) for feed in found.result.feeds] == [
        told.result.proof(feed) for feed in told.result.feeds
    ]
    assert (found.outcome, found.electorate) == (None, None)


async def test_rounds_come_newest_first_with_their_numbers_and_transactions_and_without_feeds(store):
    rounds = [VotingRound(ROUND.id + n, TIMING) for n in range(5)]
    await written(store, *(finished(one) for one in rounds))
    page = await store.submissions.rounds("coston2", TIMING, 2, before=ROUND.id + 4)
    assert [one.report.id for one in page] == [ROUND.id + 3, ROUND.id + 2]
    assert page[0].score == score(finished(rounds[3]))
    assert page[0].report.transactions == finished(rounds[3]).transactions
    assert page[0].report.feeds == ()
    assert page[0].root == finished(rounds[3]).result.root
    assert len(await store.submissions.rounds("coston2", TIMING, 100)) == 5
    assert await store.submissions.rounds("flare", TIMING, 100) == []


async def test_the_hits_of_the_newest_reward_epoch_are_told_where_they_are_known(store):
    old = finished(VotingRound(ROUND.id - 1, TIMING), reward_epoch_id=4706)
    waiting = committed(VotingRound(ROUND.id + 2, TIMING))
    await written(store, finished(VotingRound(ROUND.id + 1, TIMING)), old, finished(), waiting)
    assert [
        (one.reward_epoch_id, one.round_id, one.hits, one.values) for one in await store.submissions.counted("coston2")
    ] == [
        (4707, ROUND.id, 2, 4),
        (4707, ROUND.id + 1, 2, 4),
    ]
    assert await store.submissions.counted("flare") == []


async def test_a_round_that_was_never_told_is_none(store):
    assert await read(store) is None


async def test_what_one_telling_knew_a_later_one_that_knows_less_does_not_take_away(store):
    await written(store, finished())
    restarted = committed(transactions=(), feeds=(), reward_epoch_id=None, submit=None)
    await written(store, restarted)
    found = await read(store)
    assert found.result.root == finished().result.root
    assert found.feeds == finished().feeds
    assert found.transactions == finished().transactions
    assert found.submit == finished().submit
    (page,) = await store.submissions.rounds("coston2", TIMING, 1)
    assert page.score == score(finished())


async def test_a_feed_that_turned_out_not_to_be_of_the_round_is_not_kept(store):
    """The signing policy came late: the values were taken for the feeds of the reward epoch before."""
    wrong = structs.replace(finished().feeds[0], feed=Feed(FeedId(1, "GONE/USD"), 3))
    await written(store, committed(feeds=(wrong, *finished().feeds[1:])))
    await written(store, finished())
    found = await read(store)
    assert found.feeds == finished().feeds
    assert found.result.root == finished().result.root


async def test_a_miss_and_a_failed_transaction_keep_their_reasons(store):
    failed = sent(SentPhase.SUBMIT1, status=SentStatus.FAILED, reason=NOT_MINED, block_number=None, gas_used=None)
    await written(store, missed(transactions=(failed,)))
    found = await read(store)
    assert found.reason == TOO_LATE
    assert found.transactions == (failed,)


def test_a_reason_of_another_version_says_so():
    assert reason_of("too_late") is TOO_LATE
    assert reason_of("not_known_here").code == "not_known_here"
    assert "another version" in reason_of("not_known_here").message


async def test_a_duty_has_one_row_whatever_became_of_its_first_hash(store, url):
    pending = sent(SentPhase.SUBMIT2, status=SentStatus.PENDING, tx_hash=b"\x0a" * 32, fee_wei=None)
    await written(store, committed(transactions=(pending,)))
    mined = sent(SentPhase.SUBMIT2, tx_hash=b"\x0b" * 32, attempts=2)
    await written(store, committed(transactions=(mined,)))
    assert (await read(store)).transactions == (mined,)
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tx_hash, attempts FROM ftso_submissions").fetchall()
    assert rows == [("0x" + "0b" * 32, 2)]


async def test_values_that_do_not_lead_to_the_recorded_root_give_no_result(store, url):
    await written(store, finished())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE ftso_submission_values SET median = median + 1 WHERE median IS NOT NULL")
    found = await read(store)
    assert found.result is None
    assert len(found.feeds) == 4


async def test_a_round_that_cannot_be_stored_does_not_hold_up_the_others(store):
    before = ROUNDS_DROPPED._value.get()
    endless = sent(SentPhase.SUBMIT1, block_number=2**70)
    await written(store, committed(transactions=(endless,)), finished(VotingRound(ROUND.id + 1, TIMING)))
    assert ROUNDS_DROPPED._value.get() == before + 1
    assert await read(store) is None
    assert await read(store, ROUND.id + 1) is not None


async def test_rounds_wait_in_memory_while_postgres_is_away_the_oldest_dropped_beyond_a_bound(bare_folder, monkeypatch):
    monkeypatch.setattr("chrono.store.submissions.MOST_WAITING", 10)
    before = ROUNDS_DROPPED._value.get()
    with postgres_server() as postgres:
        settings = StoreSettings(database_url=Secret(postgres.migrated()))
        async with open_store(bare_folder, store=settings) as store:
            postgres.stop()
            for number in range(15):
                store.submissions.write_later(finished(VotingRound(ROUND.id + number, TIMING)))
            assert ROUNDS_DROPPED._value.get() == before + 5
            await asyncio.to_thread(postgres.start)
            await until_written(store)
            page = await store.submissions.rounds("coston2", TIMING, 100)
            assert [one.report.id for one in page] == [ROUND.id + number for number in range(14, 4, -1)]


async def test_what_is_queued_at_the_end_is_still_written(url, bare_folder):
    settings = StoreSettings(database_url=Secret(url))
    async with open_store(bare_folder, store=settings) as store:
        store.submissions.write_later(finished())
    async with open_store(bare_folder, store=settings) as store:
        assert await read(store) is not None


async def test_rounds_beyond_the_retention_go_with_all_that_hangs_on_them(store, url):
    clock = ManualClock(ROUND.epoch.start_s * SECOND_NS)
    submissions = Submissions(store.database, clock, retention_days=10)
    submissions.write_later(finished())
    await submissions.flush()
    clock.advance(11 * DAY_NS)
    newer = VotingRound(ROUND.id + 960 * 11, TIMING)
    submissions.write_later(finished(newer))
    task = asyncio.ensure_future(submissions.run())
    try:
        async with asyncio.timeout(60):
            while await submissions.round("coston2", ROUND.id, TIMING) is not None:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    assert await submissions.round("coston2", newer.id, TIMING) is not None
    with psycopg.connect(url) as connection:
        for table in ("ftso_submissions", "ftso_submission_values"):
            rows = connection.execute(f"SELECT DISTINCT round FROM {table}").fetchall()
            assert rows == [(newer.id,)], table


@pytest.mark.parametrize("network", ["flare", "local"])
async def test_networks_do_not_mix(store, network):
    await written(store, finished(), finished(network=network, phase="over"))
    assert (await read(store)).phase == "finalized"
