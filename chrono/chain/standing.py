"""Which nodes may be believed now: a state for each, and the head that they together stand for. No I/O.

A node that lies far ahead must not make the honest look late, and one that lags must not look like the chain: so a
claim counts only as far as it can be explained by what the others say and by the time its block names.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.answers import Head
from chrono.clock import SECOND_NS
from chrono.errors import NODE_GARBLED, NODE_WRONG_CHAIN, Reason
from chrono.telemetry import RPC_HEAD, RPC_NODE_STATE

log = structlog.get_logger()


class NodeState(Enum):
    """What a node is good for; `rank` of reading from it, the lower the better."""

    ALIVE = "alive"
    OUT_OF_SYNC = "out_of_sync"
    UNREACHABLE = "unreachable"
    GARBLED = "garbled"
    WRONG_CHAIN = "wrong_chain"


_RANK: Final = {state: rank for rank, state in enumerate(NodeState)}


class PoolRules(Struct, frozen=True, kw_only=True):
    """When a node is judged how. Times in seconds."""

    poll_s: float = 0.5
    """How often each node is asked for its head,"""
    pushed_poll_s: float = 2.0
    """and how often one that tells it by itself."""
    most_lag_blocks: int = 5
    """Behind the pool's head by more, a node is out of sync."""
    stale_s: float | None = 10.0
    """So is one whose newest block is older, by our clock; None on a chain that mines when told."""
    forgotten_s: float = 5.0
    """A head that was heard longer ago says nothing any more."""
    lead_blocks: int = 20
    """A node may be ahead of the next by so many blocks, and by"""
    blocks_per_s: int = 4
    """so many for each second by which its newest block is younger: faster no chain of ours mines."""
    future_s: float = 15.0
    """A newest block further ahead of our clock is no block."""
    quarantine_s: float = 30.0
    """A node that spoke garbage is left out so long; twice as long each time again,"""
    longest_quarantine_s: float = 600.0
    """up to this;"""
    forgiven_s: float = 3600.0
    """after so long without any, the next is the first again."""


NOT_ASKED: Final = "not asked yet"


class _Standing:
    """One node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = NodeState.UNREACHABLE
        self.why: str = NOT_ASKED
        self.head: Head | None = None
        self.heard_ns = 0
        self.free_ns = 0
        self.offences = 0
        self._show()

    @property
    def is_trusted(self) -> bool:
        """Whether what it says counts as long as others do not prove it wrong."""
        return self.state in (NodeState.ALIVE, NodeState.OUT_OF_SYNC)

    def enter(self, state: NodeState, why: str) -> None:
        before, is_first = self.state, self.why == NOT_ASKED
        self.state, self.why = state, why
        if state is before and not is_first:
            return
        is_worse = _RANK[state] > _RANK[before] or (is_first and state is before)
        told = log.warning if is_worse else log.info
        told("node_state", node=self.name, state=state.value, before=before.value, why=why)
        self._show()

    def _show(self) -> None:
        for state in NodeState:
            RPC_NODE_STATE.labels(self.name, state.value).set(state is self.state)


def _preference(node: _Standing) -> tuple[int, int]:
    return _RANK[node.state], -(node.head.number if node.head else 0)


class Standings:
    """All nodes of a pool. `now_ns` is wall time, for blocks are compared with it."""

    def __init__(self, names: Iterable[str], rules: PoolRules) -> None:
        self._rules = rules
        self._nodes = {name: _Standing(name) for name in names}
        self.head: Head | None = None
        """The newest block that the pool stands for; None while no node does."""

    def __len__(self) -> int:
        return len(self._nodes)

    def state(self, name: str) -> NodeState:
        """How a node stands. Raises: KeyError for a name that is none."""
        return self._nodes[name].state

    def why(self, name: str) -> str:
        """Why it stands so: a reason's code, or a few words."""
        return self._nodes[name].why

    def head_of(self, name: str) -> Head | None:
        """The newest block that a node told; None before it told one."""
        return self._nodes[name].head

    @property
    def alive(self) -> list[str]:
        """The nodes that may be believed."""
        return [name for name, node in self._nodes.items() if node.state is NodeState.ALIVE]

    def readers(self, least: int = 1) -> list[str]:
        """Whom to ask, the best first: the alive, then those that lag. Are they fewer than `least`, all the others too.

        Where `least` are to agree, one that lied before does no harm: alone it agrees with nobody.
        """
        usable = [node for node in self._nodes.values() if node.state is not NodeState.WRONG_CHAIN]
        trusted = [node for node in usable if node.is_trusted]
        asked = trusted if len(trusted) >= least else usable
        return [node.name for node in sorted(asked, key=_preference)]

    def senders(self) -> Sequence[str]:
        """Who gets every transaction: all that may be on our chain, however they stand."""
        return [name for name, node in self._nodes.items() if node.state is not NodeState.WRONG_CHAIN]

    def at_head(self, block_hash: bytes, since_ns: int) -> int:
        """How many nodes named this block as their newest, at `since_ns` or later."""
        recent = [node.head for node in self._nodes.values() if node.head is not None and node.heard_ns >= since_ns]
        return sum(head.hash == block_hash for head in recent)

    def beside(self, head: Head) -> int:
        """How many nodes, of those that may be asked first, have another newest block of the same number."""
        heads = [node.head for node in self._nodes.values() if node.head is not None and node.is_trusted]
        return sum(other.number == head.number and other.hash != head.hash for other in heads)

    def reached_by(self, many: int) -> int | None:
        """The highest block that so many nodes may have; None while there are fewer of them.

        Nodes in quarantine count as far as their heads can be explained: what is read there must be told by as many
        all the same, and with them two that are right may be found where a trusted one lags.
        """
        found = (self._reached(node) for node in self._nodes.values())
        numbers = sorted((number for number in found if number is not None), reverse=True)
        return numbers[many - 1] if len(numbers) >= many else None

    def _reached(self, node: _Standing) -> int | None:
        """How far a node may have come; None for one that says nothing of worth."""
        if node.head is None or self.head is None:
            return None
        if node.is_trusted:
            return node.head.number
        explained = node.head.number <= self.head.number + self._rules.lead_blocks
        return min(node.head.number, self.head.number) if node.state is NodeState.GARBLED and explained else None

    def told(self, name: str, head: Head, now_ns: int) -> None:
        """A node named its newest block."""
        node = self._nodes[name]
        node.head, node.heard_ns = head, now_ns
        RPC_HEAD.labels(name).set(head.number)
        if node.state is NodeState.GARBLED and now_ns < node.free_ns and self._is_any_trusted():
            return  # where nobody else is left, one that speaks properly again is better than none
        if not node.is_trusted:
            node.enter(NodeState.OUT_OF_SYNC, "its head is compared")
        self._judge(now_ns)

    def failed(self, name: str, reason: Reason, now_ns: int) -> None:
        """A call to a node failed for a reason that says something about the node."""
        node = self._nodes[name]
        if reason is NODE_WRONG_CHAIN:
            node.enter(NodeState.WRONG_CHAIN, reason.code)
        elif reason is NODE_GARBLED:
            self._quarantine(node, reason.code, now_ns)
        elif node.state is not NodeState.GARBLED or now_ns >= node.free_ns:
            node.enter(NodeState.UNREACHABLE, reason.code)
        self._judge(now_ns)

    def _quarantine(self, node: _Standing, why: str, now_ns: int) -> None:
        if node.state is not NodeState.GARBLED:
            if now_ns - node.free_ns > self._rules.forgiven_s * SECOND_NS:
                node.offences = 0
            seconds = min(self._rules.quarantine_s * 2**node.offences, self._rules.longest_quarantine_s)
            node.free_ns = now_ns + int(seconds * SECOND_NS)
            node.offences = min(node.offences + 1, 16)
        node.enter(NodeState.GARBLED, why)

    def _judge(self, now_ns: int) -> None:
        """Find the head that the answering nodes stand for, and who is with it."""
        heads = self._claims(now_ns)
        while heads and (liar := self._unexplained(heads, now_ns)) is not None:
            self._quarantine(liar, "a head that no block can have", now_ns)
            heads = self._claims(now_ns)
        best = max((head for _, head in heads), key=lambda head: head.number, default=None)
        if best is not None:
            self.head = best
        for node, head in heads:
            late = best is not None and head.number < best.number - self._rules.most_lag_blocks
            if late or self._is_stale(head, now_ns):
                node.enter(NodeState.OUT_OF_SYNC, "behind the others" if late else "its newest block is old")
            else:
                node.enter(NodeState.ALIVE, "")

    def _is_any_trusted(self) -> bool:
        return any(node.is_trusted for node in self._nodes.values())

    def _claims(self, now_ns: int) -> list[tuple[_Standing, Head]]:
        recent_ns = now_ns - int(self._rules.forgotten_s * SECOND_NS)
        return [
            (node, node.head)
            for node in self._nodes.values()
            if node.is_trusted and node.head is not None and node.heard_ns >= recent_ns
        ]

    def _unexplained(self, heads: Sequence[tuple[_Standing, Head]], now_ns: int) -> _Standing | None:
        """The node whose head is further than any chain can be; None when each can be explained."""
        if len(heads) < 2:
            return None
        ranked = sorted(heads, key=lambda pair: pair[1].number, reverse=True)
        (node, first), (_, second) = ranked[:2]
        younger_s = max(first.time_s - second.time_s, 0)
        lead = first.number - second.number
        if lead > self._rules.lead_blocks + self._rules.blocks_per_s * younger_s:
            return node
        ahead_s = first.time_s - now_ns / SECOND_NS
        return node if lead > 0 and younger_s > 0 and ahead_s > self._rules.future_s else None

    def _is_stale(self, head: Head, now_ns: int) -> bool:
        stale_s = self._rules.stale_s
        return stale_s is not None and now_ns - head.time_s * SECOND_NS > stale_s * SECOND_NS
