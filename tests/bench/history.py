"""How long a provider is not ready after a start: two nodes, each answer after 100 ms, a chain as long as Flare's.

`python -m tests.bench.history`: the first start, and one with the events on disk, for nodes that answer 1,000 blocks
of logs at once and for public ones that answer 30. Blocks are made when they are asked for.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from chrono.chain.history import HistoryFile
from chrono.chain.indexer import Indexer
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.flare.abi import encode
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.networks import network_of
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.evm_chain import FakeChain, Refusal
from tests.fakes.rpc import FakeNode, serving

BLOCK_S = 1.8
LATENCY_S = 0.1
VOTERS = 100
SUBMISSIONS = 6  # in a block: 100 voters, three transactions in a round of fifty blocks
FLARE = network_of("flare")
TIMING = FLARE.timing
EPOCH_S = TIMING.rounds_per_reward_epoch * TIMING.epoch_s
LAST = 50_000_000
NOW_S = TIMING.first_start_s + 420 * EPOCH_S + EPOCH_S // 2
NAMES = ("Submission", "Relay", "FlareSystemsManager", "VoterRegistry", "FtsoRewardOffersManager")
AT = {name: Address(keccak256(name.encode())[12:]) for name in NAMES}
CONTRACTS = Contracts(AT, {name: (address,) for name, address in AT.items()})
STARTED = next(shape.topic for shape in EVENTS if shape.name == "RewardEpochStarted")
SENDERS = [keccak256(bytes([number]))[12:].hex() for number in range(VOTERS)]
CALLDATA = "0x9d00c9fd" + keccak256(b"values").hex() * 10


def time_of(number: int) -> int:
    return NOW_S - int((LAST - number) * BLOCK_S)


@lru_cache(maxsize=100_000)
def hash_of(number: int) -> str:
    return "0x" + keccak256(f"block {number}".encode()).hex()


class LongNode(FakeNode):
    """A node on a chain of fifty million blocks."""

    def __init__(self, most_log_blocks: int) -> None:
        super().__init__(FakeChain(FLARE.chain_id))
        self.most_log_blocks = most_log_blocks
        self.latency_s = LATENCY_S

    def _eth_getBlockByNumber(self, which: str, full: bool) -> Any:  # noqa: N802
        number = LAST if which == "latest" else int(which, 16)
        if number > LAST:
            return None
        shown = {
            "number": hex(number),
            "hash": hash_of(number),
            "parentHash": hash_of(number - 1),
            "timestamp": hex(time_of(number)),
            "transactions": [],
        }
        if full:
            shown["transactions"] = [
                {
                    "hash": "0x" + keccak256(f"{number} {index}".encode()).hex(),
                    "from": "0x" + SENDERS[(number * SUBMISSIONS + index) % VOTERS],
                    "to": "0x" + AT["Submission"].hex(),
                    "input": CALLDATA,
                    "transactionIndex": hex(index),
                }
                for index in range(SUBMISSIONS)
            ]
        return shown

    def _eth_getLogs(self, query: dict[str, Any]) -> Any:  # noqa: N802
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.log_queries.append((first, last))
        if last - first + 1 > self.most_log_blocks:
            raise Refusal(f"requested too many blocks from {first} to {last}, maximum is {self.most_log_blocks}")
        # Three hundred events at the start of each reward epoch, in as many blocks.
        found = []
        for number in range(first, last + 1):
            epoch, into_s = divmod(time_of(number) - TIMING.first_start_s, EPOCH_S)
            if into_s < 300 * BLOCK_S:
                found.append(
                    {
                        "address": "0x" + AT["FlareSystemsManager"].hex(),
                        "topics": ["0x" + STARTED.hex(), "0x" + epoch.to_bytes(32, "big").hex()],
                        "data": "0x" + encode(["uint32", "uint64"], [epoch, into_s]).hex(),
                        "blockNumber": hex(number),
                        "blockHash": hash_of(number),
                        "logIndex": "0x0",
                    }
                )
        return found


async def start(cap: int, file: HistoryFile) -> tuple[float, float, int]:
    """Seconds until the rounds at hand are read, seconds until all is, and how many questions that took."""
    fakes = [LongNode(cap) for _ in range(2)]
    clock = ManualClock(NOW_S * SECOND_NS)
    async with AsyncExitStack() as stack:
        nodes = []
        for place, fake in enumerate(fakes):
            url = await stack.enter_async_context(serving(fake))
            node = Node(f"n{place}", Secret(url), FLARE.chain_id, SystemClock(), deadline_s=10)
            stack.push_async_callback(node.close)
            nodes.append(node)
        pool = Pool(nodes, clock, PoolRules())
        indexer = Indexer(pool, CONTRACTS, TIMING, clock, file=file)
        began = time.perf_counter()
        rounds: list[float] = []

        def changed() -> None:
            tip = indexer.ledger.tip
            if not rounds and tip is not None and tip.number == LAST:
                rounds.append(time.perf_counter() - began)

        indexer._on_change = changed
        await pool.poll()
        await indexer.catch_up()
        return rounds[0], time.perf_counter() - began, sum(len(fake.asked) for fake in fakes)


def main() -> None:
    """Print one line for each start."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as folder:
        for cap in (1000, 30):
            path = Path(folder) / f"events-{cap}"
            for kind in ("first start", "restart"):
                rounds_s, ready_s, asked = asyncio.run(start(cap, HistoryFile(path, FLARE.chain_id)))
                size = path.stat().st_size if path.exists() else 0
                told = f"rounds {rounds_s:6.1f} s, ready {ready_s:6.1f} s, {asked} questions, {size} bytes kept"
                print(f"{cap:5} blocks at once, {kind:11}: {told}", flush=True)


if __name__ == "__main__":
    main()
