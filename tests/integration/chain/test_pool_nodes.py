"""A pool of real HTTP nodes on loopback: who is asked, who is believed, how fast the next one takes over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.ports import NodePort
from chrono.chain.standing import NodeState, PoolRules
from chrono.chain.verdicts import Verdict
from chrono.clock import SystemClock
from chrono.errors import NO_HEALTHY_NODE, NODE_REFUSED, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.flare.address import Address
from chrono.flare.signatures import address_of, sign
from chrono.flare.transaction import SignedTransaction
from chrono.flare.units import GWEI
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.evm_chain import SUBMISSION, FakeChain, Refusal, transfer_of
from tests.fakes.rpc import FakeNode, serving

KEY = keccak256(b"a key for a pool")
ME = address_of(KEY)
RULES = PoolRules(stale_s=None)


class House:
    """A chain, three nodes on it, and the pool."""

    def __init__(self, chain: FakeChain, fakes: Sequence[FakeNode], pool: Pool) -> None:
        self.chain = chain
        self.fakes = fakes
        self.pool = pool

    def states(self) -> list[NodeState]:
        return [self.pool.standings.state(f"n{place}") for place in range(len(self.fakes))]


@asynccontextmanager
async def three_nodes(count: int = 3, deadline_s: float = 2.0) -> AsyncIterator[House]:
    chain = FakeChain()
    chain.fund(ME, 10**18)
    for second in range(40):
        chain.mine(1_700_000_001 + second)
    fakes = [FakeNode(chain) for _ in range(count)]
    async with AsyncExitStack() as stack:
        nodes: list[NodePort] = []
        for place, fake in enumerate(fakes):
            url = await stack.enter_async_context(serving(fake))
            node = Node(f"n{place}", Secret(url), chain.chain_id, SystemClock(), deadline_s=deadline_s)
            stack.push_async_callback(node.close)
            nodes.append(node)
        pool = Pool(nodes, SystemClock(), RULES)
        await pool.poll()
        yield House(chain, fakes, pool)


def transaction(nonce: int = 0, max_fee_wei: int = 100 * GWEI) -> SignedTransaction:
    made = transfer_of(nonce, max_fee_wei=max_fee_wei)
    return made.signed(sign(made.signing_hash(), KEY))


async def test_a_hanging_node_is_passed_over_for_the_next() -> None:
    async with three_nodes() as house:
        house.fakes[0].wire = "hang"
        async with asyncio.timeout(60):
            assert await house.pool.ask(lambda node: node.nonce(ME)) == 0
        # While it hung, the second was asked; it never had to time out for that.
        assert "eth_getTransactionCount" in house.fakes[1].asked


async def test_a_dead_node_leaves_the_pool_and_comes_back() -> None:
    async with three_nodes() as house:
        house.fakes[1].wire = "reset"
        await house.pool.poll()
        assert house.states() == [NodeState.ALIVE, NodeState.UNREACHABLE, NodeState.ALIVE]
        house.fakes[1].wire = ""
        await house.pool.poll()
        assert house.states() == [NodeState.ALIVE] * 3


async def test_nodes_on_another_chain_are_never_sent_to_nor_asked() -> None:
    async with three_nodes() as house:
        house.fakes[2].chain_id, house.fakes[2].wire = 14, "reset"
        await house.pool.poll()
        house.fakes[2].wire = ""
        await house.pool.poll()
        house.fakes[2].asked.clear()
        assert house.states()[2] is NodeState.WRONG_CHAIN
        verdicts = await house.pool.broadcast(transaction().raw)
        assert set(verdicts) == {"n0", "n1"}
        assert await house.pool.nonce(ME) == 0
        assert house.fakes[2].asked == []


async def test_a_node_behind_by_six_blocks_is_not_asked_first() -> None:
    async with three_nodes() as house:
        house.fakes[0].lag = 6
        await house.pool.poll()
        assert house.states() == [NodeState.OUT_OF_SYNC, NodeState.ALIVE, NodeState.ALIVE]
        house.fakes[0].asked.clear()
        await house.pool.ask(lambda node: node.balance(ME))
        assert house.fakes[0].asked == []


@pytest.mark.parametrize("liar", range(3))
async def test_a_lying_node_moves_no_nonce_no_head_and_no_receipt(liar: int) -> None:
    async with three_nodes() as house:
        signed = transaction()
        house.fakes[liar].lies = True
        assert await house.pool.nonce(ME) == 0
        assert (await house.pool.fate(signed.hash)).receipt is None
        await house.pool.poll()
        assert house.states()[liar] is NodeState.GARBLED
        await house.pool.broadcast(signed.raw)
        house.chain.mine(1_700_000_100)
        assert await house.pool.nonce(ME) == 1
        receipt = (await house.pool.fate(signed.hash)).receipt
        assert receipt == house.chain.receipt(signed.hash)
        await house.pool.poll()
        assert house.pool.head == house.chain.head


async def test_a_receipt_that_one_of_two_nodes_knows_is_not_believed_yet() -> None:
    async with three_nodes(2) as house:
        house.fakes[0].lag = 1
        await house.pool.broadcast(transaction().raw)
        house.chain.mine(1_700_000_100)
        assert (await house.pool.fate(transaction().hash)).receipt is None
        house.fakes[0].lag = 0
        assert (await house.pool.fate(transaction().hash)).receipt is not None


async def test_a_single_node_is_believed_alone() -> None:
    async with three_nodes(1) as house:
        await house.pool.broadcast(transaction().raw)
        house.chain.mine(1_700_000_100)
        assert (await house.pool.fate(transaction().hash)).receipt is not None
        assert await house.pool.nonce(ME) == 1


async def test_with_two_of_three_dead_nothing_is_confirmed_and_everything_is_still_sent() -> None:
    async with three_nodes() as house:
        house.fakes[0].wire = house.fakes[1].wire = "reset"
        verdicts = await house.pool.broadcast(transaction().raw)
        assert [verdicts[name] for name in ("n0", "n1", "n2")] == [Verdict.UNSURE, Verdict.UNSURE, Verdict.TAKEN]
        with pytest.raises(ChronoError) as caught:
            await house.pool.nonce(ME)
        assert caught.value.reason is NOT_CONFIRMED


async def test_with_all_dead_the_reason_names_each_node() -> None:
    async with three_nodes() as house:
        for fake in house.fakes:
            fake.wire = "reset"
        with pytest.raises(ChronoError) as caught:
            await house.pool.ask(lambda node: node.head())
        assert caught.value.reason is NO_HEALTHY_NODE
        assert set(caught.value.facts) == {"n0", "n1", "n2"}


async def test_a_question_that_all_refuse_is_the_questions_fault_and_no_nodes() -> None:
    def refuse(_: bytes) -> bytes:
        raise Refusal("execution reverted: Delayed sign policy", 3)

    async with three_nodes() as house:
        house.chain.contracts[SUBMISSION] = refuse
        with pytest.raises(ChronoError) as caught:
            await house.pool.ask(lambda node: node.call(SUBMISSION, b""))
        assert caught.value.reason is NODE_REFUSED
        assert "Delayed sign policy" in str(caught.value)
        assert house.states() == [NodeState.ALIVE] * 3


async def test_two_nodes_that_contradict_each_other_are_not_averaged() -> None:
    async with three_nodes(2) as house:
        house.chain.contracts[SUBMISSION] = lambda _: b"yes"
        house.fakes[1].lies = True
        with pytest.raises(ChronoError) as caught:
            await house.pool.agreed(lambda node: node.call(Address(SUBMISSION), b""))
        assert caught.value.reason is NODES_DISAGREE


async def test_a_broadcast_reaches_every_node_and_waits_for_none_that_hangs() -> None:
    async with three_nodes() as house:
        house.fakes[2].wire = "hang"
        verdicts = await house.pool.broadcast(transaction().raw)
        assert verdicts["n2"] is Verdict.UNSURE
        assert Verdict.TAKEN in verdicts.values()
        assert "eth_sendRawTransaction" in house.fakes[2].asked


async def test_the_watch_of_a_hanging_node_holds_up_no_other() -> None:
    async with three_nodes() as house:
        house.fakes[0].wire = "hang"
        house.chain.mine(1_700_000_100)
        watching = asyncio.create_task(house.pool.run())
        async with asyncio.timeout(60):
            while house.pool.standings.head_of("n1") != house.chain.head:
                await asyncio.sleep(0.01)
            while house.states()[0] is not NodeState.UNREACHABLE:
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert house.states()[1:] == [NodeState.ALIVE] * 2
