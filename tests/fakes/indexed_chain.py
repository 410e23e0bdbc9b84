"""A chain that mines a block a second with submissions and events, its nodes on loopback, and what reads it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chrono.chain.history import HistoryFile
from chrono.chain.indexer import Indexer, IndexRules
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.flare.abi import encode
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.events import ProtocolMessageRelayed, RewardEpochStarted
from chrono.flare.epochs import Timing
from chrono.flare.signatures import sign
from chrono.flare.units import COIN_WEI
from chrono.settings import Secret
from chrono_core import keccak256
from tests.fakes.chain_lanes import KEY, ME
from tests.fakes.evm_chain import SUBMISSION, FakeChain, transfer_of
from tests.fakes.rpc import FakeNode, serving

T0_S = 1_700_000_000
EPOCH_S = 4
TIMING = Timing(T0_S, 10, epoch_s=EPOCH_S, reveal_s=2)
RELAY = Address(keccak256(b"the relay")[12:])
MANAGER = Address(keccak256(b"the manager")[12:])
OTHER = Address(keccak256(b"another contract")[12:])
CONTRACTS = Contracts(
    {"Submission": SUBMISSION, "Relay": RELAY, "FlareSystemsManager": MANAGER},
    {"Submission": (SUBMISSION,), "Relay": (RELAY,), "FlareSystemsManager": (MANAGER,)},
)
TOPICS = {shape.name: shape.topic for shape in EVENTS}


class House:
    """A chain that mines a block a second, its nodes, and an indexer."""

    def __init__(self) -> None:
        self.chain = FakeChain(time_s=T0_S)
        self.chain.fund(ME, 10**6 * COIN_WEI)
        self.clock = ManualClock(T0_S * SECOND_NS)
        self.fakes: list[FakeNode] = []
        self.pool: Pool
        self.nonce = 0

    def mine(self, blocks: int, *, silent: bool = False) -> None:
        """Blocks of one second; each has a submission, a transaction to somebody else, and its round's events."""
        for _ in range(blocks):
            time_s = self.chain.head.time_s + 1
            if not silent:
                for to in (SUBMISSION, OTHER):
                    made = transfer_of(self.nonce, to, f"{time_s} {self.nonce}".encode())
                    self.chain.send(made.signed(sign(made.signing_hash(), KEY)).raw)
                    self.nonce += 1
            self._tell(time_s)
            self.chain.mine(time_s)
        self.clock.set(max(self.chain.head.time_s * SECOND_NS, self.clock.now_ns()))

    def _tell(self, time_s: int) -> None:
        round_id, into = divmod(time_s - T0_S, EPOCH_S)
        if into == 0:
            topics = (TOPICS["ProtocolMessageRelayed"], (100).to_bytes(32, "big"), round_id.to_bytes(32, "big"))
            self.chain.emit(RELAY, topics, encode(["bool", "bytes32"], [True, keccak256(b"root")]))
        if into == 0 and round_id % 10 == 0:
            topics2 = (TOPICS["RewardEpochStarted"], (round_id // 10).to_bytes(32, "big"))
            self.chain.emit(MANAGER, topics2, encode(["uint32", "uint64"], [round_id, time_s]))
            self.chain.emit(OTHER, topics2, encode(["uint32", "uint64"], [round_id, time_s]))

    def indexer(self, rules: IndexRules | None = None, file: HistoryFile | None = None) -> Indexer:
        return Indexer(self.pool, CONTRACTS, TIMING, self.clock, rules, file=file)

    async def read(self, indexer: Indexer) -> None:
        await self.pool.poll()
        await indexer.catch_up()

    def check(self, indexer: Indexer) -> None:
        """The ledger has all that is needed, each once, linked, and nothing else."""
        ledger = indexer.ledger
        assert ledger.tip == self.chain.head
        needed_s = ledger.first_needed_s(self.chain.head.time_s)
        mined = [
            (block.head.number, signed.transaction.data)
            for block in self.chain.blocks
            for signed, _, _ in block.mined
            if block.head.time_s >= needed_s and signed.transaction.to == SUBMISSION
        ]
        assert [(each.block_number, each.calldata) for each in ledger.transactions] == mined
        assert all(each.sender == ME and each.to == SUBMISSION for each in ledger.transactions)
        event_s = ledger.first_event_s(self.chain.head.time_s)
        expected = {b.head.time_s for b in self.chain.blocks if any(x.address == MANAGER for x in b.logs)}
        told = [each for each in ledger.events if isinstance(each.event, RewardEpochStarted)]
        assert [each.block_time_s for each in told] == sorted(each for each in expected if each >= event_s)
        relayed = [each.block_time_s for each in ledger.events if isinstance(each.event, ProtocolMessageRelayed)]
        assert set(range(needed_s, self.chain.head.time_s + 1, EPOCH_S)) <= set(relayed)
        assert len(relayed) == len(set(relayed))


@asynccontextmanager
async def house(nodes: int = 2, blocks: int = 300) -> AsyncIterator[House]:
    made = House()
    made.mine(blocks)
    made.fakes = [FakeNode(made.chain) for _ in range(nodes)]
    async with AsyncExitStack() as stack:
        clients = []
        for number, fake in enumerate(made.fakes):
            url = await stack.enter_async_context(serving(fake))
            client = Node(f"n{number}", Secret(url), made.chain.chain_id, SystemClock(), deadline_s=10)
            stack.push_async_callback(client.close)
            clients.append(client)
        made.pool = Pool(clients, made.clock, PoolRules(stale_s=None))
        yield made
