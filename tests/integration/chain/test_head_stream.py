"""Heads over a real WebSocket on loopback: sooner than polling, and polling takes over whatever becomes of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
from prometheus_client import REGISTRY

from chrono.chain.head_line import HeadRules
from chrono.chain.heads import HeadStream
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.standing import NodeState, PoolRules
from chrono.clock import MS_NS, SECOND_NS, SystemClock
from chrono.settings import Secret
from tests.fakes.evm_chain import FakeChain
from tests.fakes.head_node import HeadNode, wait_open
from tests.fakes.rpc import FakeNode, serving
from tests.fakes.venue_server import until

START_S = 1_700_000_000
NEVER_S = 3600.0
HASTY = HeadRules(first_wait_s=0.05, longest_wait_s=0.1, beat_s=0.05)


class House:
    """A chain, a node's two doors, the pool and the stream that feeds it."""

    def __init__(self, door: HeadNode, http: FakeNode, pool: Pool) -> None:
        self.door = door
        self.http = http
        self.pool = pool
        self.time_s = START_S

    async def mine(self) -> int:
        self.time_s += 1
        return (await self.door.mine(self.time_s)).number

    @property
    def number(self) -> int:
        return -1 if self.pool.head is None else self.pool.head.number

    def losses(self, reason: str) -> float:
        told = {"node": "n0", "reason": reason}
        return REGISTRY.get_sample_value("chrono_rpc_socket_losses_total", told) or 0.0

    @property
    def live(self) -> bool:
        return REGISTRY.get_sample_value("chrono_rpc_socket_live", {"node": "n0"}) == 1.0


@asynccontextmanager
async def a_house(rules: PoolRules | None = None, heads: HeadRules | None = None) -> AsyncIterator[House]:
    """Polling as in a running house unless `rules` say otherwise."""
    chain = FakeChain()
    door, http = HeadNode(chain), FakeNode(chain)
    await door.start()
    async with serving(http) as url:
        node = Node("n0", Secret(url), chain.chain_id, SystemClock())
        pool = Pool([node], SystemClock(), rules or PoolRules(stale_s=None, future_s=1e9))
        stream = HeadStream("n0", door.url, chain.chain_id, pool, SystemClock(), rules=heads)
        running = [asyncio.create_task(pool.run()), asyncio.create_task(stream.run())]
        try:
            yield House(door, http, pool)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await node.close()
            await door.stop()


async def heard_without_a_poll(house: House) -> None:
    """Until a block came while nothing was asked: polls go on beside, so one block alone would prove nothing."""
    for _ in range(100):
        asked, number = len(house.http.asked), await house.mine()
        await until(lambda wanted=number: house.number == wanted)  # type: ignore[misc]
        if len(house.http.asked) == asked:
            return
    pytest.fail("no block came by the socket alone")


def slow_polls() -> PoolRules:
    """Polls so rare that only the socket can have told."""
    return PoolRules(stale_s=None, future_s=1e9, poll_s=NEVER_S, pushed_poll_s=NEVER_S)


async def test_a_block_is_known_without_any_poll() -> None:
    async with a_house(slow_polls()) as house:
        await wait_open(house.door)
        await until(lambda: house.live)
        asked = len(house.http.asked)
        for _ in range(20):
            number = await house.mine()
            await until(lambda wanted=number: house.number == wanted)  # type: ignore[misc]
        assert len(house.http.asked) == asked


async def test_a_live_socket_lets_polling_rest() -> None:
    async with a_house(PoolRules(stale_s=None, poll_s=0.02, pushed_poll_s=NEVER_S)) as house:
        await until(lambda: house.live)
        await until(lambda: len(house.http.asked) > 1)
        asked = len(house.http.asked)
        for _ in range(5):
            await house.mine()
            await until(lambda: house.number == house.http.chain.head.number)
        assert len(house.http.asked) <= asked + 1
        house.door.cut()
        await until(lambda: len(house.http.asked) > asked + 5)


def test_the_rules_give_a_dead_socket_five_seconds() -> None:
    rules = HeadRules()
    assert max(rules.silent_ns, rules.behind_ns) / SECOND_NS + rules.beat_s < 5


@pytest.mark.parametrize("fault", ["cut", "gone", "deaf", "mute", "foreign"])
async def test_a_dead_or_silent_socket_is_noticed_in_five_seconds_and_comes_back(fault: str) -> None:
    async with a_house() as house:
        await until(lambda: house.live)
        await house.mine()
        await until(lambda: house.number == 1)
        if fault == "cut":
            house.door.cut()
        elif fault == "gone":
            await house.door.stop()
        elif fault == "deaf":
            house.door.stop_reading()
        else:
            setattr(house.door, fault, True)
        number = house.http.chain.mine(START_S + 2).number if fault in ("gone", "deaf") else await house.mine()
        await until(lambda: not house.live, 5)
        await until(lambda: house.number == number, 0.6)
        assert house.pool.standings.state("n0") is NodeState.ALIVE
        house.door.mute = house.door.foreign = house.door.deaf = False
        if fault == "gone":
            await house.door.start()
        house.door.cut()
        await until(lambda: house.door.subscribed and house.live)
        house.time_s += 10
        await heard_without_a_poll(house)


@pytest.mark.parametrize(
    ("said", "times"),
    [
        (b"\x00\xff\xfe{{{", 1),
        ("<html>Welcome</html>", 1),
        ('{"method":"eth_subscription","params":{"subscription":"SUB","result":{"number":"0xNaN"}}}', 1),
        ('{"method":"eth_subscription","params":{"subscription":"SUB","result":null}}', 1),
        ('{"method":' * 50_000, 1),
        ("x" * 300_000, 1),
        ("x" * 5_000_000, 1),
        ('{"id":77,"result":"0x0"}', 5_000),
    ],
    ids=["binary", "html", "nan", "null", "deep", "long", "huge", "flood"],
)
async def test_garbage_and_floods_end_the_socket_and_nothing_else(said: str | bytes, times: int) -> None:
    async with a_house(heads=HASTY) as house:
        await until(lambda: house.live)
        before = house.losses("node_garbled") + house.losses("node_unreachable")
        subscription = next(each for each in house.door.sockets.values() if each is not None)
        data = said.replace("SUB", subscription) if isinstance(said, str) else said
        await house.door.say(data, times)
        await until(lambda: house.losses("node_garbled") + house.losses("node_unreachable") > before)
        assert house.pool.standings.state("n0") is NodeState.ALIVE
        await until(lambda: house.live)  # and it comes back by itself


async def test_a_socket_of_another_chain_is_never_heard() -> None:
    async with a_house(heads=HASTY) as house:
        await until(lambda: house.live)
        house.door.chain_id = 14
        before = house.losses("node_wrong_chain")
        house.door.cut()
        await until(lambda: house.losses("node_wrong_chain") > before + 2)
        assert not house.door.subscribed
        assert house.pool.standings.state("n0") is NodeState.ALIVE


async def test_a_node_without_subscriptions_is_polled() -> None:
    async with a_house(heads=HASTY) as house:
        house.door.refuses = True
        house.door.cut()
        before = house.losses("node_refused")
        await until(lambda: house.losses("node_refused") > before)
        number = await house.mine()
        await until(lambda: house.number == number)
        assert not house.live


async def test_a_subscription_that_is_never_answered_is_asked_for_again() -> None:
    """As behind a proxy that lost it: pings are answered, and no block would ever be told."""
    quick = HeadRules(silent_ns=300 * MS_NS, ping_ns=50 * MS_NS, beat_s=0.02, first_wait_s=0.05, longest_wait_s=0.1)
    async with a_house(heads=quick) as house:
        await until(lambda: house.live)
        house.door.forgets = True
        house.door.cut()
        await until(lambda: not house.live)
        before = house.losses("node_silent")
        await until(lambda: house.losses("node_silent") > before)
        house.door.forgets = False
        await until(lambda: house.live)


async def test_a_quiet_chain_is_no_reason_to_leave_the_socket() -> None:
    async with a_house(heads=HeadRules(silent_ns=400 * MS_NS, ping_ns=50 * MS_NS, beat_s=0.02)) as house:
        await until(lambda: house.live)
        handshakes, began = house.door.handshakes, time.monotonic()
        await until(lambda: time.monotonic() - began > 1.5)
        assert house.live
        assert house.door.handshakes == handshakes


async def test_a_dead_socket_is_noticed_on_a_quiet_chain_as_well() -> None:
    async with a_house(heads=HeadRules(silent_ns=400 * MS_NS, ping_ns=50 * MS_NS, beat_s=0.02)) as house:
        await until(lambda: house.live)
        house.door.stop_reading()
        await until(lambda: not house.live, 3)


async def test_the_loss_is_told_once_and_the_address_never() -> None:
    with structlog.testing.capture_logs() as told:
        async with a_house(heads=HASTY) as house:
            await until(lambda: house.live)
            await house.door.stop()
            before = house.losses("node_unreachable")
            await until(lambda: house.losses("node_unreachable") > before + 5)
            await house.door.start()
            await until(lambda: house.live)
            attempts = house.losses("node_unreachable") - before
    # On a machine that is busy a beat may be missed besides: also that loss is told once, before its end.
    events = [each["event"] for each in told if each["event"].startswith("head_socket_")]
    assert events == ["head_socket_lost", "head_socket_back"] * (len(events) // 2)
    assert 0 < len(events) // 2 < attempts
    assert "hidden" not in str(told)
