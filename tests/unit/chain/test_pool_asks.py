"""What a pool does with nodes that answer in the same moment. No network: nodes that wait for a word of the test."""

import asyncio
import gc
from typing import Any

import pytest

from chrono.chain import pool
from chrono.chain.pool import Pool
from chrono.clock import SystemClock
from chrono.errors import NODE_BUSY, ChronoError


class Waiting:
    """A node that answers when it may, or fails then."""

    def __init__(self, name: str, may: asyncio.Event, *, fails: bool) -> None:
        self.name = name
        self._may = may
        self._fails = fails

    async def base_fee(self) -> int:
        await self._may.wait()
        if self._fails:
            raise ChronoError(NODE_BUSY, node=self.name)
        return 7


async def test_a_failure_beside_an_answer_is_no_fault_that_nobody_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would call it one in the log, long after, and nobody could tell of what."""
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unseen.append(told))
    monkeypatch.setattr(pool, "HEDGE_S", 0.001)
    for _ in range(40):
        may = asyncio.Event()
        nodes: Any = [Waiting("n0", may, fails=True), Waiting("n1", may, fails=False)]
        asked = asyncio.create_task(Pool(nodes, SystemClock()).ask(lambda node: node.base_fee()))
        asyncio.get_running_loop().call_later(0.01, may.set)
        assert await asked == 7
    gc.collect()
    assert unseen == []
