"""What stands in front of a key: whatever is not granted is refused, and what is granted is looked at to the last byte.

A policy knows nothing of why a transaction is wanted. It judges where it goes, what it calls, what it may cost, how
often, and whether its calldata is what this key is for.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from eth_abi.exceptions import EncodingError
from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.address import ADDRESS_BYTES
from chrono.flare.transaction import Transaction
from chrono.keys.duties import SignedVotes
from chrono.keys.meter import Meter
from chrono.keys.ports import Contracts
from chrono.keys.refusal import Refused, Why, require
from chrono.keys.roles import Role
from chrono.keys.speech import Speech
from chrono.keys.statements import Statement

Check: TypeAlias = Callable[[bytes], None]
"""Judges calldata, selector included. Raises: Refused, Malformed."""

SELECTOR_BYTES: Final = 4
_MOST_NONCE: Final = 2**64 - 2


class Grant(Struct, frozen=True, kw_only=True):
    """One function that a key may call. Nothing is ever paid to it: no function of a hot key takes value.

    `gas` and `fee_wei` are the most of one transaction; with it, all of the key's in an hour stay below `hour_wei`.
    """

    contract: str
    selector: bytes
    check: Check
    gas: int
    fee_wei: int
    hour_wei: int


class Policy:
    """The policy of one key. Not for several threads at once: the signer holds a lock."""

    def __init__(
        self,
        *,
        role: Role,
        chain_id: int,
        contracts: Contracts,
        grants: Iterable[Grant],
        meter: Meter,
        speech: Speech | None = None,
        votes: SignedVotes | None = None,
    ) -> None:
        """`speech` judges statements, which no other key than the signing policy's makes."""
        self.role = role
        self._chain_id = chain_id
        self._contracts = contracts
        self._grants = {grant.selector: grant for grant in grants}
        self._meter = meter
        self._speech = speech
        self._votes = votes

    def judge(self, transaction: Transaction) -> None:
        """See that the transaction may be signed. Raises: Refused."""
        _check_form(transaction)
        require(
            transaction.chain_id == self._chain_id, Why.CHAIN, f"chain {transaction.chain_id}, not {self._chain_id}"
        )
        grant = self._grant(transaction)
        require(transaction.value_wei == 0, Why.VALUE, f"{transaction.value_wei} wei are to be paid")
        _check_cost(transaction, grant)
        try:
            grant.check(transaction.data)
        except (Malformed, EncodingError, OverflowError) as fault:
            raise Refused(Why.SHAPE, str(fault)) from fault
        self._meter.check(transaction.nonce, transaction.fee_wei, grant.hour_wei)

    def count(self, transaction: Transaction) -> None:
        """The transaction was signed."""
        self._meter.add(transaction.nonce, transaction.fee_wei)

    def judge_statement(self, statement: Statement) -> None:
        """See that it may be said. Raises: Refused, Conflict."""
        if self._speech is None:
            raise Refused(Why.STATEMENT, f"a key for {self.role} signs transactions only")
        self._meter.check_statement()
        self._speech.judge(statement)

    def count_statement(self, statement: Statement) -> None:
        """The statement was signed."""
        self._meter.add_statement()
        if self._votes is not None:
            self._votes.remember(statement)

    def _grant(self, transaction: Transaction) -> Grant:
        grant = self._grants.get(transaction.data[:SELECTOR_BYTES])
        if grant is None:
            told = f"a key for {self.role} does not call 0x{transaction.data[:SELECTOR_BYTES].hex()}"
            raise Refused(Why.FUNCTION, told)
        there = transaction.to in self._contracts.addresses(grant.contract)
        require(there, Why.CONTRACT, f"0x{transaction.to.hex()} is not {grant.contract}")
        return grant


def _check_form(transaction: Transaction) -> None:
    """Every field is of its kind: what is signed has no other meaning on chain."""
    numbers: Sequence[object] = (
        transaction.chain_id,
        transaction.nonce,
        transaction.value_wei,
        transaction.gas,
        transaction.max_fee_wei,
        transaction.max_priority_fee_wei,
    )
    whole = all(type(each) is int and each >= 0 for each in numbers)
    require(whole and type(transaction.legacy) is bool, Why.SHAPE, "a number is missing or negative")
    form = type(transaction.to) is bytes and type(transaction.data) is bytes and len(transaction.to) == ADDRESS_BYTES
    require(form, Why.CONTRACT, "a transaction goes to a contract, with bytes of data")
    require(transaction.nonce <= _MOST_NONCE, Why.NONCE, f"{transaction.nonce} is no nonce")


def _check_cost(transaction: Transaction, grant: Grant) -> None:
    gas, price, tip = transaction.gas, transaction.max_fee_wei, transaction.max_priority_fee_wei
    require(transaction.least_gas <= gas <= grant.gas, Why.GAS, f"{gas} gas; {transaction.least_gas} to {grant.gas}")
    ordered = tip == price if transaction.legacy else tip <= price
    require(ordered and price > 0, Why.FEE, f"a price of {price} wei with a tip of {tip}")
    told = f"up to {transaction.fee_wei} wei; {grant.fee_wei} are allowed"
    require(transaction.fee_wei <= grant.fee_wei, Why.FEE, told)
