"""A key signs its good requests and nothing beside them: thousands of changed ones are refused, all of them."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from eth_account import Account
from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.errors import SIGNER_REFUSED, ChronoError
from chrono.flare.contracts.functions import FUNCTIONS
from chrono.flare.networks import COSTON2
from chrono.flare.transaction import Transaction
from chrono.keys.guards import CAPS
from chrono.keys.meter import HOUR_NS
from chrono.keys.roles import Role
from tests.fakes.key_requests import CHAIN_ID, CONTRACTS, good_requests, house, signer_for

GOOD = good_requests()
IDS = [f"{role}-{function}" for role, function in GOOD]
MUTATIONS = int(os.environ.get("CHRONO_KEY_MUTATIONS", "150"))
"""For each good request; there are twelve."""
ROLES = tuple(CAPS)
FREE_BYTES = {"claim", "autoClaim"}
"""Functions whose calldata holds what no policy can know: the proofs of a claim, which the contract judges."""


def _other(rng: random.Random, data: bytes) -> bytes:
    """The calldata with one thing changed: bits, length, selector, a part of another good request."""
    way = rng.randrange(6)
    if way == 0:
        at = rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if way == 1:
        return data[: rng.randrange(len(data))]
    if way == 2:
        return data + rng.randbytes(rng.choice((1, 7, 32)))
    if way == 3:
        return rng.choice([shape.selector for shape in FUNCTIONS if shape.selector != data[:4]]) + data[4:]
    if way == 4:
        return data[:4] + rng.choice([each.data for each in GOOD.values() if each.data != data])[4:]
    return rng.randbytes(len(data))


def _mutations(rng: random.Random, good: Transaction, role: Role, function: str) -> Iterator[tuple[str, Transaction]]:
    caps = CAPS[role]
    fields: dict[str, Callable[[], object]] = {
        "to": lambda: rng.choice([rng.randbytes(20), bytes(20), good.to[:-1], b"", None, _elsewhere(rng, good)]),
        "chain_id": lambda: rng.choice([0, 1, 14, 16, 19, -CHAIN_ID, CHAIN_ID + 2**32, rng.getrandbits(64) | 1 << 63]),
        "value_wei": lambda: rng.choice([1, 10**18, rng.getrandbits(90) + 1, -1]),
        "gas": lambda: rng.choice([0, 20_999, good.least_gas - 1, caps.gas + 1, rng.getrandbits(60) + caps.gas, -1]),
        "max_fee_wei": lambda: rng.choice([0, good.max_priority_fee_wei - 1, caps.fee_wei // good.gas + 1, 2**200, -1]),
        "max_priority_fee_wei": lambda: good.max_fee_wei + rng.choice([1, 10**9, rng.getrandbits(80) + 1]),
        "nonce": lambda: rng.choice([-1, 2**64 - 1, 2**64, rng.getrandbits(90) + 2**64]),
        "legacy": lambda: rng.choice([True, None, 1]),
    }
    for _ in range(MUTATIONS):
        name = rng.choice([*fields, "data", "data", "data", "kind"])
        if name == "data":
            if function in FREE_BYTES:
                yield name, replace(good, data=rng.choice([good.data[:-1], good.data + b"\0", b"\1" + good.data[1:]]))
            else:
                yield name, replace(good, data=_other(rng, good.data))
        elif name == "kind":
            field = rng.choice(("chain_id", "nonce", "value_wei", "gas", "max_fee_wei", "data", "to"))
            yield name, replace(good, **{field: rng.choice([None, "7", 7.0, False, bytearray(20), ()])})
        else:
            yield name, replace(good, **{name: fields[name]()})


def _elsewhere(rng: random.Random, good: Transaction) -> bytes:
    """Another contract of Flare's; a redeployed one has two addresses, and both are its own."""
    names = tuple(COSTON2.contracts)
    there = next(CONTRACTS.addresses(name) for name in names if good.to in CONTRACTS.addresses(name))
    return rng.choice([a for name in names for a in CONTRACTS.addresses(name) if a not in there])


@pytest.mark.parametrize(("key", "good"), GOOD.items(), ids=IDS)
def test_the_good_request_is_signed_and_its_sender_is_the_keys_account(key, good):
    signer = signer_for(key[0])
    signed = signer.sign(good)
    assert Account.recover_transaction(signed.raw) == Account.from_key(signer._key.reveal()).address
    legacy = signer.sign(replace(good, legacy=True, max_priority_fee_wei=good.max_fee_wei))
    assert bytes.fromhex(Account.recover_transaction(legacy.raw)[2:]) == signer.address


@pytest.mark.parametrize(("key", "good"), GOOD.items(), ids=IDS)
def test_every_changed_request_is_refused(key, good):
    role, function = key
    rng = random.Random(f"{role} {function}")
    told: Counter[str] = Counter()
    signer = signer_for(role)
    for name, changed in _mutations(rng, good, role, function):
        if changed == good and type(changed.legacy) is bool:
            continue
        with pytest.raises(ChronoError) as refused:
            signer.sign(changed)
        assert refused.value.reason is SIGNER_REFUSED, (name, changed)
        told[name] += 1
    assert told.total() > MUTATIONS * 0.9
    assert len(told) >= 10
    signer_for(role).sign(good)


@pytest.mark.parametrize(("key", "good"), GOOD.items(), ids=IDS)
def test_a_key_of_another_role_refuses_the_request(key, good):
    for role in ROLES:
        if role is not key[0]:
            with pytest.raises(ChronoError, match="policy"):
                signer_for(role).sign(good)


@pytest.mark.parametrize("role", ROLES)
def test_attempts_at_one_nonce_end_and_the_next_hour_begins_anew(role):
    around = house()
    signer = signer_for(role, around)
    good = next(each for key, each in GOOD.items() if key[0] is role)
    attempts = CAPS[role].rate.attempts
    for _ in range(attempts):
        signer.sign(good)
    with pytest.raises(ChronoError, match="attempts at nonce 7"):
        signer.sign(good)
    signer.sign(replace(good, nonce=8))
    around.clock.advance(HOUR_NS)
    signer.sign(good)


@pytest.mark.parametrize("role", ROLES)
def test_transactions_of_an_hour_end(role):
    around = house()
    signer = signer_for(role, around)
    good = replace(next(each for key, each in GOOD.items() if key[0] is role), max_fee_wei=1, max_priority_fee_wei=1)
    for nonce in range(CAPS[role].rate.transactions):
        signer.sign(replace(good, nonce=nonce))
        around.clock.advance(SECOND_NS)
    with pytest.raises(ChronoError, match="transactions in an hour"):
        signer.sign(replace(good, nonce=10**6))


def test_reveals_may_use_what_commits_must_leave():
    signer = signer_for(Role.SUBMIT)
    caps = CAPS[Role.SUBMIT]
    commit, reveal = GOOD[Role.SUBMIT, "submit1"], GOOD[Role.SUBMIT, "submit2"]
    dear = {"max_fee_wei": caps.fee_wei // 2 // commit.gas}
    for nonce in range(commits := caps.hour_wei // caps.fee_wei):
        signer.sign(replace(commit, nonce=nonce, **dear))
    with pytest.raises(ChronoError, match="wei in an hour"):
        signer.sign(replace(commit, nonce=commits, **dear))
    for more in range(commits):
        signer.sign(replace(reveal, nonce=1000 + more, **dear))
    with pytest.raises(ChronoError, match="wei in an hour"):
        signer.sign(replace(reveal, nonce=2000, **dear))


def test_a_dearer_attempt_at_the_same_nonce_counts_once():
    signer = signer_for(Role.SUBMIT)
    reveal = GOOD[Role.SUBMIT, "submit2"]
    for bump in range(30):
        price = reveal.max_fee_wei * (111**bump) // (100**bump)
        signer.sign(replace(reveal, max_fee_wei=price))
    assert signer._policy._meter.spent_wei() == price * reveal.gas
