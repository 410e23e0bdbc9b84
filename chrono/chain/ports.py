"""What the rooms of the chain need of one another, and of what is outside: nodes, a signer, a log of attempts."""

from collections.abc import Container, Sequence
from typing import Protocol

from msgspec import Struct

from chrono.chain.answers import Block, Head, Log, Receipt
from chrono.flare.address import Address
from chrono.flare.transaction import SignedTransaction, Transaction


class LogQuery(Struct, frozen=True):
    """Which logs are asked for: of any of the addresses, with any of the first topics, both blocks included."""

    first_block: int
    last_block: int
    addresses: tuple[Address, ...]
    topics: tuple[bytes, ...]


class NodePort(Protocol):
    """One node. Fits: chain.node.Node, and a simulated one.

    Every method answers within two seconds or raises ChronoError: NODE_UNREACHABLE, NODE_SILENT, NODE_GARBLED,
    NODE_WRONG_CHAIN, NODE_BUSY, or NODE_REFUSED with the node's own words as the fact `said`.
    """

    @property
    def name(self) -> str:
        """What it is called in logs and metrics; never its address, which may hold a key."""
        ...

    async def check_chain(self) -> None:
        """Ask again which chain it serves. Raises: ChronoError(NODE_WRONG_CHAIN)."""
        ...

    async def head(self) -> Head:
        """Its newest block."""
        ...

    async def header(self, block_number: int) -> Head | None:
        """A header; None for a block that it does not have."""
        ...

    async def block(self, block_number: int, wanted: Container[Address]) -> Block | None:
        """A block, with its transactions to the `wanted` contracts in full."""
        ...

    async def hashes(self, block_number: int) -> Block | None:
        """A block with nothing but the hashes of its transactions."""
        ...

    async def logs(self, query: LogQuery) -> list[Log]:
        """The logs, in the order of the chain."""
        ...

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """How a transaction ended; None while it is in no block."""
        ...

    async def nonce(self, account: Address) -> int:
        """How many transactions of the account are in blocks: its next nonce."""
        ...

    async def balance(self, account: Address) -> int:
        """What the account holds, in wei."""
        ...

    async def base_fee(self) -> int | None:
        """The base fee of the next block in wei; None where the node tells none."""
        ...

    async def call(self, to: Address, data: bytes, sender: Address | None = None) -> bytes:
        """What a contract would answer at the newest block."""
        ...

    async def send(self, raw: bytes) -> None:
        """Hand in a signed transaction. Raises also: ChronoError(NODE_REFUSED) with what the node said."""
        ...


class Attempt(Struct, frozen=True):
    """One signed transaction of an intent, as it is kept before it leaves. `number` counts those of the intent."""

    intent_id: str
    number: int
    account: Address
    signed: SignedTransaction
    made_at_ns: int

    @property
    def nonce(self) -> int:
        """The place in the account's order that it asks for."""
        return self.signed.transaction.nonce


class AttemptLog(Protocol):
    """Where attempts outlive a crash. Fits: the journal of a voter, and a file of a store."""

    async def keep(self, attempt: Attempt) -> None:
        """Return when the attempt is on disk, and synced. Raises: ChronoError when it cannot be."""
        ...

    def kept(self, account: Address, chain_id: int) -> Sequence[Attempt]:
        """The attempts of an account that may still be mined, in the order in which they were kept."""
        ...

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        """The nonce after all that attempts of the account have; None when none was ever kept."""
        ...


class Signer(Protocol):
    """A key behind its policy. Fits: keys' signer."""

    address: Address
    """The account that it signs for."""

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The signed transaction. Raises: ChronoError when the policy does not allow it, or the key is at fault."""
        ...
