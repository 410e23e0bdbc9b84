"""The simulated node keeps the contract of the real one: the same chain behind HTTP gives the same answers and errors."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import pytest

from chrono.chain.node import Node
from chrono.chain.ports import LogQuery, NodePort
from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.errors import ChronoError
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.units import COIN_WEI
from chrono.settings import Secret
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.node import NodeFaults, SimulatedNode, Wire
from tests.fakes.chain_lanes import signed_by_me
from tests.fakes.evm_chain import transfer_of
from tests.fakes.rpc import FakeNode, serving

ME = Keyring.of("me").entity()
Question = Callable[[NodePort], Awaitable[object]]


class Both:
    """One chain, seen through a simulated node and through a real one that asks over HTTP."""

    def __init__(self, flare: SimulatedFlare, fake: FakeNode, real: Node, simulated: SimulatedNode) -> None:
        self.flare = flare
        self.fake = fake
        self.real = real
        self.simulated = simulated

    async def ask(self, question: Question) -> tuple[object, object]:
        return await _outcome(question, self.real), await _outcome(question, self.simulated)


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    clock = ManualClock(1_800_000_000 * SECOND_NS)
    flare = SimulatedFlare(clock, seed=4)
    flare.join(ME)
    for _ in range(200):
        clock.advance(SECOND_NS)
        flare.step(clock.now_ns())
    fake = FakeNode(flare.chain)
    async with serving(fake) as url:
        real = Node("node1", Secret(url), flare.network.chain_id, SystemClock(), deadline_s=1.0)
        yield Both(flare, fake, real, flare.nodes(1)[0])
        await real.close()


def questions(flare: SimulatedFlare) -> dict[str, Question]:
    newest, addresses = flare.chain.head.number, flare.addresses
    mined = next(signed for block in reversed(flare.chain.blocks) for signed, _, _ in block.mined)
    submission = frozenset({addresses["Submission"]})
    heard = LogQuery(0, newest, tuple(addresses.values()), tuple(shape.topic for shape in EVENTS))
    named = FUNCTION_BY_NAME["getContractAddressByName"].encode("Relay")
    unknown = FUNCTION_BY_NAME["getSeed"].encode(99)
    return {
        "head": lambda node: node.head(),
        "header": lambda node: node.header(newest - 3),
        "no header": lambda node: node.header(newest + 3),
        "blocks": lambda node: _all(node.block(number, submission) for number in range(newest + 1)),
        "hashes": lambda node: _all(node.hashes(number) for number in range(newest + 1)),
        "logs": lambda node: node.logs(heard),
        "receipt": lambda node: node.receipt(mined.hash),
        "no receipt": lambda node: node.receipt(bytes(32)),
        "nonce": lambda node: node.nonce(ME.submit),
        "balance": lambda node: node.balance(ME.submit),
        "base fee": lambda node: node.base_fee(),
        "call": lambda node: node.call(flare.registry, named),
        "reverted call": lambda node: node.call(addresses["FlareSystemsManager"], unknown),
        "nobody's call": lambda node: node.call(ME.identity, named),
    }


async def test_both_give_the_same_answers(both: Both) -> None:
    for name, question in questions(both.flare).items():
        real, simulated = await both.ask(question)
        assert real == simulated, name


async def test_both_take_and_refuse_the_same_transactions(both: Both) -> None:
    network = both.flare.network
    good = transfer_of(0, both.flare.chain.submission, chain_id=network.chain_id)
    for transaction in (good, transfer_of(0, chain_id=1), transfer_of(0, chain_id=network.chain_id, gas=21_000)):
        raw = signed_by_me(transaction).raw
        real, simulated = await both.ask(lambda node, raw=raw: node.send(raw))  # type: ignore[misc]
        assert real == simulated, transaction


FAULTS: dict[str, tuple[Callable[[FakeNode], None], NodeFaults]] = {
    "silent": (lambda node: setattr(node, "wire", "hang"), NodeFaults(wire=Wire.HANGING)),
    "unreachable": (lambda node: setattr(node, "wire", "reset"), NodeFaults(wire=Wire.DOWN)),
    "garbled": (lambda node: setattr(node, "wire", "garbage"), NodeFaults(wire=Wire.GARBAGE)),
    "another chain": (lambda node: setattr(node, "chain_id", 1), NodeFaults(wire=Wire.OTHER_CHAIN)),
    "busy": (lambda node: setattr(node, "busy", 3), NodeFaults(busy=3)),
    "lagging": (lambda node: setattr(node, "lag", 5), NodeFaults(lag=5)),
    "stuck": (lambda node: setattr(node, "stuck_at", 7), NodeFaults(stuck_at=7)),
    "caps": (lambda node: setattr(node, "most_log_blocks", 10), NodeFaults(most_log_blocks=10)),
    "few logs": (lambda node: setattr(node, "most_logs", 1), NodeFaults(most_logs=1)),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_both_fail_in_the_same_way(both: Both, fault: str) -> None:
    spoil, faults = FAULTS[fault]
    asked = questions(both.flare)
    for name in ("head", "nonce", "logs", "receipt"):
        spoil(both.fake)
        both.simulated.faults = _copy(faults)
        real, simulated = await both.ask(asked[name])
        assert real == simulated, name


async def test_the_cost_of_a_submission_is_what_the_subsidy_leaves(both: Both) -> None:
    assert await both.simulated.balance(ME.submit) == 10_000 * COIN_WEI


async def _outcome(question: Question, node: NodePort) -> object:
    try:
        return await question(node)
    except ChronoError as error:
        told = error.facts.get("said")
        return error.reason.code, told


async def _all(asked: Iterable[Awaitable[object]]) -> list[object]:
    return [await each for each in asked]


def _copy(faults: NodeFaults) -> NodeFaults:
    return copy.deepcopy(faults)
