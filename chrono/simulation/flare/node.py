"""A node of the simulated chain: its own view of it, its own delays, its own faults. Fits: chain.ports.NodePort.

A node that lies, lies of what it says, never of what it takes. Faults are attributes of `faults`: set one, and the node
behaves so from the next request on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Container
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, field

from chrono.chain.answers import Block, BlockTransaction, Head, Log, Receipt
from chrono.chain.ports import LogQuery
from chrono.errors import (
    NODE_BUSY,
    NODE_GARBLED,
    NODE_REFUSED,
    NODE_SILENT,
    NODE_UNREACHABLE,
    NODE_WRONG_CHAIN,
    ChronoError,
)
from chrono.flare.address import Address
from chrono.simulation.flare.chain import Refusal, SimulatedBlock, SimulatedChain
from chrono_core import keccak256

if TYPE_CHECKING:
    from chrono.simulation.flare.network import SimulatedFlare

DEADLINE_S: Final = 2.0
SENT_KEPT: Final = 20_000
_LATENCY_S: Final = (0.002, 0.08)
_Answer = TypeVar("_Answer")


class Wire(StrEnum):
    """How the connection to a node is."""

    FINE = "fine"
    DOWN = "down"
    """It takes no connection."""
    HANGING = "hanging"
    """It takes the request, and never answers."""
    GARBAGE = "garbage"
    """It answers what is no answer: HTML, half a JSON, 50 MB, NaN."""
    RESET = "reset"
    """It reads the request, does it, and cuts the connection."""
    OTHER_CHAIN = "other_chain"


class NodeFaults(Struct):
    """What is wrong with a node now."""

    wire: Wire = Wire.FINE
    lag: int = 0
    """So many blocks behind."""
    stuck_at: int | None = None
    """It knows no block after this one."""
    ahead: int = 0
    """It claims so many blocks that nobody has."""
    lies: bool = False
    """Every head, nonce, balance and receipt is made up."""
    false_receipts: bool = False
    """It says of every transaction that it stands in a block; all else is true."""
    hides: set[bytes] = field(default_factory=set)
    """Transactions left out of its blocks."""
    hides_all: bool = False
    """Every transaction is left out of its blocks."""
    most_log_blocks: int = 1_000_000
    most_logs: int = 1_000_000
    busy: int = 0
    """So many requests are answered with 429."""
    knows_base_fee: bool = True
    false_base_fee_wei: int | None = None
    swallows: bool = False
    """It says that it took a transaction, and drops it."""
    resets_after_accept: bool = False
    refuses: str | None = None
    """What it says of every transaction instead of taking it."""
    slow_s: float = 0.0
    """So much later than usual."""


class SimulatedNode:
    """One node's view of the chain. Every call lasts a moment, so that whoever asks really waits."""

    def __init__(self, name: str, flare: "SimulatedFlare") -> None:
        self.name = name
        self.faults = NodeFaults()
        self.sent: deque[tuple[int, bytes]] = deque(maxlen=SENT_KEPT)
        """The last transactions that were handed in, with the time in nanoseconds."""
        self._flare = flare
        self._chance = Random(f"{flare.seed} {name}")
        flare.begin()

    async def check_chain(self) -> None:
        """Ask again which chain it serves."""
        await self._ask("eth_chainId", lambda _: None)

    async def head(self) -> Head:
        """Its newest block."""
        return await self._ask("eth_getBlockByNumber", self._newest)

    async def header(self, block_number: int) -> Head | None:
        """A header; None for a block that it does not have."""

        def read(chain: SimulatedChain) -> Head | None:
            block = self._block(chain, block_number)
            return None if block is None else self._shown(block.head)

        return await self._ask("eth_getBlockByNumber", read)

    async def block(self, block_number: int, wanted: Container[Address]) -> Block | None:
        """A block, with its transactions to the `wanted` contracts in full."""

        def read(chain: SimulatedChain) -> Block | None:
            block = self._block(chain, block_number)
            return None if block is None else self._read(block, wanted)

        return await self._ask("eth_getBlockByNumber", read)

    async def hashes(self, block_number: int) -> Block | None:
        """A block with nothing but the hashes of its transactions."""
        return await self.block(block_number, ())

    async def logs(self, query: LogQuery) -> list[Log]:
        """The logs, in the order of the chain."""
        return await self._ask("eth_getLogs", lambda chain: self._logs(chain, query))

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """How a transaction ended; None while it is in no block."""
        return await self._ask("eth_getTransactionReceipt", lambda chain: self._receipt(chain, transaction_hash))

    async def nonce(self, account: Address) -> int:
        """The account's next nonce."""
        told = await self._ask("eth_getTransactionCount", lambda chain: self._tip(chain).nonces.get(account, 0))
        return told + 1000 if self.faults.lies else told

    async def balance(self, account: Address) -> int:
        """What the account holds, in wei."""
        told = await self._ask("eth_getBalance", lambda chain: self._tip(chain).balances.get(account, 0))
        return 0 if self.faults.lies else told

    async def base_fee(self) -> int | None:
        """The base fee of the next block in wei."""
        faults = self.faults
        told = await self._ask("eth_baseFee", lambda chain: chain.base_fee_wei)
        if faults.false_base_fee_wei is not None:
            return faults.false_base_fee_wei
        return told if faults.knows_base_fee else None

    async def call(self, to: Address, data: bytes, sender: Address | None = None) -> bytes:
        """What a contract would answer at the newest block."""
        told = await self._ask("eth_call", lambda chain: chain.call(to, data, sender, self._tip(chain)))
        return bytes(32) if self.faults.lies else told

    async def send(self, raw: bytes) -> None:
        """Hand in a signed transaction."""
        self.sent.append((self._flare.clock.now_ns(), raw))
        await self._ask("eth_sendRawTransaction", lambda chain: self._take(chain, raw))
        if self.faults.resets_after_accept:
            raise ChronoError(NODE_UNREACHABLE, node=self.name, cause="the connection was cut")

    async def _ask(self, method: str, read: Callable[[SimulatedChain], _Answer]) -> _Answer:
        least, most = _LATENCY_S
        await asyncio.sleep(least + (most - least) * self._chance.random() + self.faults.slow_s)
        if self.faults.wire is not Wire.FINE or self.faults.busy or self.faults.slow_s:
            await self._misbehave(method)
        try:
            with self._flare.lock:
                answer = read(self._flare.chain)
        except Refusal as refusal:
            reason = NODE_BUSY if refusal.code == -32005 and method != "eth_getLogs" else NODE_REFUSED
            raise ChronoError(
                reason, node=self.name, method=method, code=refusal.code, said=refusal.message
            ) from refusal
        if self.faults.wire is Wire.RESET:
            raise ChronoError(NODE_UNREACHABLE, node=self.name, cause="the connection was cut")
        return answer

    async def _misbehave(self, method: str) -> None:
        wire = self.faults.wire
        if wire is Wire.DOWN:
            raise ChronoError(NODE_UNREACHABLE, node=self.name, cause="ConnectError")
        if wire is Wire.OTHER_CHAIN:
            raise ChronoError(NODE_WRONG_CHAIN, node=self.name, chain_id=1, expected=self._flare.network.chain_id)
        if wire is Wire.HANGING or self.faults.slow_s > DEADLINE_S:
            await asyncio.sleep(DEADLINE_S)
            raise ChronoError(NODE_SILENT, node=self.name, method=method, within_s=DEADLINE_S)
        if wire is Wire.GARBAGE:
            raise ChronoError(NODE_GARBLED, node=self.name, method=method, status=200, cause="not an answer")
        if self.faults.busy:
            self.faults.busy -= 1
            raise ChronoError(NODE_BUSY, node=self.name, method=method)

    def _tip(self, chain: SimulatedChain) -> SimulatedBlock:
        last = max(len(chain.blocks) - 1 - self.faults.lag, 0)
        stuck_at = self.faults.stuck_at
        return chain.blocks[last if stuck_at is None else min(last, stuck_at)]

    def _newest(self, chain: SimulatedChain) -> Head:
        head, faults = self._tip(chain).head, self.faults
        if faults.ahead or faults.lies:
            number = head.number + (faults.ahead or 500_000)
            return Head(number, _made_up(number), _made_up(number - 1), head.time_s, 7)
        return head

    def _block(self, chain: SimulatedChain, block_number: int) -> SimulatedBlock | None:
        return chain.blocks[block_number] if 0 <= block_number <= self._tip(chain).head.number else None

    def _shown(self, head: Head) -> Head:
        if not self.faults.lies:
            return head
        return Head(head.number, _made_up(head.number), _made_up(head.number - 1), head.time_s, head.base_fee_wei)

    def _read(self, block: SimulatedBlock, wanted: Container[Address]) -> Block:
        hides = self.faults.hides
        shown = [
            (index, signed, sender)
            for index, (signed, sender, _) in enumerate(block.mined)
            if signed.hash not in hides and not self.faults.hides_all
        ]
        return Block(
            self._shown(block.head),
            tuple(signed.hash for _, signed, _ in shown),
            tuple(
                BlockTransaction(signed.hash, sender, signed.transaction.to, signed.transaction.data, index)
                for index, signed, sender in shown
                if signed.transaction.to in wanted
            ),
        )

    def _logs(self, chain: SimulatedChain, query: LogQuery) -> list[Log]:
        asked = query.last_block - query.first_block + 1
        most = self.faults.most_log_blocks
        if asked > most:
            wanted = f"from {query.first_block} to {query.last_block}"
            raise Refusal(f"requested too many blocks {wanted}, maximum is set to {most}")
        last = min(query.last_block, self._tip(chain).head.number)
        found = [
            Log(log.address, log.topics, log.data, block.head.number, block.head.hash, place)
            for block in chain.blocks[query.first_block : last + 1]
            for place, log in enumerate(block.logs)
            if log.address in query.addresses and log.topics[0] in query.topics
        ]
        if len(found) > self.faults.most_logs:
            raise Refusal("query returned more than 10000 results", -32005)
        return found

    def _receipt(self, chain: SimulatedChain, transaction_hash: bytes) -> Receipt | None:
        head = self._tip(chain).head
        if self.faults.lies or self.faults.false_receipts:
            return Receipt(transaction_hash, head.number, _made_up(head.number), True, 21_000, 1)
        return chain.receipt(transaction_hash, head.number)

    def _take(self, chain: SimulatedChain, raw: bytes) -> None:
        if self.faults.refuses is not None:
            raise Refusal(self.faults.refuses)
        if not self.faults.swallows:
            chain.send(raw)


def _made_up(number: int) -> bytes:
    return keccak256(f"a block that nobody mined: {number}".encode())
