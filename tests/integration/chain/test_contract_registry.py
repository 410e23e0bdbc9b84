"""Contracts found through the chain's registry: moved ones, missing ones, and nodes that lie about them."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import NEEDED, WANTED, Registry, check_calendar, read_deployment, relay_state
from chrono.chain.standing import PoolRules
from chrono.clock import SystemClock
from chrono.errors import BAD_DEPLOYMENT, CONTRACT_MISSING, NODES_DISAGREE, WRONG_CALENDAR, ChronoError
from chrono.flare.abi import encode
from chrono.flare.address import Address, checksummed
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.epochs import Timing
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.evm_chain import FakeChain
from tests.fakes.rpc import FakeNode, serving

REGISTRY = Address(keccak256(b"registry")[12:])
TIMING = Timing(1_658_430_000, 3360)


def place(name: str, generation: int = 1) -> Address:
    return Address(keccak256(f"{name} {generation}".encode())[12:])


@asynccontextmanager
async def registry(nodes: int = 2) -> AsyncIterator[tuple[FakeChain, list[FakeNode], Pool, dict[str, Address]]]:
    chain = FakeChain()
    contracts = {name: place(name) for name in WANTED}

    def answer(data: bytes) -> bytes:
        name = FUNCTION_BY_NAME["getContractAddressByName"].decode(data)["name"]
        return bytes(12) + contracts.get(name, bytes(20))

    chain.contracts[REGISTRY] = answer
    fakes = [FakeNode(chain) for _ in range(nodes)]
    async with AsyncExitStack() as stack:
        made = []
        for number, fake in enumerate(fakes):
            url = await stack.enter_async_context(serving(fake))
            node = Node(f"n{number}", Secret(url), chain.chain_id, SystemClock())
            stack.push_async_callback(node.close)
            made.append(node)
        pool = Pool(made, SystemClock(), PoolRules(stale_s=None))
        await pool.poll()
        yield chain, fakes, pool, contracts


async def test_every_contract_is_where_the_registry_says() -> None:
    async with registry() as (_, _, pool, contracts):
        found = await Registry(pool, REGISTRY).resolve()
        assert found.now == contracts
        assert found.address("Relay") == place("Relay")


async def test_a_contract_that_moved_is_used_at_its_new_address_and_heard_at_both() -> None:
    async with registry() as (_, _, pool, contracts):
        known = Registry(pool, REGISTRY, {"VoterRegistry": [place("VoterRegistry", 0)]})
        await known.resolve()
        contracts["VoterRegistry"] = place("VoterRegistry", 2)
        found = await known.resolve()
        assert found.address("VoterRegistry") == place("VoterRegistry", 2)
        assert found.addresses(["VoterRegistry"]) == tuple(place("VoterRegistry", n) for n in (0, 1, 2))


async def test_a_chain_without_a_contract_that_a_vote_needs_is_refused_by_its_name() -> None:
    async with registry() as (_, _, pool, contracts):
        del contracts["WNat"]
        assert "WNat" not in (await Registry(pool, REGISTRY).resolve()).now
        del contracts[NEEDED[1]]
        with pytest.raises(ChronoError) as caught:
            await Registry(pool, REGISTRY).resolve()
        assert caught.value.reason is CONTRACT_MISSING
        assert NEEDED[1] in str(caught.value)


async def test_a_registry_that_is_no_contract_is_told() -> None:
    async with registry() as (_, _, pool, _):
        with pytest.raises(ChronoError) as caught:
            await Registry(pool, place("nothing")).resolve()
        assert caught.value.reason is CONTRACT_MISSING


async def test_one_lying_node_of_two_gives_no_address_at_all() -> None:
    async with registry() as (_, fakes, pool, _):
        fakes[1].lies = True
        with pytest.raises(ChronoError) as caught:
            await Registry(pool, REGISTRY).resolve()
        assert caught.value.reason is NODES_DISAGREE


async def test_the_relay_tells_the_calendar_and_another_one_is_refused() -> None:
    types = ["uint8", "uint32", "uint8", "uint32", "uint16", "uint16", "uint32", "bool", "uint32", "bool", "uint32"]
    async with registry() as (chain, _, pool, _):
        told = encode(types, [100, TIMING.first_start_s, 90, 0, 3360, 12_000, 7, True, 418, False, 10])
        chain.contracts[place("Relay")] = lambda _: told
        state = await relay_state(pool, place("Relay"))
        assert (state.last_initialised_reward_epoch, state.threshold_increase_bips) == (418, 12_000)
        check_calendar(state, TIMING)
        with pytest.raises(ChronoError) as caught:
            check_calendar(state, Timing(TIMING.first_start_s, 240))
        assert caught.value.reason is WRONG_CALENDAR


def test_a_deployment_is_read_in_both_forms() -> None:
    spelled = checksummed(place("Relay"))
    assert read_deployment(json.dumps({"Relay": spelled}).encode()) == {"Relay": place("Relay")}
    listed = json.dumps([{"name": "Relay.sol", "contractName": "Relay.sol", "address": spelled}])
    assert read_deployment(listed.encode()) == {"Relay": place("Relay")}


@pytest.mark.parametrize("text", [b"", b"[1]", b'{"Relay": 1}', b'{"Relay": "0x12"}', b"[" * 100_000, b"\xff"])
def test_a_deployment_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ChronoError) as caught:
        read_deployment(text)
    assert caught.value.reason is BAD_DEPLOYMENT
