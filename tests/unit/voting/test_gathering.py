"""Signatures of others: one of each voter, verified, however many are sent."""

import pytest
from msgspec.structs import replace

from chrono.flare.address import Address
from chrono.flare.frames import FTSO, Frame, calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay_verdict import RelayState, verdict
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature
from chrono.flare.signing_policy import Ruling
from chrono.voting import finalising
from chrono.voting.finalising import Gathering
from tests.fakes.voting_rounds import (
    EPOCH_S,
    FACTS,
    FDC,
    ROUND,
    SIGNATURES,
    SUBMIT1,
    account,
    fdc_message,
    signature_of,
    signatures_transaction,
)

MESSAGE = ProtocolMessage(FTSO, ROUND.id, True, b"\x07" * 32)
OTHER = ProtocolMessage(FTSO, ROUND.id, False, b"\x07" * 32)
RULING = Ruling(FACTS.policy, FACTS.policy.threshold)


@pytest.fixture
def gathering() -> Gathering:
    return Gathering(FTSO, ROUND, FACTS)


def said(number: int, data: bytes, **others: object) -> Transaction:
    return replace(signatures_transaction(number, MESSAGE), calldata=data, **others)


def payload(data: bytes, protocol_id: int = FTSO, round_id: int = ROUND.id) -> bytes:
    return calldata(SIGNATURES, [Frame(protocol_id, round_id, data)])


SIGNED = SignaturePayload(signature_of(1, MESSAGE))


def test_signatures_are_weighed_by_who_made_them(gathering: Gathering) -> None:
    gathering.heard([signatures_transaction(number, MESSAGE) for number in (1, 3)])
    assert gathering.weight(MESSAGE) == 6000
    gathering.heard([signatures_transaction(number, MESSAGE) for number in (1, 3)])
    assert gathering.weight(MESSAGE) == 6000
    assert gathering.weight(OTHER) == 0


def test_a_relay_needs_more_than_the_threshold(gathering: Gathering) -> None:
    gathering.heard([signatures_transaction(number, MESSAGE) for number in (1, 3)])
    assert gathering.relay(MESSAGE, RULING) is None
    assert gathering.relay(MESSAGE, replace(RULING, threshold=5999)) is not None
    gathering.heard([signatures_transaction(0, MESSAGE)])
    relay = gathering.relay(MESSAGE, RULING)
    assert relay is not None
    assert [each.index for each in relay.signatures] == [0, 1, 3]
    state = RelayState({4: FACTS.policy.hash()}, {4: 900}, 4, (), timing=ROUND.timing, window_epochs=10)
    assert verdict(relay, state) is None


@pytest.mark.parametrize(
    "told",
    [
        replace(signatures_transaction(1, MESSAGE), sender=account(1, 1)),
        replace(signatures_transaction(1, MESSAGE), sender=account(1, 3)),
        replace(signatures_transaction(1, MESSAGE), sender=Address(bytes(20))),
        replace(signatures_transaction(1, MESSAGE), sender=account(2, 2)),
        said(1, calldata(SUBMIT1, [Frame(FTSO, ROUND.id, SIGNED.encode())])),
        said(1, payload(SIGNED.encode(), protocol_id=FDC)),
        said(1, payload(SIGNED.encode(), round_id=ROUND.id - 1)),
        said(1, payload(SIGNED.encode()) + b"\xff"),
        said(1, payload(SIGNED.encode()[:-1])),
        said(1, payload(b"\x02" + SIGNED.encode()[1:])),
        said(1, payload(b"")),
        said(1, b""),
        said(1, payload(SignaturePayload(signature_of(1, OTHER)).encode())),
        said(1, payload(SignaturePayload(Signature(29, bytes(32), bytes(32))).encode())),
        signatures_transaction(1, MESSAGE, block_time_s=EPOCH_S + 89),
        signatures_transaction(1, fdc_message()),
    ],
)
def test_what_is_no_voters_signature_of_this_result_weighs_nothing(gathering: Gathering, told: Transaction) -> None:
    gathering.heard([told])
    assert gathering.weight(MESSAGE) == 0


def test_the_old_type_counts_by_its_signature(gathering: Gathering) -> None:
    gathering.heard([said(1, payload(SignaturePayload(signature_of(1, MESSAGE), message=OTHER).encode()))])
    assert gathering.weight(MESSAGE) == 3000


def test_one_payload_of_each_voter_is_held_whatever_it_is(gathering: Gathering) -> None:
    gathering.heard([signatures_transaction(1, OTHER), signatures_transaction(1, MESSAGE)])
    assert gathering.weight(MESSAGE) == 0
    assert gathering.weight(OTHER) == 3000


def test_a_flood_is_verified_once_for_each_voter(gathering: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    recovered = []
    real = finalising.recover
    monkeypatch.setattr(finalising, "recover", lambda *what: recovered.append(what) or real(*what))
    flood = [
        replace(signatures_transaction(number % 4, MESSAGE), index=number, block_number=number)
        for number in range(4000)
    ]
    strangers = [replace(each, sender=Address(each.index.to_bytes(20, "big"))) for each in flood]
    large = [said(1, payload(SIGNED.encode() + bytes(60_000)))] * 50
    gathering.heard([*strangers, *large, *flood])
    for _ in range(50):
        gathering.weight(MESSAGE)
    assert gathering.weight(MESSAGE) == 12_000
    assert len(recovered) == 4
    assert len(gathering._held) == 4
    assert all(len(signature.encode()) == 65 for signature in gathering._held.values())


def test_a_relay_carries_verified_signatures_only(gathering: Gathering) -> None:
    gathering.heard(
        [
            signatures_transaction(0, MESSAGE),
            said(1, payload(SignaturePayload(signature_of(2, MESSAGE)).encode())),
            signatures_transaction(2, MESSAGE),
            signatures_transaction(3, MESSAGE),
        ]
    )
    relay = gathering.relay(MESSAGE, RULING)
    assert relay is not None
    assert [each.index for each in relay.signatures] == [0, 2, 3]
