"""History read from real nodes on loopback: exactly what a vote needs, whatever nodes refuse, hide or forget."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from chrono.chain.indexer import Indexer, IndexRules
from chrono.chain.ledger import KEPT_ROUNDS
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.errors import HISTORY_CUT, NODES_DISAGREE, ChronoError
from chrono.flare.abi import encode
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.events import ProtocolMessageRelayed, RewardEpochStarted
from chrono.flare.epochs import Timing
from chrono.flare.signatures import sign
from chrono.flare.units import COIN_WEI
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.chain_lanes import KEY, ME
from tests.fakes.evm_chain import SUBMISSION, FakeChain, transfer_of
from tests.fakes.rpc import FakeNode, serving

T0_S = 1_700_000_000
EPOCH_S = 4
TIMING = Timing(T0_S, 10, epoch_s=EPOCH_S, reveal_s=2)
RELAY = Address(keccak256(b"the relay")[12:])
MANAGER = Address(keccak256(b"the manager")[12:])
OTHER = Address(keccak256(b"another contract")[12:])
CONTRACTS = Contracts(
    {"Submission": SUBMISSION, "Relay": RELAY, "FlareSystemsManager": MANAGER},
    {"Submission": (SUBMISSION,), "Relay": (RELAY,), "FlareSystemsManager": (MANAGER,)},
)
TOPICS = {shape.name: shape.topic for shape in EVENTS}


class House:
    """A chain that mines a block a second, its nodes, and an indexer."""

    def __init__(self) -> None:
        self.chain = FakeChain(time_s=T0_S)
        self.chain.fund(ME, 10**6 * COIN_WEI)
        self.clock = ManualClock(T0_S * SECOND_NS)
        self.fakes: list[FakeNode] = []
        self.pool: Pool
        self.nonce = 0

    def mine(self, blocks: int, *, silent: bool = False) -> None:
        """Blocks of one second; each has a submission, a transaction to somebody else, and its round's events."""
        for _ in range(blocks):
            time_s = self.chain.head.time_s + 1
            if not silent:
                for to in (SUBMISSION, OTHER):
                    made = transfer_of(self.nonce, to, f"{time_s} {self.nonce}".encode())
                    self.chain.send(made.signed(sign(made.signing_hash(), KEY)).raw)
                    self.nonce += 1
            self._tell(time_s)
            self.chain.mine(time_s)
        self.clock.set(max(self.chain.head.time_s * SECOND_NS, self.clock.now_ns()))

    def _tell(self, time_s: int) -> None:
        round_id, into = divmod(time_s - T0_S, EPOCH_S)
        if into == 0:
            topics = (TOPICS["ProtocolMessageRelayed"], (100).to_bytes(32, "big"), round_id.to_bytes(32, "big"))
            self.chain.emit(RELAY, topics, encode(["bool", "bytes32"], [True, keccak256(b"root")]))
        if into == 0 and round_id % 10 == 0:
            topics2 = (TOPICS["RewardEpochStarted"], (round_id // 10).to_bytes(32, "big"))
            self.chain.emit(MANAGER, topics2, encode(["uint32", "uint64"], [round_id, time_s]))
            self.chain.emit(OTHER, topics2, encode(["uint32", "uint64"], [round_id, time_s]))

    def indexer(self, rules: IndexRules | None = None) -> Indexer:
        return Indexer(self.pool, CONTRACTS, TIMING, self.clock, rules)

    async def read(self, indexer: Indexer) -> None:
        await self.pool.poll()
        await indexer.catch_up()

    def check(self, indexer: Indexer) -> None:
        """The ledger has all that is needed, each once, linked, and nothing else."""
        ledger = indexer.ledger
        assert ledger.tip == self.chain.head
        needed_s = ledger.first_needed_s(self.chain.head.time_s)
        mined = [
            (block.head.number, signed.transaction.data)
            for block in self.chain.blocks
            for signed, _, _ in block.mined
            if block.head.time_s >= needed_s and signed.transaction.to == SUBMISSION
        ]
        assert [(each.block_number, each.calldata) for each in ledger.transactions] == mined
        assert all(each.sender == ME and each.to == SUBMISSION for each in ledger.transactions)
        event_s = ledger.first_event_s(self.chain.head.time_s)
        expected = {b.head.time_s for b in self.chain.blocks if any(x.address == MANAGER for x in b.logs)}
        told = [each for each in ledger.events if isinstance(each.event, RewardEpochStarted)]
        assert [each.block_time_s for each in told] == sorted(each for each in expected if each >= event_s)
        relayed = [each.block_time_s for each in ledger.events if isinstance(each.event, ProtocolMessageRelayed)]
        assert set(range(needed_s, self.chain.head.time_s + 1, EPOCH_S)) <= set(relayed)
        assert len(relayed) == len(set(relayed))


@asynccontextmanager
async def house(nodes: int = 2, blocks: int = 300) -> AsyncIterator[House]:
    made = House()
    made.mine(blocks)
    made.fakes = [FakeNode(made.chain) for _ in range(nodes)]
    async with AsyncExitStack() as stack:
        clients = []
        for number, fake in enumerate(made.fakes):
            url = await stack.enter_async_context(serving(fake))
            client = Node(f"n{number}", Secret(url), made.chain.chain_id, SystemClock(), deadline_s=10)
            stack.push_async_callback(client.close)
            clients.append(client)
        made.pool = Pool(clients, made.clock, PoolRules(stale_s=None))
        yield made


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


@pytest.mark.parametrize("most_blocks", [1, 30, 1000])
async def test_caps_on_blocks_of_a_log_query_are_found_out(most_blocks: int) -> None:
    async with house() as home:
        for fake in home.fakes:
            fake.most_log_blocks = most_blocks
        indexer = home.indexer()
        await home.read(indexer)
        home.check(indexer)


async def test_caps_that_differ_between_the_nodes_are_found_out() -> None:
    async with house() as home:
        home.fakes[1].most_log_blocks = 30
        indexer = home.indexer()
        home.clock.sleep = _no_sleep  # type: ignore[method-assign]
        await home.read(indexer)
        home.check(indexer)


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
