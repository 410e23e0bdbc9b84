"""The keys of an entity's addresses: each allows its one call, to its one contract, with its one argument."""

import pytest
from msgspec.structs import replace

from chrono.errors import LEDGER_DECLINED, SIGNER_REFUSED, ChronoError
from chrono.flare.address import Address
from chrono.flare.contracts.entity_calls import ENTITY_CALLS
from chrono.flare.contracts.functions import FUNCTIONS
from chrono.flare.signatures import address_of, sign
from chrono.keys.entity_calls import CAPS, ENTITY_ROLES, confirmation_policy, proposals_policy
from chrono.keys.guarded import GuardedSigner
from chrono.keys.guards import Place
from chrono.keys.roles import COLD, Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from tests.fakes.key_requests import CHAIN_ID, CONTRACTS, IDENTITY, good_requests, secret_of, transaction_of

PLACE = Place(chain_id=CHAIN_ID, contracts=CONTRACTS, monotonic_ns=lambda: 0)
OURS = {role: Address(bytes([number]) * 20) for number, role in enumerate(ENTITY_ROLES, 1)}
STRANGER = Address(b"\x77" * 20)


def proposing():
    return Signer(SecretKey(secret_of(Role.IDENTITY)), proposals_policy(PLACE, addresses=OURS))


def confirming(role):
    return Signer(SecretKey(secret_of(role)), confirmation_policy(role, PLACE, identity=IDENTITY))


def proposal(role, address=None):
    return transaction_of("EntityManager", ENTITY_CALLS[role].propose.encode(address or OURS[role]))


def confirmation(role, identity=IDENTITY):
    return transaction_of("EntityManager", ENTITY_CALLS[role].confirm.encode(identity))


def why(signer, transaction):
    with pytest.raises(ChronoError) as refused:
        signer.sign(transaction)
    assert refused.value.reason is SIGNER_REFUSED
    return refused.value.facts["why"]


CASES = [pytest.param(proposing, proposal(role), id=f"propose {role}") for role in ENTITY_ROLES]
CASES += [pytest.param(lambda role=role: confirming(role), confirmation(role), id=f"confirm {role}") for role in OURS]


def test_the_roles_with_keystores_come_first_and_the_delegation_address_is_cold():
    assert [role for role in ENTITY_ROLES if role in COLD] == [ENTITY_ROLES[-1]] == [Role.DELEGATION]


def test_the_shapes_are_those_of_the_vectors_as_far_as_these_go():
    known = {shape.name: shape.canonical for shape in FUNCTIONS if shape.contract == "EntityManager"}
    ours = {shape.name: shape.canonical for calls in ENTITY_CALLS.values() for shape in (calls.propose, calls.confirm)}
    assert len(ours) == 8
    assert known.items() - ours.items() == {
        ("registerPublicKey", "registerPublicKey(bytes32,bytes32,bytes)"),
        ("registerNodeId", "registerNodeId(bytes20,bytes,bytes)"),
    }


@pytest.mark.parametrize(("signer", "good"), CASES)
def test_the_call_that_is_meant_is_signed(signer, good):
    assert signer().sign(good).transaction == good


@pytest.mark.parametrize(("signer", "good"), CASES)
def test_every_bit_of_the_calldata_is_looked_at(signer, good):
    """288 mutated requests for each call."""
    key = signer()
    for bit in range(8 * len(good.data)):
        data = bytearray(good.data)
        data[bit // 8] ^= 1 << bit % 8
        assert why(key, replace(good, data=bytes(data))) in ("identity", "function"), bit


@pytest.mark.parametrize(("signer", "good"), CASES)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chain_id": CHAIN_ID + 1}, "chain"),
        ({"to": STRANGER}, "contract"),
        ({"to": CONTRACTS.addresses("Submission")[0]}, "contract"),
        ({"value_wei": 1}, "value"),
        ({"gas": CAPS.gas + 1}, "gas"),
        ({"gas": 21_000}, "gas"),
        ({"max_fee_wei": CAPS.fee_wei}, "fee"),
        ({"max_fee_wei": 0, "max_priority_fee_wei": 0}, "fee"),
        ({"nonce": -1}, "shape"),
        ({"data": b""}, "function"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_whatever_else_a_request_changes_is_refused(signer, good, change, told):
    assert why(signer(), replace(good, **change)) == told


@pytest.mark.parametrize(("signer", "good"), CASES)
def test_more_or_fewer_bytes_are_refused(signer, good):
    for data in (good.data + b"\0", good.data[:-1], good.data + good.data, good.data[:4]):
        assert why(signer(), replace(good, data=data)) == "identity"


@pytest.mark.parametrize("role", ENTITY_ROLES)
def test_an_address_is_proposed_in_its_own_role_only(role):
    for other in set(ENTITY_ROLES) - {role}:
        assert why(proposing(), proposal(role, OURS[other])) == "identity"


@pytest.mark.parametrize("role", ENTITY_ROLES)
def test_a_role_that_was_not_asked_for_is_not_proposed(role):
    left = {other: address for other, address in OURS.items() if other is not role}
    signer = Signer(SecretKey(secret_of(Role.IDENTITY)), proposals_policy(PLACE, addresses=left))
    assert why(signer, proposal(role)) == "function"


@pytest.mark.parametrize("role", ENTITY_ROLES)
def test_a_key_confirms_its_own_role_only_and_proposes_nothing(role):
    for other in set(ENTITY_ROLES) - {role}:
        assert why(confirming(role), confirmation(other)) == "function"
    assert why(confirming(role), proposal(role)) == "function"
    assert why(proposing(), confirmation(role)) == "function"


@pytest.mark.parametrize("duty", good_requests().values(), ids=lambda each: each.data[:4].hex())
def test_meanwhile_a_key_does_none_of_its_duties(duty):
    for signer in (proposing(), *map(confirming, ENTITY_ROLES)):
        assert why(signer, duty) == "function"


def test_only_so_many_are_signed_in_an_hour():
    signer = proposing()
    for nonce in range(CAPS.rate.transactions):
        signer.sign(replace(proposal(Role.SUBMIT), nonce=nonce))
    assert why(signer, replace(proposal(Role.SUBMIT), nonce=CAPS.rate.transactions)) == "rate"


class Pressed:
    """A signer that holds its key itself, and signs whatever it is given."""

    def __init__(self, fault=None):
        self._secret, self._fault = secret_of(Role.IDENTITY), fault
        self.address, self.asked = address_of(self._secret), []

    def sign(self, transaction):
        self.asked.append(transaction)
        if self._fault is not None:
            raise self._fault
        return transaction.signed(sign(transaction.signing_hash(), self._secret))


def test_a_device_does_not_even_hear_of_what_its_policy_refuses():
    device = Pressed()
    guarded = GuardedSigner(device, proposals_policy(PLACE, addresses=OURS))
    assert (guarded.role, guarded.address) == (Role.IDENTITY, device.address)
    assert why(guarded, proposal(Role.SUBMIT, STRANGER)) == "identity"
    assert device.asked == []
    assert guarded.sign(proposal(Role.SUBMIT)).transaction == proposal(Role.SUBMIT)


def test_presses_are_counted_as_signatures_are():
    guarded = GuardedSigner(Pressed(), proposals_policy(PLACE, addresses=OURS))
    for _ in range(CAPS.rate.attempts):
        guarded.sign(proposal(Role.SUBMIT))
    assert why(guarded, proposal(Role.SUBMIT)) == "attempts"


def test_what_a_device_does_not_know_is_a_reason_and_no_crash():
    guarded = GuardedSigner(Pressed(ValueError("a chain that it cannot show")), proposals_policy(PLACE, addresses=OURS))
    with pytest.raises(ChronoError, match="cannot show") as fault:
        guarded.sign(proposal(Role.SUBMIT))
    assert fault.value.reason is LEDGER_DECLINED
