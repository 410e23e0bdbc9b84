"""A machine whose wall clock steps and which falls asleep, and a chain that makes blocks in true time."""

import random

from chrono.alerts.rules import SKEW_NS
from chrono.chain.answers import Head
from chrono.chain.time import ChainClock, TimeRules
from chrono.clock import SECOND_NS, ManualClock
from chrono.voting.margins import Margins
from chrono_core import keccak256

START_S = 1_800_000_000


class Machine(ManualClock):
    """A ManualClock whose wall time is wrong by `wrong_ns`, and whose monotonic clock stops while it sleeps."""

    def __init__(self) -> None:
        super().__init__(START_S * SECOND_NS)
        self.wrong_ns = 0
        self.slept_ns = 0
        self.true_ns = self.monotonic_ns() + 0

    def now_ns(self) -> int:
        return self.monotonic_ns() + self.slept_ns + self.wrong_ns

    def pass_ns(self, ns: int) -> None:
        """True time passes, awake."""
        self.advance(ns)
        self.true_ns += ns

    def sleep_ns(self, ns: int) -> None:
        """True time passes, and the machine does not notice; its wall clock is right when it wakes."""
        self.slept_ns += ns
        self.true_ns += ns


class TimedNode:
    """What one node names as its newest block. `late_s`: how far behind it is; `lie_s`: what it adds to times."""

    def __init__(self, name: str, *, late_s: float = 0.0, lie_s: int = 0) -> None:
        self.name = name
        self.late_s = late_s
        self.lie_s = lie_s
        self.away = False


class TimedWorld:
    """A machine, its chain clock, and nodes that are polled twice a second."""

    def __init__(self, *nodes: TimedNode, seed: int = 0, block_s: float = 1.5, wrong_s: float = 0.0) -> None:
        self.machine = Machine()
        self.machine.wrong_ns = int(wrong_s * SECOND_NS)
        self.nodes = nodes or tuple(TimedNode(f"n{place}") for place in range(3))
        self.clock = ChainClock(self.machine, [node.name for node in self.nodes], TimeRules())
        self.blocks: list[tuple[int, Head]] = []  # when made, and the block
        self._chance = random.Random(seed)
        self._block_s = block_s
        self._next_ns = self.machine.true_ns
        self.proposer_s = 0
        """How far the proposers' clocks are ahead."""

    @property
    def error_s(self) -> float:
        """How far our chain time is ahead of the true one."""
        return (self.clock.now_ns() - self.machine.true_ns) / SECOND_NS

    @property
    def is_skewed(self) -> bool:
        """Whether somebody is told that the machine's clock is wrong."""
        return abs(self.clock.skew_ns) > SKEW_NS

    @property
    def forbids_commits(self) -> bool:
        """Whether it is too wrong to commit by."""
        return abs(self.clock.skew_ns) > Margins().most_skew_ns

    def go(self, seconds: float, *, poll_s: float = 0.5) -> None:
        """Let time pass, polling."""
        for _ in range(round(seconds / poll_s)):
            self.machine.pass_ns(int(poll_s * SECOND_NS))
            self.poll()

    def sleep(self, seconds: float) -> None:
        """The machine sleeps; the chain goes on."""
        self.machine.sleep_ns(int(seconds * SECOND_NS))

    def poll(self) -> None:
        """Every node tells its newest block."""
        self._mine()
        for node in self.nodes:
            known = self.machine.true_ns - int((node.late_s + 0.2) * SECOND_NS)
            told = next((head for made_ns, head in reversed(self.blocks) if made_ns <= known), None)
            if told is not None and not node.away:
                self.clock.told(node.name, _moved(told, node.lie_s))

    def _mine(self) -> None:
        while self._next_ns <= self.machine.true_ns:
            number = len(self.blocks)
            time_s = self._next_ns // SECOND_NS + self.proposer_s
            if self.blocks:  # never before its parent
                time_s = max(time_s, self.blocks[-1][1].time_s)
            head = Head(number, keccak256(b"%d" % number), keccak256(b"%d" % (number - 1)), time_s)
            self.blocks.append((self._next_ns, head))
            self._next_ns += int(self._chance.expovariate(1 / self._block_s) * SECOND_NS) + 1


def _moved(head: Head, by_s: int) -> Head:
    return Head(head.number, head.hash, head.parent_hash, head.time_s + by_s)
