"""A node that lied once may be the second that says the truth; while it lies, it is alone with it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chrono.chain.pool import Pool
from chrono.chain.standing import NodeState
from chrono.clock import SECOND_NS
from chrono.errors import NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.node import NodeFaults
from chrono.simulation.virtual_time import VirtualClock, run_virtual

START_NS = 1_800_000_000 * SECOND_NS
LAG = 4


class Scene:
    """Three nodes: the first lied and is left out, the second lags a little, the third is as it should be."""

    def __init__(self, clock: VirtualClock) -> None:
        self.flare = SimulatedFlare(clock, seed=2)
        self.nodes = self.flare.nodes(3)
        self.pool = Pool(self.nodes, clock)

    async def begin(self) -> None:
        for _ in range(12):
            self.flare.chain.mine(self.flare.chain.head.time_s + 1)
        await self.pool.poll()
        self.nodes[0].faults = NodeFaults(lies=True)
        await self.pool.poll()
        assert self.pool.standings.state("node1") is NodeState.GARBLED
        self.nodes[1].faults = NodeFaults(lag=LAG)


def playing(play: Callable[[Scene], Awaitable[None]]) -> None:
    async def main(clock: VirtualClock) -> None:
        scene = Scene(clock)
        await scene.begin()
        await play(scene)

    run_virtual(main, start_ns=START_NS)


def test_a_quarantined_node_that_says_the_same_as_a_trusted_one_is_the_second_witness() -> None:
    async def play(scene: Scene) -> None:
        scene.nodes[0].faults = NodeFaults()
        await scene.pool.poll()
        newest = scene.flare.chain.head
        assert scene.pool.standings.state("node1") is NodeState.GARBLED
        assert scene.pool.standings.reached_by(2) == newest.number
        assert await scene.pool.agreed(lambda node: node.header(newest.number)) == newest

    playing(play)


def test_a_quarantined_node_that_still_lies_is_no_witness() -> None:
    async def play(scene: Scene) -> None:
        await scene.pool.poll()
        newest = scene.flare.chain.head
        assert scene.pool.standings.reached_by(2) == newest.number - LAG
        with pytest.raises(ChronoError) as caught:
            await scene.pool.agreed(lambda node: node.header(newest.number))
        assert caught.value.reason in (NODES_DISAGREE, NOT_CONFIRMED)

    playing(play)


def test_while_the_trusted_agree_nobody_else_is_asked() -> None:
    async def play(scene: Scene) -> None:
        asked: list[str] = []
        number = scene.flare.chain.head.number - LAG

        async def question(node: object) -> str:
            asked.append(node.name)  # type: ignore[attr-defined]
            await asyncio.sleep(0)
            return (await node.header(number)).hash.hex()  # type: ignore[attr-defined]

        await scene.pool.agreed(question)
        assert sorted(asked) == ["node2", "node3"]

    playing(play)
