"""Several nodes as one: asked in the order of their standing, believed where two agree, all told what we send.

A node that hangs costs half a second, not a phase: the next is asked while the first may still answer. Transactions go
to every node that may be on our chain, since one that lags or lies may be the one that passes it on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

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


class Fate(Struct, frozen=True):
    """What became of a transaction: its receipt, or that it stands in no block, or (neither) nobody knows enough."""

    receipt: Receipt | None
    absent: bool


class Pool:
    """The nodes of one chain. `run` is a supervised part; everything else may be called from anywhere in its loop."""

    def __init__(self, nodes: Sequence[NodePort], clock: Clock, rules: PoolRules | None = None) -> None:
        if not nodes:
            raise ValueError("a pool needs a node")
        self._nodes = {node.name: node for node in nodes}
        if len(self._nodes) != len(nodes):
            raise ValueError("two nodes have the same name")
        self._clock = clock
        self._rules = rules or PoolRules()
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
                for task in done:
                    failure = task.exception()
                    if failure is None:
                        return task.result()
                    failures.append(_expected(failure))
        finally:
            await _cancel(running)
        raise self._none_answered(failures)

    async def answers(self, question: Question[_Answer], enough: int) -> dict[str, _Answer]:
        """What the readable nodes answer, by name: at least `enough` of them where so many answer at all."""
        names = self.standings.readers(enough)
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

    async def agreed(self, question: Question[_Answer]) -> _Answer:
        """The answer that two nodes give (one, where only one is configured). Answers must be hashable; None is none.

        Raises: ChronoError(NODES_DISAGREE) when they contradict each other, NOT_CONFIRMED when too few answer.
        """
        told = {name: each for name, each in (await self.answers(question, self.witnesses)).items() if each is not None}
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
        told = await self.answers(lambda node: node.nonce(account), self.witnesses)
        if len(told) < self.witnesses:
            raise ChronoError(NOT_CONFIRMED, answered=",".join(told), needed=self.witnesses)
        return sorted(told.values(), reverse=True)[self.witnesses - 1]

    async def fate(self, transaction_hash: bytes) -> Fate:
        """What two nodes agree became of a transaction. Never raises for nodes that fail."""
        told = await self.answers(lambda node: node.receipt(transaction_hash), self.witnesses)
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
        checked_ns = self._clock.monotonic_ns()
        while True:
            if self._clock.monotonic_ns() - checked_ns > RECHECK_NS:
                checked_ns = self._clock.monotonic_ns()
                await self._check_chain(node)
            await self._poll(node)
            foreign = self.standings.state(node.name) is NodeState.WRONG_CHAIN
            await self._clock.sleep(_WRONG_CHAIN_POLL_S if foreign else self._rules.poll_s)

    async def _poll(self, node: NodePort) -> None:
        try:
            head = await node.head()
        except ChronoError as error:
            self.standings.failed(node.name, error.reason, self._clock.now_ns())
            return
        self.standings.told(node.name, head, self._clock.now_ns())

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
