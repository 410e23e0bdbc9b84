"""A chain in memory that takes, refuses and mines transactions as geth does, and refunds them as Flare does.

It refuses wrong nonces, replacements that do not pay 10 % more of both caps, and accounts that do not hold the gas
limit at the fee cap; it mines when told, forgets blocks when told, and knows nothing of clocks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from msgspec import Struct

from chrono.chain.answers import Head, Receipt
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.networks import Subsidy
from chrono.flare.transaction import SignedTransaction, decode_signed
from chrono.flare.units import GWEI
from chrono.simulation.flare.calls import Call, Contract, Emitted, Reverted
from chrono.simulation.flare.storage import Storage
from chrono_core import keccak256

SUBSIDY: Final = Subsidy(gas=21_000, gas_price_wei=25 * GWEI, most_calldata_bytes=4500, most_gas_limit=3_000_000)
SUBMISSION: Final = Address(keccak256(b"the submission contract")[12:])
BUMP_PERCENT: Final = 10
PLAIN_CALL_GAS: Final = 5_000
"""What a call takes beyond its intrinsic gas where no contract says otherwise."""
KEPT_STATES: Final = 256
"""Blocks behind the newest whose balances and nonces are remembered."""

_decoded = lru_cache(maxsize=4096)(decode_signed)  # every node of a network is handed the same bytes


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What the node answers instead of a result."""

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class SimulatedBlock(Struct):
    """A block, and the state after it."""

    head: Head
    mined: list[tuple[SignedTransaction, Address, Receipt]]
    logs: list[Emitted]
    balances: dict[Address, int]
    nonces: dict[Address, int]
    mark: int = 0
    """Where the contracts' storage stood after it."""


class SimulatedChain:
    """One chain. `reverts` says which transactions fail; `code` what contracts do; `contracts` answers plain reads."""

    def __init__(
        self,
        chain_id: int = 31_337,
        *,
        time_s: int = 1_700_000_000,
        base_fee_wei: int = 25 * GWEI,
        submission: Address = SUBMISSION,
        subsidy: Subsidy = SUBSIDY,
    ) -> None:
        self.chain_id = chain_id
        self.base_fee_wei = base_fee_wei
        self.submission = submission
        self.subsidy = subsidy
        self.storage = Storage()
        self.code: dict[Address, Contract] = {}
        self.contracts: dict[Address, Callable[[bytes], bytes]] = {}
        self.after_block: Callable[[Call], None] | None = None
        """What the chain itself does at the end of every block: Flare's daemon."""
        self.pool: dict[Address, dict[int, SignedTransaction]] = {}
        self.reverts: Callable[[SignedTransaction], bool] = lambda _: False
        self.refunded: set[tuple[Address, bytes, int]] = set()
        self.round_of: Callable[[int], int] = lambda time_s: time_s // 90
        self._salt = 0
        self._emitted: list[Emitted] = []
        self._receipts: dict[bytes, Receipt] = {}
        genesis = Head(0, self._hash(0), bytes(32), time_s, base_fee_wei)
        self.blocks = [SimulatedBlock(genesis, [], [], {}, {})]

    @property
    def tip(self) -> SimulatedBlock:
        """The newest block."""
        return self.blocks[-1]

    @property
    def head(self) -> Head:
        """The newest block's header."""
        return self.tip.head

    @property
    def waits(self) -> bool:
        """Whether a transaction is waiting that the next block could hold."""
        return any(self.nonce(sender) in waiting for sender, waiting in self.pool.items())

    def fund(self, account: Address, wei: int) -> None:
        """Set what an account holds from now on."""
        self.tip.balances[account] = wei

    def balance(self, account: Address) -> int:
        """What an account holds, in wei."""
        return self.tip.balances.get(account, 0)

    def nonce(self, account: Address) -> int:
        """The account's next nonce."""
        return self.tip.nonces.get(account, 0)

    def emit(self, address: Address, topics: tuple[bytes, ...], data: bytes = b"") -> None:
        """Let the next block hold a log."""
        self._emitted.append(Emitted(address, topics, data))

    def send(self, raw: bytes) -> bytes:
        """Take a transaction into the pool. Raises: Refusal in geth's words."""
        try:
            return self.take(_decoded(raw))
        except Malformed as error:
            raise Refusal(f"rlp: {error}") from error

    def take(self, signed: SignedTransaction) -> bytes:
        """Take a transaction whose sender is known already. Raises: Refusal."""
        waiting = self.pool.setdefault(signed.sender, {})
        held = waiting.get(signed.transaction.nonce)
        if held is not None and held.hash == signed.hash:
            raise Refusal("already known")
        self._check_form(signed)
        self._check_funds(signed, waiting)
        if held is not None and not _pays_more(signed, held):
            raise Refusal("replacement transaction underpriced")
        waiting[signed.transaction.nonce] = signed
        return signed.hash

    def mine(self, time_s: int) -> Head:
        """The next block, with everything in the pool that can pay for it. Times may repeat."""
        parent = self.tip
        self._salt += 1
        number = parent.head.number + 1
        head = Head(number, self._hash(number), parent.head.hash, time_s, self.base_fee_wei)
        block = SimulatedBlock(head, [], self._emitted, dict(parent.balances), dict(parent.nonces))
        self._emitted = []
        for sender, waiting in self.pool.items():
            while (signed := waiting.get(block.nonces.get(sender, 0))) is not None:
                if signed.transaction.max_fee_wei < self.base_fee_wei or not self._run(block, sender, signed):
                    break
                del waiting[signed.transaction.nonce]
            for nonce in [nonce for nonce in waiting if nonce < block.nonces.get(sender, 0)]:
                del waiting[nonce]
        self._finish(block)
        return head

    def reorg(self, depth: int, *, forget: bool = False) -> None:
        """Take back the last blocks. Their transactions wait again, or are forgotten."""
        taken, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        self.storage.rollback(self.tip.mark)
        for block in taken:
            for signed, sender, _ in block.mined:
                self._receipts.pop(signed.hash, None)
                if not forget:
                    self.pool.setdefault(sender, {}).setdefault(signed.transaction.nonce, signed)

    def forget(self, transaction_hash: bytes) -> None:
        """Drop a waiting transaction, as a full pool does."""
        for waiting in self.pool.values():
            for nonce in [nonce for nonce, signed in waiting.items() if signed.hash == transaction_hash]:
                del waiting[nonce]

    def strip(self, block_number: int) -> None:
        """Forget what stood in an old block; its header stays."""
        block = self.blocks[block_number]
        for signed, _, _ in block.mined:
            self._receipts.pop(signed.hash, None)
        block.mined, block.logs = [], []

    def receipt(self, transaction_hash: bytes, up_to: int | None = None) -> Receipt | None:
        """How a transaction ended, as far as blocks up to `up_to` say it."""
        found = self._receipts.get(transaction_hash)
        return None if found is None or (up_to is not None and found.block_number > up_to) else found

    def mined_of(self, account: Address) -> list[SignedTransaction]:
        """The account's transactions in blocks, in their order."""
        return [signed for block in self.blocks for signed, sender, _ in block.mined if sender == account]

    def call(self, to: Address, data: bytes, sender: Address | None = None, at: SimulatedBlock | None = None) -> bytes:
        """What a contract answers after a block, the newest if none is given. Raises: Refusal when it reverts."""
        block = self.tip if at is None else at
        contract = self.code.get(to)
        if contract is None:
            plain = self.contracts.get(to)
            return b"" if plain is None else plain(data)
        with self._as_of(block):
            try:
                return contract.run(self._call_of(block.head, sender or Address(bytes(20)), data))
            except Reverted as reverted:
                raise Refusal(f"execution reverted: {reverted}", 3) from reverted

    def _check_form(self, signed: SignedTransaction) -> None:
        transaction = signed.transaction
        if transaction.chain_id != self.chain_id:
            raise Refusal("invalid sender")
        if transaction.max_priority_fee_wei > transaction.max_fee_wei:
            raise Refusal("max priority fee per gas higher than max fee per gas")
        if transaction.max_priority_fee_wei < 1:
            raise Refusal("transaction underpriced: gas tip cap 0, minimum needed 1")
        expected = self.nonce(signed.sender)
        if transaction.nonce < expected:
            raise Refusal(f"nonce too low: next nonce {expected}, tx nonce {transaction.nonce}")
        if transaction.gas < transaction.least_gas:
            raise Refusal(f"intrinsic gas too low: have {transaction.gas}, want {transaction.least_gas}")

    def _check_funds(self, signed: SignedTransaction, waiting: dict[int, SignedTransaction]) -> None:
        others = sum(t.transaction.upfront_wei for n, t in waiting.items() if n != signed.transaction.nonce)
        balance = self.balance(signed.sender)
        if balance < signed.transaction.upfront_wei + others:
            raise Refusal(f"insufficient funds for gas * price + value: balance {balance}")

    def _run(self, block: SimulatedBlock, sender: Address, signed: SignedTransaction) -> bool:
        transaction = signed.transaction
        if block.balances.get(sender, 0) < transaction.upfront_wei:
            return False
        tip = min(transaction.max_priority_fee_wei, transaction.max_fee_wei - self.base_fee_wei)
        price = self.base_fee_wei + tip
        contract = self.code.get(transaction.to)
        needed = transaction.least_gas + (PLAIN_CALL_GAS if contract is None else contract.gas)
        returned = self._execute(block, contract, signed) if needed <= transaction.gas else None
        used = min(needed, transaction.gas)
        receipt = Receipt(signed.hash, block.head.number, block.head.hash, returned is not None, used, price)
        paid = used * price
        if returned is not None and self._refunds(signed, returned, block.head.time_s):
            paid = min(paid, self.subsidy.gas * self.subsidy.gas_price_wei)
        block.balances[sender] -= paid + (transaction.value_wei if returned is not None else 0)
        block.nonces[sender] = transaction.nonce + 1
        block.mined.append((signed, sender, receipt))
        self._receipts[signed.hash] = receipt
        return True

    def _execute(self, block: SimulatedBlock, contract: Contract | None, signed: SignedTransaction) -> bytes | None:
        """What the call returns; None when it reverts."""
        if self.reverts(signed):
            return None
        if contract is None:
            return b""
        mark = self.storage.mark
        call = self._call_of(block.head, signed.sender, signed.transaction.data)
        try:
            returned = contract.run(call)
        except Reverted:
            self.storage.rollback(mark)
            return None
        block.logs += call.logs
        return returned

    def _refunds(self, signed: SignedTransaction, returned: bytes, time_s: int) -> bool:
        transaction = signed.transaction
        most_gas = self.subsidy.most_gas_limit
        if transaction.to != self.submission or (most_gas is not None and transaction.gas > most_gas):
            return False
        if len(transaction.data) > self.subsidy.most_calldata_bytes:
            return False
        if transaction.to in self.code:
            return any(returned)
        call = (signed.sender, transaction.data[:4], self.round_of(time_s))
        first = call not in self.refunded
        self.refunded.add(call)
        return first

    def _finish(self, block: SimulatedBlock) -> None:
        if self.after_block is not None:
            call = self._call_of(block.head, Address(bytes(20)), b"")
            self.after_block(call)
            block.logs += call.logs
        block.mark = self.storage.mark
        self.blocks.append(block)
        if len(self.blocks) > KEPT_STATES:
            old = self.blocks[-KEPT_STATES - 1]
            old.balances, old.nonces = {}, {}
            self.storage.forget(old.mark)

    def _call_of(self, head: Head, sender: Address, data: bytes) -> Call:
        return Call(sender, data, head.number, head.time_s)

    @contextmanager
    def _as_of(self, block: SimulatedBlock) -> Iterator[None]:
        with self.storage.as_of(block.mark if block is not self.tip else self.storage.mark):
            yield

    def _hash(self, number: int) -> bytes:
        return keccak256(f"block {number} of {self.chain_id}, {self._salt}".encode())


def _pays_more(new: SignedTransaction, old: SignedTransaction) -> bool:
    pairs = (
        (new.transaction.max_fee_wei, old.transaction.max_fee_wei),
        (new.transaction.max_priority_fee_wei, old.transaction.max_priority_fee_wei),
    )
    return all(100 * more >= (100 + BUMP_PERCENT) * less for more, less in pairs)
