"""signature_payload.json: the message, its signature, and the payloads of both types with their frames."""

from typing import Any

from chrono.flare.frames import Frame, SubmissionFunction, calldata, decode_calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import sign


def message_of(fields: dict[str, Any]) -> ProtocolMessage:
    return ProtocolMessage(
        protocol_id=fields["protocolId"],
        voting_round_id=fields["votingRoundId"],
        is_secure_random=fields["isSecureRandom"],
        merkle_root=bytes.fromhex(fields["merkleRoot"][2:]),
    )


def answer(case: dict[str, Any]) -> object:
    message = message_of(case["message"])
    signature = sign(message.digest(), bytes.fromhex(case["privateKey"][2:]))
    unsigned = bytes.fromhex((case["unsignedMessage"] or "0x")[2:])
    type1 = SignaturePayload(signature, unsigned)
    type0 = SignaturePayload(signature, unsigned, message)
    assert "0x" + (type1.signer(message) or b"").hex() == case["signer"]
    for payload in (type0, type1):
        _, [frame] = decode_calldata(_calldata(message, payload))
        assert SignaturePayload.decode(frame.payload) == payload
    return {
        "encodedMessage": "0x" + message.encode().hex(),
        "messageHash": "0x" + message.hash().hex(),
        "ethSignedHash": "0x" + message.digest().hex(),
        "v": signature.v,
        "r": "0x" + signature.r.hex(),
        "s": "0x" + signature.s.hex(),
        "payloadType0": "0x" + type0.encode().hex(),
        "payloadType1": "0x" + type1.encode().hex(),
        "framedType1": "0x" + bytes(_frame(message, type1)).hex(),
        "submitSignaturesCalldataType1": "0x" + _calldata(message, type1).hex(),
        "submitSignaturesCalldataType0": "0x" + _calldata(message, type0).hex(),
    }


def _frame(message: ProtocolMessage, payload: SignaturePayload) -> Frame:
    return Frame(message.protocol_id, message.voting_round_id, payload.encode())


def _calldata(message: ProtocolMessage, payload: SignaturePayload) -> bytes:
    return calldata(SubmissionFunction.SUBMIT_SIGNATURES, [_frame(message, payload)])
