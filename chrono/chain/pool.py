"""Several nodes as one: asked in the order of their standing, believed where two agree, all told what we send.

A node that hangs costs half a second, not a phase: the next is asked while the first may still answer. Transactions go
to every node that may be on our chain, since one that lags or lies may be the one that passes it on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from msgspec import Struct

from chrono.chain.answers import Head, Receipt
from chrono.chain.ports import NodePort
from chrono.chain.standing import NodeState, PoolRules, Standings
from chrono.chain.verdicts import Verdict, verdict_of_error
from chrono.clock import SECOND_NS, Clock
from chrono.errors import (
    NO_HEALTHY_NODE,
    NODE_REFUSED,
    NODES_DISAGREE,
    NOT_CONFIRMED,
    ChronoError,
)
from chrono.flare.address import Address
from chrono.telemetry import RPC_INVARIANTS

HEDGE_S: Final = 0.5
"""After so long without an answer the next node is asked as well."""

GRACE_S: Final = 0.25
"""How long the others may still answer when enough have."""

RECHECK_NS: Final = 60 * SECOND_NS
"""How often a node is asked again which chain it serves."""

WITNESSES: Final = 2
"""So many nodes must say the same where it matters; with one node configured, that one."""

_WRONG_CHAIN_POLL_S: Final = 15.0
_Answer = TypeVar("_Answer")
Question = Callable[[NodePort], Awaitable[_Answer]]

log = structlog.get_logger()


class HeadListener(Protocol):
    """Who hears every head that a node names. Fits: chain.time.ChainClock.told."""

    def __call__(self, node: str, head: Head, *, pushed: bool = False) -> None:
        """Take note, at once. `pushed`: the node told it by itself, as it came."""
        ...


class Fate(Struct, frozen=True):
    """What became of a transaction: its receipt, or that it stands in no block, or (neither) nobody knows enough."""

    receipt: Receipt | None
    absent: bool


class Pool:
    """The nodes of one chain. `run` is a supervised part; everything else may be called from anywhere in its loop."""

    def __init__(
        self,
        nodes: Sequence[NodePort],
        clock: Clock,
        rules: PoolRules | None = None,
        on_head: HeadListener | None = None,
    ) -> None:
        if not nodes:
            raise ValueError("a pool needs a node")
        self._nodes = {node.name: node for node in nodes}
        if len(self._nodes) != len(nodes):
            raise ValueError("two nodes have the same name")
        self._clock = clock
        self._rules = rules or PoolRules()
        self._on_head = on_head
        self._pushing: set[str] = set()
        self.standings = Standings(self._nodes, self._rules)
        self._background: set[asyncio.Task[object]] = set()

    @property
    def head(self) -> Head | None:
        """The newest block that the pool stands for; None before any node told one."""
        return self.standings.head

    @property
    def witnesses(self) -> int:
        """How many nodes must agree."""
        return min(WITNESSES, len(self._nodes))

    async def run(self) -> None:
        """Ask every node for its head again and again, each in its own time, for ever."""
        async with asyncio.TaskGroup() as group:
            for node in self._nodes.values():
                group.create_task(self._watch(node))

    def pushed(self, name: str, head: Head) -> None:
        """A node told its newest block by itself. Raises: KeyError for an unknown node."""
        self._told(name, head, pushed=True)

    def pushes(self, name: str, *, alive: bool) -> None:
        """Whether a node tells its blocks by itself now: then it is asked less often. Raises: KeyError."""
        self._nodes[name]
        (self._pushing.add if alive else self._pushing.discard)(name)

    async def poll(self) -> None:
        """Ask every node for its head once."""
        await asyncio.gather(*(self._poll(node) for node in self._nodes.values()))

    async def ask(self, question: Question[_Answer]) -> _Answer:
        """The answer of the best node that has one.

        Raises: ChronoError(NODE_REFUSED) when the nodes refuse the question itself, else NO_HEALTHY_NODE.
        """
        waiting = [self._nodes[name] for name in self.standings.readers()]
        running: set[asyncio.Task[_Answer]] = set()
        failures: list[ChronoError] = []
        try:
            while waiting or running:
                if waiting:
                    running.add(asyncio.create_task(self._put(question, waiting.pop(0))))
                done, running = await asyncio.wait(
                    running, timeout=HEDGE_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                failures += [_expected(failure) for task in done if (failure := task.exception()) is not None]
                for task in done:
                    if task.exception() is None:
                        return task.result()
        finally:
            await _cancel(running)
        raise self._none_answered(failures)

    async def answers(self, question: Question[_Answer], enough: int, *, alike: bool = False) -> dict[str, _Answer]:
        """What the readable nodes answer, by name: at least `enough` of them where so many answer at all.

        `alike`: so many should say the same. Where the trusted do not, those in quarantine are asked too: one that
        lies agrees with nobody, and one that speaks the truth again may be the second that does.
        """
        names = self.standings.readers(enough)
        told = await self._answered(question, names, enough)
        said = list(told.values())
        if alike and not any(said.count(each) >= enough for each in said):
            others = [name for name in self.standings.readers(len(self._nodes)) if name not in names]
            told |= await self._answered(question, others, 1)
        return told

    async def _answered(self, question: Question[_Answer], names: Sequence[str], enough: int) -> dict[str, _Answer]:
        """What these nodes answer. Once `enough` did, the others have a moment more."""
        tasks = {name: asyncio.create_task(self._put(question, self._nodes[name])) for name in names}
        running: set[asyncio.Task[_Answer]] = set(tasks.values())
        found = 0
        try:
            while running:
                late = found >= enough
                done, running = await asyncio.wait(
                    running, timeout=GRACE_S if late else None, return_when=asyncio.FIRST_COMPLETED
                )
                if late and not done:
                    break
                found += sum(task.exception() is None for task in done)
        finally:
            await _cancel(running)
        ended = {name: task for name, task in tasks.items() if task.done() and not task.cancelled()}
        for task in ended.values():
            if (failure := task.exception()) is not None:
                _expected(failure)
        return {name: task.result() for name, task in ended.items() if task.exception() is None}

    async def agreed(self, question: Question[_Answer | None]) -> _Answer:
        """The answer that two nodes give (one, where only one is configured). Answers must be hashable; None is none.

        Raises: ChronoError(NODES_DISAGREE) when they contradict each other, NOT_CONFIRMED when too few answer.
        """
        answers = await self.answers(question, self.witnesses, alike=True)
        told = {name: each for name, each in answers.items() if each is not None}
        counted = Counter(told.values()).most_common(2)
        if counted and counted[0][1] >= self.witnesses:
            return counted[0][0]
        if len(told) >= self.witnesses:
            RPC_INVARIANTS.labels("answers").inc()
            raise ChronoError(NODES_DISAGREE, nodes=",".join(told))
        raise ChronoError(NOT_CONFIRMED, answered=",".join(told), needed=self.witnesses)

    async def nonce(self, account: Address) -> int:
        """The account's next nonce: the highest that two nodes have seen used up to. Raises: NOT_CONFIRMED.

        One that lies ahead is alone with it; those that lag are behind it and do no harm.
        """
        told = await self.answers(lambda node: node.nonce(account), self.witnesses, alike=True)
        if len(told) < self.witnesses:
            raise ChronoError(NOT_CONFIRMED, answered=",".join(told), needed=self.witnesses)
        return sorted(told.values(), reverse=True)[self.witnesses - 1]

    async def fate(self, transaction_hash: bytes) -> Fate:
        """What two nodes agree became of a transaction. Never raises for nodes that fail."""
        told = await self.answers(lambda node: node.receipt(transaction_hash), self.witnesses, alike=True)
        seen = Counter(receipt for receipt in told.values() if receipt is not None).most_common()
        if len({receipt.block_hash for receipt, _ in seen}) > 1:
            RPC_INVARIANTS.labels("receipts").inc()
            log.warning("receipts_disagree", nodes=sorted(told))
        if seen and seen[0][1] >= self.witnesses:
            return Fate(seen[0][0], absent=False)
        return Fate(None, absent=sum(receipt is None for receipt in told.values()) >= self.witnesses)

    async def broadcast(self, raw: bytes) -> Mapping[str, Verdict]:
        """Send to every node; what each said. Returns when one has it and the others had a moment, or all answered."""
        tasks = {name: asyncio.create_task(self._send(self._nodes[name], raw)) for name in self.standings.senders()}
        running: set[asyncio.Task[Verdict]] = set(tasks.values())
        held = False
        while running:
            done, running = await asyncio.wait(
                running, timeout=GRACE_S if held else None, return_when=asyncio.FIRST_COMPLETED
            )
            if held and not done:
                break
            held = held or any(task.result().sent for task in done)
        for task in running:  # the slow ones go on by themselves: they may be the ones that reach the others
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        verdicts = {name: task.result() if task.done() else Verdict.UNSURE for name, task in tasks.items()}
        if held and any(verdict in (Verdict.NOT_FUNDED, Verdict.REFUSED) for verdict in verdicts.values()):
            RPC_INVARIANTS.labels("sending").inc()
        return verdicts

    async def _watch(self, node: NodePort) -> None:
        checked_ns = polled_ns = self._clock.monotonic_ns()
        while True:
            now_ns = self._clock.monotonic_ns()
            if now_ns - checked_ns > RECHECK_NS:
                checked_ns = now_ns
                await self._check_chain(node)
            if node.name not in self._pushing or now_ns - polled_ns >= self._rules.pushed_poll_s * SECOND_NS:
                polled_ns = now_ns
                await self._poll(node)
            foreign = self.standings.state(node.name) is NodeState.WRONG_CHAIN
            await self._clock.sleep(_WRONG_CHAIN_POLL_S if foreign else self._rules.poll_s)

    async def _poll(self, node: NodePort) -> None:
        try:
            head = await node.head()
        except ChronoError as error:
            self.standings.failed(node.name, error.reason, self._clock.now_ns())
            return
        self._told(node.name, head, pushed=False)

    def _told(self, name: str, head: Head, *, pushed: bool) -> None:
        if self._on_head is not None:  # first: standings are judged by the time that heads tell
            self._on_head(name, head, pushed=pushed)
        self.standings.told(name, head, self._clock.now_ns())

    async def _check_chain(self, node: NodePort) -> None:
        try:
            await node.check_chain()
        except ChronoError as error:
            self.standings.failed(node.name, error.reason, self._clock.now_ns())

    async def _put(self, question: Question[_Answer], node: NodePort) -> _Answer:
        """Ask one node, and let a failure count against it. A refusal says nothing about the node."""
        try:
            return await question(node)
        except ChronoError as error:
            if error.reason is not NODE_REFUSED:
                self.standings.failed(node.name, error.reason, self._clock.now_ns())
            raise

    async def _send(self, node: NodePort, raw: bytes) -> Verdict:
        try:
            await self._put(lambda to: to.send(raw), node)
        except ChronoError as error:
            return verdict_of_error(error)
        return Verdict.TAKEN

    def _none_answered(self, failures: Sequence[ChronoError]) -> ChronoError:
        refusal = next((failure for failure in failures if failure.reason is NODE_REFUSED), None)
        if refusal is not None:
            return refusal
        states = {name: f"{self.standings.state(name).value}: {self.standings.why(name)}" for name in self._nodes}
        return ChronoError(NO_HEALTHY_NODE, **states)


def _expected(failure: BaseException) -> ChronoError:
    """A failure that nodes may have. Raises any other: it is a fault of ours."""
    if isinstance(failure, ChronoError):
        return failure
    raise failure


async def _cancel(tasks: set[asyncio.Task[_Answer]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
