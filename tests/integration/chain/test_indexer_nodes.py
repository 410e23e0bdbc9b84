"""History read from real nodes on loopback: exactly what a vote needs, whatever nodes refuse, hide or forget."""

import asyncio
from collections.abc import Callable

import pytest

from chrono.chain.indexer import HEARD, IndexRules
from chrono.chain.ledger import KEPT_ROUNDS
from chrono.chain.log_reader import AT_ONCE, LogReader
from chrono.clock import SECOND_NS
from chrono.errors import HISTORY_CUT, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from tests.fakes.chain_lanes import ME
from tests.fakes.indexed_chain import CONTRACTS, EPOCH_S, OTHER, T0_S, TOPICS, House, house
from tests.fakes.rpc import FakeNode


async def test_at_the_start_exactly_what_a_vote_needs_is_read() -> None:
    async with house() as home:
        indexer = home.indexer()
        assert not indexer.ready
        await home.read(indexer)
        assert indexer.ready
        home.check(indexer)


async def test_following_the_head_keeps_the_ledger_whole_and_bounded() -> None:
    async with house() as home:
        indexer = home.indexer()
        sizes = []
        for _ in range(6):
            await home.read(indexer)
            home.check(indexer)
            sizes.append(len(indexer.ledger.transactions))
            home.mine(17)
        assert max(sizes) <= KEPT_ROUNDS * EPOCH_S


@pytest.mark.parametrize("most_blocks", [1, 30, 77, 1000])
async def test_caps_on_blocks_of_a_log_query_are_found_out(most_blocks: int) -> None:
    async with house() as home:
        for fake in home.fakes:
            fake.most_log_blocks = most_blocks
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)


@pytest.mark.parametrize("behind", [1, 3])
async def test_a_node_that_has_not_come_so_far_is_waited_for_and_not_taken_for_one_with_a_cap(behind: int) -> None:
    """Behind one address there may be several nodes: one tells the head, and another is asked for its logs."""
    async with house(blocks=1) as home:
        home.mine(1999, silent=True)
        for fake in home.fakes:
            fake.refuses_beyond = True
        await home.pool.poll()
        home.fakes[1].lag = behind
        reader, asked = LogReader(home.pool, 1000), (CONTRACTS.addresses(HEARD), tuple(TOPICS.values()))
        with pytest.raises(ChronoError) as caught:
            await reader.read(1995, 2000, *asked)
        assert caught.value.reason is NOT_CONFIRMED
        home.fakes[1].lag = 0
        home.fakes[0].log_queries.clear()
        first = 0
        while first <= 2000:  # as history is read
            last = min(first + reader.batch - 1, 2000)
            await reader.read(first, last, *asked)
            first = last + 1
        assert len(home.fakes[0].log_queries) <= 30


async def test_caps_that_differ_between_the_nodes_are_found_out() -> None:
    async with house() as home:
        home.fakes[1].most_log_blocks = 30
        indexer = home.indexer()
        home.clock.sleep = _no_sleep  # type: ignore[method-assign]
        await home.read(indexer)
        home.check(indexer)


@pytest.mark.parametrize("most_blocks", [30, 77, 300])
@pytest.mark.parametrize("at_once", [1, AT_ONCE])
async def test_a_cap_is_searched_for_once_and_kept_to(
    most_blocks: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the questions would be refused if the piece that was refused were tried again and again."""
    monkeypatch.setattr("chrono.chain.log_reader.AT_ONCE", at_once)
    async with house(blocks=1) as home:
        home.mine(4999, silent=True)
        await home.pool.poll()
        for fake in home.fakes:
            fake.most_log_blocks = most_blocks
        reader = LogReader(home.pool, 1000)
        found = await reader.read(0, 5000, CONTRACTS.addresses(HEARD), tuple(TOPICS.values()))
        asked = home.fakes[0].log_queries
        assert len(found) == sum(len(block.logs) for block in home.chain.blocks) - others(home)
        refused = [last - first + 1 for first, last in asked if last - first >= most_blocks]
        # Ten steps lead from 1,000 to any number; at each, all pieces that are under way (of five) may be refused.
        assert len(refused) <= 10 * min(at_once, 5)
        asked.clear()
        assert await reader.read(0, 5000, CONTRACTS.addresses(HEARD), tuple(TOPICS.values())) == found
        if at_once == 1:  # else the order of the answers decides how far the first read came with its search
            assert not [last - first + 1 for first, last in asked if last - first >= most_blocks]


def others(home: House) -> int:
    """Logs of a contract that nobody asked for."""
    return sum(log.address == OTHER for block in home.chain.blocks for log in block.logs)


async def test_caps_on_the_number_of_logs_are_found_out() -> None:
    async with house() as home:
        for fake in home.fakes:
            fake.most_logs = 3
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)


async def test_a_node_whose_log_query_takes_no_block_at_all_is_told() -> None:
    async with house() as home:
        for fake in home.fakes:
            fake.most_log_blocks = 0
        with pytest.raises(ChronoError) as caught:
            await home.read(home.indexer())
        assert caught.value.reason is HISTORY_CUT


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def test_busy_nodes_are_asked_again_from_where_they_stopped() -> None:
    async with house() as home:
        indexer = home.indexer()
        await home.pool.poll()
        home.clock.sleep = _no_sleep  # type: ignore[method-assign]
        for _ in range(30):
            for fake in home.fakes:
                fake.busy = 3
            try:
                await indexer.catch_up()
            except ChronoError:
                await home.pool.poll()
                await home.pool.poll()
            if indexer.ready:
                break
            for fake in home.fakes:
                fake.busy = 0
            await home.pool.poll()
        await home.read(indexer)
        home.check(indexer)


@pytest.mark.parametrize("most", [3, 5])
async def test_nodes_that_bear_few_questions_at_once_are_read_all_the_same(most: int) -> None:
    async with house(blocks=200) as home:
        for fake in home.fakes:
            fake.most_at_once, fake.latency_s = most, 0.002
        indexer = home.indexer(IndexRules(log_blocks=10))
        failures = 0
        await home.pool.poll()
        while not indexer.ready:
            try:
                await indexer.catch_up()
            except ChronoError:
                failures += 1
                assert failures < 60
                await home.pool.poll()
        home.check(indexer)


@pytest.mark.parametrize("after", [5, 60, 95])
async def test_a_backfill_that_breaks_off_goes_on_where_it_was(after: int) -> None:
    async with house() as home:
        indexer = home.indexer(IndexRules(log_blocks=40))
        await home.pool.poll()
        home.fakes[0].answer = _dies_after(home.fakes[0], after)  # type: ignore[method-assign]
        with pytest.raises(ChronoError):
            await indexer.catch_up()
        read = len(home.fakes[1].asked)
        del home.fakes[0].answer
        home.fakes[0].wire = ""
        await home.read(indexer)
        home.check(indexer)
        assert read > 0


def _dies_after(fake: FakeNode, requests: int) -> Callable[..., object]:
    answer = type(fake).answer
    left = [requests]

    def limited(method: str, params: list[object]) -> object:
        left[0] -= 1
        if left[0] <= 0:
            fake.wire = "reset"
        return answer(fake, method, params)

    return limited


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_a_reorg_leaves_what_a_fresh_reader_would_find(depth: int) -> None:
    async with house() as home:
        indexer = home.indexer()
        await home.read(indexer)
        home.chain.reorg(depth, forget=True)
        home.nonce = home.chain.nonce(ME)
        home.mine(depth + 1)
        await home.read(indexer)
        home.check(indexer)
        fresh = home.indexer()
        await home.read(fresh)
        assert indexer.ledger.transactions == fresh.ledger.transactions
        assert [e for e in indexer.ledger.events if e in fresh.ledger.events] == list(fresh.ledger.events)


async def test_a_node_that_hides_a_transaction_of_two_stops_the_reading_and_of_three_does_not() -> None:
    async with house(nodes=2) as home:
        hidden = home.chain.mined_of(ME)[-2]
        home.fakes[1].hides = {hidden.hash}
        indexer = home.indexer()
        with pytest.raises(ChronoError) as caught:
            await home.read(indexer)
        assert caught.value.reason is NODES_DISAGREE
        assert not indexer.covers(T0_S)
    async with house(nodes=3) as home:
        home.fakes[0].hides = {signed.hash for signed in home.chain.mined_of(ME)[-20:]}
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_a_reorg_is_seen_though_the_chain_is_no_longer_than_before(depth: int) -> None:
    """Until the next block comes, a result would be made of transactions that are in no block any more."""
    async with house(nodes=3) as home:
        indexer = home.indexer()
        await home.read(indexer)
        home.chain.reorg(depth, forget=True)
        home.nonce = home.chain.nonce(ME)
        home.mine(depth, silent=True)
        home.fakes[2].stuck_at = home.chain.head.number - depth
        await home.read(indexer)
        home.check(indexer)
        assert indexer.forks == depth


@pytest.mark.parametrize("backdates_s", [10**6, 40, -40, -(10**6)])
async def test_a_node_that_dates_old_blocks_wrongly_shortens_nothing(backdates_s: int) -> None:
    """It is asked first, and its heads are right: only where history begins would be its word alone."""
    async with house(nodes=3) as home:
        home.fakes[0].backdates_s = backdates_s
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)
        assert indexer.ready


async def test_where_nodes_have_forgotten_old_blocks_no_more_is_said_to_be_read_than_is() -> None:
    async with house(nodes=3) as home:
        oldest = home.chain.head.number - 10
        for fake in home.fakes[:2]:
            fake.oldest = oldest
        indexer = home.indexer()
        await home.read(indexer)
        assert indexer.ledger.from_block == home.chain.blocks[oldest].head
        began_s = home.chain.blocks[oldest].head.time_s
        # Blocks of the same second as the oldest one may have been forgotten.
        assert indexer.reads_from(began_s + 1)
        assert not indexer.reads_from(began_s)


async def test_a_single_node_is_believed_about_where_history_begins() -> None:
    async with house(nodes=1) as home:
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)


async def test_a_lagging_node_of_two_holds_the_reading_back_and_breaks_nothing() -> None:
    async with house() as home:
        indexer = home.indexer()
        await home.read(indexer)
        home.fakes[1].lag = 3
        home.mine(4)
        await home.read(indexer)
        assert indexer.ledger.tip is not None
        assert indexer.ledger.tip.number == home.chain.head.number - 3
        home.fakes[1].lag = 0
        await home.read(indexer)
        home.check(indexer)


async def test_a_deadline_is_covered_by_a_block_at_it_or_by_a_head_that_two_nodes_see_at_rest() -> None:
    async with house() as home:
        indexer = home.indexer()
        await home.read(indexer)
        now_s = home.chain.head.time_s
        assert indexer.covers(now_s)
        assert not indexer.covers(now_s + 1)
        home.clock.advance(4 * SECOND_NS)
        await home.read(indexer)
        assert not indexer.covers(now_s + 1)
        home.clock.advance(2 * SECOND_NS)
        await home.read(indexer)
        assert indexer.covers(now_s + 1)
        assert not indexer.covers(now_s + 2)
        home.fakes[1].wire = "reset"
        home.clock.advance(60 * SECOND_NS)
        await home.read(indexer)
        assert not indexer.covers(now_s + 2)


async def test_blocks_whose_times_repeat_are_read_as_any_others() -> None:
    async with house(blocks=120) as home:
        for _ in range(5):
            home.chain.mine(home.chain.head.time_s)
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)
