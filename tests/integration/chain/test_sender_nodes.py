"""A whole lane over HTTP: three nodes of which each lies, lags or dies, and every intent ends as it should."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from chrono.chain.balances import Balances
from chrono.chain.fees import HourlyBudget
from chrono.chain.intents import Ending, Intent, LaneRules
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.ports import Attempt, NodePort
from chrono.chain.sender import Sender
from chrono.chain.standing import PoolRules
from chrono.clock import MS_NS, SystemClock
from chrono.errors import NOT_SENT, SIGNER_REFUSED, ChronoError
from chrono.flare.address import Address
from chrono.flare.transaction import SignedTransaction, Transaction
from chrono.flare.units import COIN_WEI
from chrono.settings import Secret
from tests.fakes.chain_lanes import ME, intent_of, signed_by_me
from tests.fakes.evm_chain import FakeChain
from tests.fakes.rpc import FakeNode, serving

FAST = LaneRules(look_ns=250 * MS_NS, resend_ns=600 * MS_NS, bump_ns=1500 * MS_NS, outbid_ns=50 * MS_NS)


class Memory:
    """An attempt log that forgets with the process."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    async def keep(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def kept(self, account: Address, chain_id: int) -> Sequence[Attempt]:
        return [each for each in self.attempts if each.account == account]

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        return max((each.nonce + 1 for each in self.kept(account, chain_id)), default=None)


class Key:
    """A signer, and whether its policy lets anything pass."""

    def __init__(self) -> None:
        self.address = Address(ME)
        self.refuses = False

    def sign(self, transaction: Transaction) -> SignedTransaction:
        if self.refuses:
            raise ChronoError(SIGNER_REFUSED, why="a test")
        return signed_by_me(transaction)


class House:
    def __init__(self, chain: FakeChain, fakes: Sequence[FakeNode], pool: Pool) -> None:
        self.chain, self.fakes, self.pool = chain, fakes, pool
        self.memory, self.key = Memory(), Key()
        self.clock = SystemClock()

    def sender(self) -> Sender:
        return Sender(
            "submit",
            31_337,
            pool=self.pool,
            signer=self.key,
            attempts=self.memory,
            clock=self.clock,
            budget=HourlyBudget(1000 * COIN_WEI),
            rules=FAST,
        )

    def intent(self, name: str, *, expires_s: float = 60) -> Intent:
        return intent_of(name, now_s=self.clock.now_ns() / 1e9, owed=True, expires_s=expires_s)

    async def bring(self, name: str, sender: Sender, *, expires_s: float = 60) -> Ending:
        async with asyncio.timeout(60):
            return await sender.submit(self.intent(name, expires_s=expires_s))


@asynccontextmanager
async def house(count: int = 3) -> AsyncIterator[House]:
    chain = FakeChain()
    chain.fund(ME, 1000 * COIN_WEI)
    fakes = [FakeNode(chain) for _ in range(count)]
    async with AsyncExitStack() as stack:
        nodes: list[NodePort] = []
        for place, fake in enumerate(fakes):
            url = await stack.enter_async_context(serving(fake))
            node = Node(f"n{place}", Secret(url), chain.chain_id, SystemClock())
            stack.push_async_callback(node.close)
            nodes.append(node)
        pool = Pool(nodes, SystemClock(), PoolRules(stale_s=None, poll_s=0.5))
        made = House(chain, fakes, pool)
        await stack.enter_async_context(running(pool.run, lambda: mining(chain)))
        yield made


async def mining(chain: FakeChain) -> None:
    while True:
        await asyncio.sleep(0.3)
        chain.mine(chain.head.time_s + 1)


@asynccontextmanager
async def running(*parts: Callable[[], object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(part()) for part in parts]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


FAULTS = {
    "lies": {"lies": True},
    "lags": {"lag": 8},
    "dies": {"wire": "reset"},
    "hangs": {"wire": "hang"},
    "swallows": {"swallows": True},
}


@pytest.mark.parametrize(("fault", "place"), [("lies", 0), ("lags", 1), ("dies", 2), ("hangs", 0), ("swallows", 1)])
async def test_one_faulty_node_of_three_keeps_nothing_from_a_block(place: int, fault: str) -> None:
    async with house() as home:
        sender = home.sender()
        async with running(sender.run):
            for name, value in FAULTS[fault].items():
                setattr(home.fakes[place], name, value)
            endings = [await home.bring(f"reveal {n}", sender) for n in range(2)]
    assert [ending.reason for ending in endings] == [None, None]
    assert sender.taken == 0
    assert all(home.chain.receipt(ending.receipt.hash) == ending.receipt for ending in endings if ending.receipt)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_liar_a_laggard_and_a_dead_one_after_each_other_lose_no_intent(order: tuple[int, int, int]) -> None:
    async with house() as home:
        sender = home.sender()
        async with running(sender.run):
            for place, fault in zip(order, ("lies", "lags", "dies"), strict=True):
                before = vars(home.fakes[place]).copy()
                for name, value in FAULTS[fault].items():
                    setattr(home.fakes[place], name, value)
                assert (await home.bring(f"reveal {fault}", sender)).reason is None
                vars(home.fakes[place]).update(before)
    assert len(home.chain.mined_of(ME)) == 3


async def test_all_nodes_dead_until_shortly_before_the_deadline_lose_nothing() -> None:
    async with house() as home:
        sender = home.sender()
        for fake in home.fakes:
            fake.wire = "reset"
        async with running(sender.run):
            waiting = asyncio.ensure_future(home.bring("reveal", sender))
            await asyncio.sleep(1)
            assert not waiting.done()
            for fake in home.fakes:
                fake.wire = ""
            assert (await waiting).reason is None


async def test_all_nodes_dead_to_the_end_are_told_as_the_reason() -> None:
    async with house() as home:
        sender = home.sender()
        for fake in home.fakes:
            fake.wire = "reset"
        async with running(sender.run):
            ending = await home.bring("reveal", sender, expires_s=0.5)
    assert ending.reason is NOT_SENT
    assert not ending.left


async def test_acceptance_followed_by_a_reset_on_every_node_is_one_transaction() -> None:
    async with house() as home:
        for fake in home.fakes:
            fake.resets_after_accept = True
        sender = home.sender()
        async with running(sender.run):
            assert (await home.bring("reveal", sender)).reason is None
    assert len(home.chain.mined_of(ME)) == 1


async def test_a_new_process_finds_what_the_old_one_sent() -> None:
    async with house() as home:
        old = home.sender()
        async with running(old.run):
            waiting = asyncio.ensure_future(home.bring("reveal", old))
            async with asyncio.timeout(60):
                while not home.memory.attempts:
                    await asyncio.sleep(0.005)
        waiting.cancel()
        new = home.sender()
        async with running(new.run):
            kept = home.memory.attempts[0]
            assert (await home.bring(kept.intent_id, new)).reason is None
    assert len({each.nonce for each in home.memory.attempts}) == 1
    assert len(home.chain.mined_of(ME)) == 1


async def test_what_the_policy_refuses_ends_with_that_reason() -> None:
    async with house(1) as home:
        home.key.refuses = True
        sender = home.sender()
        async with running(sender.run):
            assert (await home.bring("reveal", sender)).reason is SIGNER_REFUSED


async def test_balances_are_those_on_which_most_nodes_agree() -> None:
    async with house() as home:
        home.fakes[0].lies = True
        balances = Balances({"submit": Address(ME)}, {"submit": COIN_WEI}, home.pool, home.clock)
        seen = await balances.look("submit")
        assert seen is not None
        assert (seen.balance_wei, seen.low) == (1000 * COIN_WEI, False)
        home.chain.fund(ME, COIN_WEI // 2)
        low = await balances.look("submit")
        assert low is not None
        assert low.critical
        for fake in home.fakes[1:]:
            fake.wire = "reset"
        assert await balances.look("submit") is None
