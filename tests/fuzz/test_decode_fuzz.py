"""Whatever stands in a transaction or log: it is explained, or said to be unreadable; nothing else happens."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.cli.decoding.finding import About, Calldata, Log
from chrono.cli.decoding.terms import Terms
from chrono.cli.decoding.transaction import describe
from chrono.cli.decoding.words import lines_of
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.functions import FUNCTIONS
from chrono.flare.frames import Frame, SubmissionFunction, calldata
from chrono.flare.networks import NETWORKS
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import sign
from tests.fakes.signers import key_of, message_of, policy_of, relay_by

MESSAGE = message_of()
SIGNED = SignaturePayload(sign(MESSAGE.digest(), key_of(0)), message=MESSAGE).encode()
WHOLE = [
    calldata(SubmissionFunction.SUBMIT1, [Frame(100, 1210, b"\1" * 32), Frame(200, 1210, b"\1" * 9)]),
    calldata(SubmissionFunction.SUBMIT2, [Frame(100, 1210, b"\1" * 92), Frame(200, 1210, b"\0\3\7")]),
    calldata(SubmissionFunction.SUBMIT_SIGNATURES, [Frame(100, 1210, SIGNED), Frame(200, 1210, b"\1" * 70)]),
    relay_by(policy_of([3, 4, 5]), MESSAGE, [1, 2]).calldata(),
    relay_by(policy_of([3, 4, 5]), policy_of([6], epoch=6), [1, 2]).calldata(),
]
ABOUTS = st.builds(
    About,
    sender=st.none() | st.text(max_size=45),
    to=st.none() | st.text(max_size=45),
    time_s=st.none() | st.integers(0, 32_503_679_999),
    network=st.none() | st.sampled_from(["flare", "coston2", 14, 1, -1]),
)


def check(found: Calldata | Log, terms: Terms) -> None:
    document = describe(found, terms)
    assert document["decoded"] is (document["faults"] == [])
    assert json.loads(json.dumps(document)) == document
    assert list(lines_of(document))


def terms_of(place: int) -> Terms:
    known: dict[tuple[int, int], ProtocolMessage] = {(200, 1210): MESSAGE}
    return Terms(NETWORKS[place % len(NETWORKS)], messages=known)


@settings(max_examples=1500)
@given(st.sampled_from(FUNCTIONS), st.binary(max_size=700), ABOUTS, st.integers(0, 3))
def test_any_bytes_behind_any_selector_are_explained_or_unreadable(
    shape, rest: bytes, about: About, place: int
) -> None:
    check(Calldata(about, "0x" + (shape.selector + rest).hex()), terms_of(place))


@settings(max_examples=1500)
@given(st.sampled_from(WHOLE), st.data(), ABOUTS, st.integers(0, 3))
def test_a_damaged_transaction_is_explained_or_unreadable(whole: bytes, data, about: About, place: int) -> None:
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(4, len(changed) - 1))] = data.draw(st.integers(0, 255))
    del changed[data.draw(st.integers(0, len(changed))) :]
    check(Calldata(about, changed.hex()), terms_of(place))


@settings(max_examples=1000)
@given(st.sampled_from(EVENTS), st.lists(st.binary(max_size=33), max_size=4), st.binary(max_size=500), ABOUTS)
def test_any_log_of_any_event_is_explained_or_unreadable(shape, topics: list[bytes], data: bytes, about: About) -> None:
    texts = ("0x" + shape.topic.hex(), *("0x" + topic.hex() for topic in topics))
    check(Log(about, texts, data.hex()), terms_of(0))


@given(st.text(max_size=60), ABOUTS)
def test_any_text_is_explained_or_unreadable(text: str, about: About) -> None:
    check(Calldata(about, text), terms_of(0))
    check(Log(about, (text, text), text), terms_of(0))
