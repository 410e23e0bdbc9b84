"""Every codec of signatures and duties gives back what it was given; whatever else arrives, it is refused by name."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.flare.abi import Malformed, decode, encode
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS, decode_event
from chrono.flare.contracts.functions import FUNCTIONS, decode_call
from chrono.flare.contracts.shapes import EventShape, FunctionShape, Parameter
from chrono.flare.fdc import BitVote
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import IndexedSignature, Relay
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, recover
from chrono.flare.signing_policy import HEAD_BYTES, SigningPolicy, policy_hash
from chrono_core import keccak256
from tests.fakes.fuzzing import TIMES

hashes = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
signatures = st.builds(Signature, st.integers(0, 255), hashes, hashes)
messages = st.builds(ProtocolMessage, st.integers(1, 255), st.integers(0, 2**32 - 1), st.booleans(), hashes)
payloads = st.builds(SignaturePayload, signatures, st.binary(max_size=80), st.none() | messages)


@st.composite
def policies(draw: st.DrawFn) -> SigningPolicy:
    voters = tuple(draw(st.lists(addresses, max_size=40)))
    most = 65_535 // max(len(voters), 1)
    return SigningPolicy(
        draw(st.integers(0, 2**24 - 1)),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 2**16 - 1)),
        draw(st.integers(0, 2**256 - 1)),
        voters,
        tuple(draw(st.integers(0, most)) for _ in voters),
    )


relays = st.builds(
    Relay,
    policies(),
    messages | policies(),
    st.lists(st.builds(IndexedSignature, st.integers(0, 2**16 - 1), signatures), max_size=6).map(tuple),
)


@st.composite
def damaged(draw: st.DrawFn, good: st.SearchStrategy[bytes]) -> bytes:
    """Bytes cut, lengthened, or with some of them changed."""
    data = bytearray(draw(good))
    match draw(st.integers(0, 2)):
        case 0:
            del data[draw(st.integers(0, len(data))) :]
        case 1:
            data += draw(st.binary(min_size=1, max_size=70))
        case _:
            for _ in range(draw(st.integers(1, 4)) if data else 0):
                data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@given(policies())
def test_a_policy_comes_back_from_its_bytes(policy: SigningPolicy) -> None:
    encoded = policy.encode()
    assert len(encoded) == HEAD_BYTES + 22 * len(policy.voters)
    assert SigningPolicy.decode(encoded) == policy
    assert SigningPolicy.decode(encoded + b"more", exact=False) == policy
    with pytest.raises(Malformed):
        SigningPolicy.decode(encoded + b"more")


@given(policies())
def test_the_hash_of_a_policy_folds_its_chunks_one_by_one(policy: SigningPolicy) -> None:
    encoded = policy.encode()
    chunks = [encoded[at : at + 32].ljust(32, b"\0") for at in range(0, len(encoded), 32)]
    folded = keccak256(chunks[0] + chunks[1])
    for chunk in chunks[2:]:
        folded = keccak256(folded + chunk)
    assert policy_hash(encoded) == policy.hash() == folded


@given(messages)
def test_a_message_comes_back_from_its_38_bytes(message: ProtocolMessage) -> None:
    assert len(message.encode()) == 38
    assert ProtocolMessage.decode(message.encode()) == message


@given(payloads)
def test_a_signature_payload_comes_back_from_its_bytes(payload: SignaturePayload) -> None:
    encoded = payload.encode()
    assert len(encoded) == (66 if payload.type == 1 else 104) + len(payload.unsigned_message)
    assert SignaturePayload.decode(encoded) == payload


@given(relays)
def test_a_relay_comes_back_from_its_bytes(relay: Relay) -> None:
    assert Relay.decode(relay.encode()) == relay


@given(
    st.integers(0, 2**16 - 1).flatmap(lambda n: st.builds(BitVote, st.just(n), st.integers(0, 2 ** min(n, 300) - 1)))
)
def test_a_bit_vote_comes_back_from_its_bytes(vote: BitVote) -> None:
    assert BitVote.decode(vote.encode()) == vote


@settings(max_examples=1000 * TIMES)
@given(damaged(policies().map(SigningPolicy.encode)))
def test_a_damaged_policy_is_refused_or_is_another_policy(data: bytes) -> None:
    try:
        assert SigningPolicy.decode(data).encode() == data
    except Malformed as fault:
        assert 0 <= fault.at <= len(data)


@settings(max_examples=1000 * TIMES)
@given(damaged(payloads.map(SignaturePayload.encode)))
def test_a_damaged_signature_payload_is_refused_or_is_another_one(data: bytes) -> None:
    try:
        assert SignaturePayload.decode(data).encode() == data
    except Malformed as fault:
        assert 0 <= fault.at <= len(data)


@settings(max_examples=1000 * TIMES)
@given(damaged(relays.map(Relay.encode)))
def test_a_damaged_relay_is_refused_or_is_another_one(data: bytes) -> None:
    try:
        assert Relay.decode(data).encode() == data
    except Malformed as fault:
        assert 0 <= fault.at <= len(data)


@given(hashes, signatures)
def test_any_numbers_for_a_signature_give_an_address_or_nobody(digest: bytes, signature: Signature) -> None:
    signer = recover(digest, signature)
    assert signer is None or len(signer) == 20
    assert signer is None or signature.v in (27, 28)


def values_for(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values of a parameter as eth_abi takes them."""
    if parameter.is_array:
        return st.lists(_one(parameter), max_size=4).map(tuple)
    return _one(parameter)


def _one(parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.parts:
        return st.tuples(*(values_for(part) for part in parameter.parts))
    base = parameter.base
    if base == "address":
        return addresses
    if base == "bool":
        return st.booleans()
    if base == "string":
        return st.text(max_size=20)
    if base == "bytes":
        return st.binary(max_size=70)
    if base.startswith("bytes"):
        return st.binary(min_size=int(base[5:]), max_size=int(base[5:]))
    bits = int(base.lstrip("uint"))
    return (
        st.integers(0, 2**bits - 1) if base.startswith("uint") else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )


@pytest.mark.parametrize("shape", list(FUNCTIONS), ids=lambda shape: shape.name)
@settings(max_examples=30 * TIMES)
@given(data=st.data())
def test_the_arguments_of_every_function_come_back_from_its_calldata(shape: FunctionShape, data: st.DataObject) -> None:
    given_values = [data.draw(values_for(parameter)) for parameter in shape.parameters]
    calldata = shape.encode(*given_values)
    call = decode_call(calldata)
    assert call is not None
    assert (call.contract, call.name) == (shape.contract, shape.name)
    assert list(call.arguments.values()) == given_values
    broken = data.draw(damaged(st.just(calldata)))
    try:
        decode_call(broken)
    except Malformed as fault:
        assert fault.what


@st.composite
def logs(draw: st.DrawFn, shape: EventShape) -> tuple[list[bytes], bytes]:
    """Topics and data of an event with any values."""
    indexed = [parameter for parameter in shape.parameters if parameter.indexed]
    rest = [parameter for parameter in shape.parameters if not parameter.indexed]
    topics = [encode([each.type], [draw(values_for(each))]) for each in indexed]
    return [shape.topic, *topics], encode([each.type for each in rest], [draw(values_for(each)) for each in rest])


@pytest.mark.parametrize("shape", EVENTS, ids=lambda shape: f"{shape.contract}.{shape.name}-{shape.topic.hex()[:4]}")
@settings(max_examples=60 * TIMES)
@given(data=st.data())
def test_every_event_is_read_with_its_values_or_refused_by_name(shape: EventShape, data: st.DataObject) -> None:
    topics, body = data.draw(logs(shape))
    values = shape.values(topics, body)
    rest = [(p.type, v) for p, v in zip(shape.parameters, values, strict=True) if not p.indexed]
    assert encode([kind for kind, _ in rest], [value for _, value in rest]) == body
    for each in (body, data.draw(damaged(st.just(body)))):
        try:
            event = decode_event(topics, each)
            assert event is not None
        except Malformed as fault:
            assert fault.what


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=300))
def test_a_log_of_any_bytes_is_of_no_event_that_we_know(topics: list[bytes], data: bytes) -> None:
    assert decode_event(topics, data) is None


def test_pointers_to_the_same_bytes_cost_no_more_than_their_length() -> None:
    """3000 arrays of 3000 values, all of them the same 96 kB: nine million values if nobody counted."""
    count = 3000
    bomb = b"".join(
        [
            (32).to_bytes(32, "big"),
            count.to_bytes(32, "big"),
            (32 * count).to_bytes(32, "big") * count,
            count.to_bytes(32, "big"),
            bytes(32 * count),
        ]
    )
    with pytest.raises(Malformed, match="again and again"):
        decode(["uint256[][]"], bomb)
