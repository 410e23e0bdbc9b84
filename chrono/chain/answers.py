"""What a node answers, read strictly: everything from outside is suspected until it has the promised form.

Numbers on the wire are hex strings; one that is no number (a float, "NaN", 300 digits) is refused, never guessed.
Source: Ethereum execution API, "Data types"; the fields are those that geth and coreth give.
"""

import re
from collections.abc import Container
from typing import Final

import msgspec
from msgspec import Struct

from chrono.flare.address import ADDRESS_BYTES, Address

HASH_BYTES: Final = 32
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_MOST_NUMBER: Final = 2**63
_MOST_TIME_S: Final = 2**40


class NotAnAnswer(ValueError):  # noqa: N818 - said of bytes, not of a mistake of ours
    """A result that does not have the form that its method promises."""


class Head(Struct, frozen=True):
    """A block's header, as far as it is needed. `base_fee_wei` is None where the node tells none."""

    number: int
    hash: bytes
    parent_hash: bytes
    time_s: int
    base_fee_wei: int | None = None


class BlockTransaction(Struct, frozen=True):
    """A transaction in a block, in whatever way it ended."""

    hash: bytes
    sender: Address
    to: Address | None
    data: bytes
    index: int


class Block(Struct, frozen=True):
    """A block with the hashes of all its transactions, and those of them that were asked for in full."""

    head: Head
    hashes: tuple[bytes, ...]
    transactions: tuple[BlockTransaction, ...]


class Log(Struct, frozen=True):
    """What a contract told. `index` is its place among the logs of its block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    index: int


class Receipt(Struct, frozen=True):
    """How a transaction ended, and in which block."""

    hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int

    @property
    def cost_wei(self) -> int:
        """What the receipt says was paid; a subsidised call is refunded beside it."""
        return self.gas_used * self.gas_price_wei


class _Head(Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    base_fee_per_gas: str | None = None


class _Hashes(_Head, kw_only=True):
    transactions: list[str]


class _Transaction(Struct, kw_only=True):
    hash: str
    sender: str = msgspec.field(name="from")
    input: str
    index: str = msgspec.field(name="transactionIndex")
    to: str | None = None


class _Full(_Head, kw_only=True):
    transactions: list[_Transaction]


class _Log(Struct, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    log_index: str
    removed: bool = False


class _Receipt(Struct, rename="camel"):
    transaction_hash: str
    block_number: str
    block_hash: str
    status: str
    gas_used: str
    effective_gas_price: str


_TEXT: Final = msgspec.json.Decoder(str)
_HEAD: Final = msgspec.json.Decoder(_Head | None)
_HASHES: Final = msgspec.json.Decoder(_Hashes | None)
_FULL: Final = msgspec.json.Decoder(_Full | None)
_LOGS: Final = msgspec.json.Decoder(list[_Log])
_RECEIPT: Final = msgspec.json.Decoder(_Receipt | None)


def number(text: str, below: int = 2**256) -> int:
    """The quantity that a hex string spells. Raises: NotAnAnswer."""
    if not _QUANTITY.fullmatch(text) or (value := int(text, 16)) >= below:
        raise NotAnAnswer(f"not a number below {below}: {text[:40]!r}")
    return value


def data(text: str, length: int | None = None) -> bytes:
    """The bytes that a hex string spells. Raises: NotAnAnswer, also when they are not `length` many."""
    if not _HEX.fullmatch(text):
        raise NotAnAnswer(f"not hex bytes: {text[:40]!r}")
    value = bytes.fromhex(text[2:])
    if length is not None and len(value) != length:
        raise NotAnAnswer(f"{length} bytes are due, not {len(value)}")
    return value


def read_number(result: bytes) -> int:
    """A quantity. Raises: NotAnAnswer, msgspec.DecodeError; so do the other readers."""
    return number(_TEXT.decode(result))


def read_data(result: bytes, length: int | None = None) -> bytes:
    """Bytes, `length` many if that is given."""
    return data(_TEXT.decode(result), length)


def read_head(result: bytes) -> Head | None:
    """A header; None when the node has no such block."""
    told = _HEAD.decode(result)
    return None if told is None else _head(told)


def read_hashes(result: bytes) -> Block | None:
    """A block of which only the hashes of its transactions were asked."""
    told = _HASHES.decode(result)
    return None if told is None else Block(_head(told), tuple(_hash(each) for each in told.transactions), ())


def read_block(result: bytes, wanted: Container[Address]) -> Block | None:
    """A block with its transactions to the `wanted` contracts in full."""
    told = _FULL.decode(result)
    if told is None:
        return None
    spelled = [(each, None if each.to is None else _address(each.to)) for each in told.transactions]
    found = tuple(_transaction(each, to) for each, to in spelled if to is not None and to in wanted)
    return Block(_head(told), tuple(_hash(each.hash) for each in told.transactions), found)


def read_logs(result: bytes) -> list[Log]:
    """Logs in the order of the chain; those that the node takes back are left out."""
    found = [_log(told) for told in _LOGS.decode(result) if not told.removed]
    return sorted(found, key=lambda log: (log.block_number, log.index))


def read_receipt(result: bytes) -> Receipt | None:
    """A receipt; None while the transaction is in no block."""
    told = _RECEIPT.decode(result)
    if told is None:
        return None
    return Receipt(
        hash=_hash(told.transaction_hash),
        block_number=number(told.block_number, _MOST_NUMBER),
        block_hash=_hash(told.block_hash),
        succeeded=bool(number(told.status, 2)),
        gas_used=number(told.gas_used, _MOST_NUMBER),
        gas_price_wei=number(told.effective_gas_price),
    )


def _head(told: _Head) -> Head:
    fee = told.base_fee_per_gas
    return Head(
        number=number(told.number, _MOST_NUMBER),
        hash=_hash(told.hash),
        parent_hash=_hash(told.parent_hash),
        time_s=number(told.timestamp, _MOST_TIME_S),
        base_fee_wei=None if fee is None else number(fee),
    )


def _transaction(told: _Transaction, to: Address) -> BlockTransaction:
    index = number(told.index, _MOST_NUMBER)
    return BlockTransaction(_hash(told.hash), _address(told.sender), to, data(told.input), index)


def _log(told: _Log) -> Log:
    return Log(
        address=_address(told.address),
        topics=tuple(_hash(topic) for topic in told.topics),
        data=data(told.data),
        block_number=number(told.block_number, _MOST_NUMBER),
        block_hash=_hash(told.block_hash),
        index=number(told.log_index, _MOST_NUMBER),
    )


def _hash(text: str) -> bytes:
    return data(text, HASH_BYTES)


def _address(text: str) -> Address:
    return Address(data(text, ADDRESS_BYTES))
