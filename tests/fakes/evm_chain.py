"""A chain in memory that takes, refuses and mines transactions as geth does, and refunds them as Flare does.

It refuses wrong nonces, replacements that do not pay 10 % more of both caps, and accounts that do not hold the gas
limit at the fee cap; it mines when told, forgets blocks when told, and knows nothing of clocks.
"""

from collections.abc import Callable

from msgspec import Struct

from chrono.chain.answers import Head, Receipt
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.networks import Subsidy
from chrono.flare.transaction import SignedTransaction, Transaction, decode_signed
from chrono.flare.units import GWEI
from chrono_core import keccak256

SUBSIDY = Subsidy(gas=21_000, gas_price_wei=25 * GWEI, most_calldata_bytes=4500, most_gas_limit=3_000_000)
SUBMISSION = Address(keccak256(b"the submission contract")[12:])
BUMP_PERCENT = 10


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What the node answers instead of a result."""

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Emitted(Struct, frozen=True):
    """A log that stands in a block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class FakeBlock(Struct):
    """A block, and the state after it."""

    head: Head
    mined: list[tuple[SignedTransaction, Address, Receipt]]
    logs: list[Emitted]
    balances: dict[Address, int]
    nonces: dict[Address, int]


class FakeChain:
    """One chain. `reverts` says which transactions fail; `needs` how much gas one takes."""

    def __init__(self, chain_id: int = 31_337, *, time_s: int = 1_700_000_000, base_fee_wei: int = 25 * GWEI) -> None:
        self.chain_id = chain_id
        self.base_fee_wei = base_fee_wei
        self.pool: dict[Address, dict[int, SignedTransaction]] = {}
        self.reverts: Callable[[SignedTransaction], bool] = lambda _: False
        self.contracts: dict[Address, Callable[[bytes], bytes]] = {}
        self.refunded: set[tuple[Address, bytes, int]] = set()
        self.round_of: Callable[[int], int] = lambda time_s: time_s // 90
        self._salt = 0
        self._emitted: list[Emitted] = []
        genesis = Head(0, self._hash(0), bytes(32), time_s, base_fee_wei)
        self.blocks = [FakeBlock(genesis, [], [], {}, {})]

    @property
    def tip(self) -> FakeBlock:
        return self.blocks[-1]

    @property
    def head(self) -> Head:
        return self.tip.head

    def fund(self, account: Address, wei: int) -> None:
        """Set what an account holds from now on."""
        self.tip.balances[account] = wei

    def balance(self, account: Address) -> int:
        return self.tip.balances.get(account, 0)

    def nonce(self, account: Address) -> int:
        return self.tip.nonces.get(account, 0)

    def emit(self, address: Address, topics: tuple[bytes, ...], data: bytes = b"") -> None:
        """Let the next block hold a log."""
        self._emitted.append(Emitted(address, topics, data))

    def send(self, raw: bytes) -> bytes:
        """Take a transaction into the pool. Raises: Refusal in geth's words."""
        try:
            signed = decode_signed(raw)
        except Malformed as error:
            raise Refusal(f"rlp: {error}") from error
        sender, transaction = signed.sender, signed.transaction
        if transaction.chain_id != self.chain_id:
            raise Refusal("invalid sender")
        waiting = self.pool.setdefault(sender, {})
        held = waiting.get(transaction.nonce)
        if held is not None and held.hash == signed.hash:
            raise Refusal("already known")
        if transaction.max_priority_fee_wei > transaction.max_fee_wei:
            raise Refusal("max priority fee per gas higher than max fee per gas")
        if transaction.max_priority_fee_wei < 1:
            raise Refusal("transaction underpriced: gas tip cap 0, minimum needed 1")
        if transaction.nonce < self.nonce(sender):
            raise Refusal(f"nonce too low: next nonce {self.nonce(sender)}, tx nonce {transaction.nonce}")
        if transaction.gas < intrinsic_gas(transaction.data):
            raise Refusal(f"intrinsic gas too low: have {transaction.gas}, want {intrinsic_gas(transaction.data)}")
        others = sum(t.transaction.upfront_wei for n, t in waiting.items() if n != transaction.nonce)
        if self.balance(sender) < transaction.upfront_wei + others:
            raise Refusal(f"insufficient funds for gas * price + value: balance {self.balance(sender)}")
        if held is not None and not _pays_more(signed, held):
            raise Refusal("replacement transaction underpriced")
        waiting[transaction.nonce] = signed
        return signed.hash

    def mine(self, time_s: int) -> Head:
        """The next block, with everything in the pool that can pay for it. Times may repeat."""
        parent = self.tip
        self._salt += 1
        number = parent.head.number + 1
        head = Head(number, self._hash(number), parent.head.hash, time_s, self.base_fee_wei)
        block = FakeBlock(head, [], self._emitted, dict(parent.balances), dict(parent.nonces))
        self._emitted = []
        for sender, waiting in self.pool.items():
            while (signed := waiting.get(block.nonces.get(sender, 0))) is not None:
                if signed.transaction.max_fee_wei < self.base_fee_wei or not self._run(block, sender, signed):
                    break
                del waiting[signed.transaction.nonce]
            for nonce in [nonce for nonce in waiting if nonce < block.nonces.get(sender, 0)]:
                del waiting[nonce]
        self.blocks.append(block)
        return head

    def reorg(self, depth: int, *, forget: bool = False) -> None:
        """Take back the last blocks. Their transactions wait again, or are forgotten."""
        taken, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        if not forget:
            for block in taken:
                for signed, sender, _ in block.mined:
                    self.pool.setdefault(sender, {}).setdefault(signed.transaction.nonce, signed)

    def forget(self, transaction_hash: bytes) -> None:
        """Drop a waiting transaction, as a full pool does."""
        for waiting in self.pool.values():
            for nonce in [nonce for nonce, signed in waiting.items() if signed.hash == transaction_hash]:
                del waiting[nonce]

    def receipt(self, transaction_hash: bytes, up_to: int | None = None) -> Receipt | None:
        for block in self.blocks if up_to is None else self.blocks[: up_to + 1]:
            for signed, _, receipt in block.mined:
                if signed.hash == transaction_hash:
                    return receipt
        return None

    def mined_of(self, account: Address) -> list[SignedTransaction]:
        """The account's transactions in blocks, in their order."""
        return [signed for block in self.blocks for signed, sender, _ in block.mined if sender == account]

    def call(self, to: Address, data: bytes) -> bytes:
        contract = self.contracts.get(to)
        if contract is None:
            return b""
        return contract(data)

    def _run(self, block: FakeBlock, sender: Address, signed: SignedTransaction) -> bool:
        transaction = signed.transaction
        if block.balances.get(sender, 0) < transaction.upfront_wei:
            return False
        tip = min(transaction.max_priority_fee_wei, transaction.max_fee_wei - self.base_fee_wei)
        price = self.base_fee_wei + tip
        needed = intrinsic_gas(transaction.data) + 5_000
        succeeded = needed <= transaction.gas and not self.reverts(signed)
        used = min(needed, transaction.gas)
        receipt = Receipt(signed.hash, block.head.number, block.head.hash, succeeded, used, price)
        paid = used * price
        if succeeded and self._refunds(sender, signed, block.head.time_s):
            paid = min(paid, SUBSIDY.gas * SUBSIDY.gas_price_wei)
        block.balances[sender] -= paid + (transaction.value_wei if succeeded else 0)
        block.nonces[sender] = transaction.nonce + 1
        block.mined.append((signed, sender, receipt))
        return True

    def _refunds(self, sender: Address, signed: SignedTransaction, time_s: int) -> bool:
        transaction = signed.transaction
        call = (sender, transaction.data[:4], self.round_of(time_s))
        if transaction.to != SUBMISSION or call in self.refunded:
            return False
        assert SUBSIDY.most_gas_limit is not None
        if len(transaction.data) > SUBSIDY.most_calldata_bytes or transaction.gas > SUBSIDY.most_gas_limit:
            return False
        self.refunded.add(call)
        return True

    def _hash(self, number: int) -> bytes:
        return keccak256(f"block {number} of {self.chain_id}, {self._salt}".encode())


def transfer_of(
    nonce: int,
    to: Address = SUBMISSION,
    data: bytes = b"\x6c\x53\x2f\xae1",
    *,
    chain_id: int = 31_337,
    gas: int = 100_000,
    max_fee_wei: int = 100 * GWEI,
    tip_wei: int | None = None,
) -> Transaction:
    """A transaction whose every field has a default."""
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        to=to,
        value_wei=0,
        data=data,
        gas=gas,
        max_fee_wei=max_fee_wei,
        max_priority_fee_wei=max_fee_wei // 2 if tip_wei is None else tip_wei,
    )


def intrinsic_gas(data: bytes) -> int:
    """21,000, and 4 or 16 for each byte. Source: EIP-2028."""
    return 21_000 + 4 * data.count(0) + 16 * (len(data) - data.count(0))


def _pays_more(new: SignedTransaction, old: SignedTransaction) -> bool:
    pairs = (
        (new.transaction.max_fee_wei, old.transaction.max_fee_wei),
        (new.transaction.max_priority_fee_wei, old.transaction.max_priority_fee_wei),
    )
    return all(100 * more >= (100 + BUMP_PERCENT) * less for more, less in pairs)
