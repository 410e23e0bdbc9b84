"""A transaction to the chain before and after it is signed: EIP-1559, or legacy with the chain id of EIP-155.

Everything here is a value: who may sign what is judged in front of the keys, what is sent when in the chain's door.
Source: EIP-155, EIP-1559 and EIP-2 (low s); fsp.md section 6 for the fees.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from chrono.flare import rlp
from chrono.flare.abi import Malformed
from chrono.flare.address import ADDRESS_BYTES, Address
from chrono.flare.signatures import CURVE_ORDER, LOWEST_V, Signature, recover
from chrono_core import keccak256

DYNAMIC_FEE: Final = b"\x02"
"""The type byte of EIP-1559."""
INTRINSIC_GAS: Final = 21_000
GAS_PER_ZERO: Final = 4
GAS_PER_BYTE: Final = 16
_LEGACY_V: Final = 35
_DYNAMIC_FIELDS: Final = 9
_LEGACY_FIELDS: Final = 6


class Transaction(Struct, frozen=True, kw_only=True):
    """What is signed. Amounts are in wei, `gas` is the limit; `to` is a contract or account of 20 bytes.

    `legacy`: of the form before EIP-1559; `max_fee_wei` is then the gas price, and so is `max_priority_fee_wei`.
    """

    chain_id: int
    nonce: int
    to: Address
    value_wei: int
    data: bytes
    gas: int
    max_fee_wei: int
    max_priority_fee_wei: int
    legacy: bool = False

    @property
    def fee_wei(self) -> int:
        """The most that it can cost, beside its value."""
        return self.gas * self.max_fee_wei

    @property
    def upfront_wei(self) -> int:
        """What the account must hold for a node to take it. Source: fsp.md section 2."""
        return self.value_wei + self.fee_wei

    @property
    def least_gas(self) -> int:
        """What it costs before the contract does anything; with less no block takes it."""
        zeros = self.data.count(0)
        return INTRINSIC_GAS + GAS_PER_ZERO * zeros + GAS_PER_BYTE * (len(self.data) - zeros)

    def unsigned(self) -> bytes:
        """The bytes whose hash is signed; a hardware wallet is shown these. Raises: OverflowError below zero."""
        if self.legacy:
            return rlp.encode([*self._fields(), rlp.number(self.chain_id), b"", b""])
        return DYNAMIC_FEE + rlp.encode(self._fields())

    def signing_hash(self) -> bytes:
        """keccak256 of `unsigned`."""
        return keccak256(self.unsigned())

    def signed(self, signature: Signature) -> "SignedTransaction":
        """The transaction with its signature over `signing_hash`, `v` 27 or 28 as `signatures.sign` gives it.

        Raises: Malformed for a signature that no node would take (high s, or nobody's).
        """
        sender = recover(self.signing_hash(), signature)
        if sender is None or not signature.is_low_s:
            raise Malformed("no node takes this signature")
        parity = signature.v - LOWEST_V
        v = parity + (2 * self.chain_id + _LEGACY_V if self.legacy else 0)
        scalars = [rlp.number(int.from_bytes(part, "big")) for part in (signature.r, signature.s)]
        body = rlp.encode([*self._fields(), rlp.number(v), *scalars])
        raw = body if self.legacy else DYNAMIC_FEE + body
        return SignedTransaction(raw=raw, hash=keccak256(raw), transaction=self, sender=sender)

    def _fields(self) -> list[rlp.Item]:
        tail: list[rlp.Item] = [rlp.number(self.gas), self.to, rlp.number(self.value_wei), self.data]
        nonce, price = rlp.number(self.nonce), rlp.number(self.max_fee_wei)
        if self.legacy:
            return [nonce, price, *tail]
        return [rlp.number(self.chain_id), nonce, rlp.number(self.max_priority_fee_wei), price, *tail, []]


class SignedTransaction(Struct, frozen=True, kw_only=True):
    """What is sent: the `raw` bytes, their `hash` (the transaction's name on chain), what they say, and who signed."""

    raw: bytes
    hash: bytes
    transaction: Transaction
    sender: Address


def decode_signed(raw: bytes) -> SignedTransaction:
    """The transaction in `raw`, with its sender recovered.

    Raises: Malformed for other types than EIP-1559 and EIP-155, contract creations, access lists, and signatures
    that no node would take.
    """
    if raw[:1] == DYNAMIC_FEE:
        chain_id, nonce, tip, price, gas, to, value, data, access, v, r, s = _list(raw[1:], _DYNAMIC_FIELDS + 3)
        if access != []:
            raise Malformed("access lists are not read")
        transaction = _transaction([chain_id, nonce, gas, value, price, tip], to, data, legacy=False)
        parity = rlp.decode_number(v)
    else:
        nonce, price, gas, to, value, data, v, r, s = _list(raw, _LEGACY_FIELDS + 3)
        chain, parity = divmod(rlp.decode_number(v) - _LEGACY_V, 2)
        if chain < 1:
            raise Malformed("a legacy transaction without its chain id (EIP-155)")
        transaction = _transaction([rlp.number(chain), nonce, gas, value, price, price], to, data, legacy=True)
    if parity > 1:
        raise Malformed("the parity of a signature is 0 or 1")
    return transaction.signed(Signature(parity + LOWEST_V, _scalar(r), _scalar(s)))


def _list(data: bytes, length: int) -> Sequence[rlp.Item]:
    fields = rlp.decode(data)
    if isinstance(fields, bytes) or len(fields) != length:
        raise Malformed(f"a signed transaction has {length} fields")
    return fields


def _transaction(numbers: Sequence[rlp.Item], to: rlp.Item, data: rlp.Item, *, legacy: bool) -> Transaction:
    if not isinstance(to, bytes) or len(to) != ADDRESS_BYTES or not isinstance(data, bytes):
        raise Malformed(f"a transaction goes to {ADDRESS_BYTES} bytes of address, with bytes of data")
    chain_id, nonce, gas, value, price, tip = map(rlp.decode_number, numbers)
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        to=Address(to),
        value_wei=value,
        data=data,
        gas=gas,
        max_fee_wei=price,
        max_priority_fee_wei=tip,
        legacy=legacy,
    )


def _scalar(item: rlp.Item) -> bytes:
    value = rlp.decode_number(item)
    if value >= CURVE_ORDER:
        raise Malformed("r and s lie below the order of the curve")
    return value.to_bytes(32, "big")
