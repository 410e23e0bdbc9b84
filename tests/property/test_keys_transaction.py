"""Transactions: the same bytes as eth-account makes, read back whole, and read strictly."""

import random

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chrono.flare import rlp
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.signatures import CURVE_ORDER, Signature, address_of, sign
from chrono.flare.transaction import Transaction, decode_signed

SECRET = b"\x07" * 32
AMOUNTS = st.integers(0, 2**96)

TRANSACTIONS = st.builds(
    Transaction,
    chain_id=st.sampled_from([14, 16, 19, 114, 31_337]),
    nonce=st.integers(0, 2**64 - 2),
    to=st.binary(min_size=20, max_size=20).map(Address),
    value_wei=AMOUNTS,
    data=st.binary(max_size=600),
    gas=st.integers(21_000, 2**40),
    max_fee_wei=AMOUNTS,
    max_priority_fee_wei=st.just(0),
    legacy=st.booleans(),
).map(
    lambda each: Transaction(
        **{name: getattr(each, name) for name in each.__struct_fields__} | {"max_priority_fee_wei": each.max_fee_wei}
    )
)


@given(TRANSACTIONS)
def test_signed_bytes_are_those_of_eth_account_and_come_back(transaction):
    signed = transaction.signed(sign(transaction.signing_hash(), SECRET))
    price = transaction.max_fee_wei
    fees = {"gasPrice": price} if transaction.legacy else {"maxFeePerGas": price, "maxPriorityFeePerGas": price}
    theirs = Account.sign_transaction(
        {
            "nonce": transaction.nonce, "to": bytes(transaction.to), "value": transaction.value_wei,
            "data": transaction.data, "gas": transaction.gas, "chainId": transaction.chain_id, **fees,
        },
        SECRET,
    )  # fmt: skip
    assert signed.raw == bytes(theirs.raw_transaction)
    assert signed.hash == bytes(theirs.hash)
    assert signed.sender == address_of(SECRET)
    assert decode_signed(signed.raw) == signed
    assert transaction.upfront_wei == transaction.value_wei + transaction.gas * price


@given(TRANSACTIONS, st.randoms(use_true_random=False))
def test_bytes_that_are_read_are_the_only_ones_that_mean_the_same(transaction, rng: random.Random):
    raw = bytearray(transaction.signed(sign(transaction.signing_hash(), SECRET)).raw)
    for _ in range(20):
        changed = bytearray(raw)
        changed[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        try:
            assert decode_signed(bytes(changed)).raw == bytes(changed)
        except Malformed:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for raw in (data, b"\x02" + data, b"\x02\xf8" + data):
        try:
            decode_signed(raw)
        except Malformed:
            continue


def test_a_high_s_is_refused():
    transaction = Transaction(
        chain_id=14, nonce=0, to=Address(bytes(20)), value_wei=0, data=b"", gas=21_000, max_fee_wei=1,
        max_priority_fee_wei=1,
    )  # fmt: skip
    low = sign(transaction.signing_hash(), SECRET)
    high = (CURVE_ORDER - int.from_bytes(low.s, "big")).to_bytes(32, "big")
    with pytest.raises(Malformed, match="no node"):
        transaction.signed(Signature(55 - low.v, low.r, high))


def test_deep_lists_are_refused():
    with pytest.raises(Malformed, match="lists in lists"):
        rlp.decode(b"\xc8\xc7\xc6\xc5\xc4\xc3\xc2\xc1\xc0")
