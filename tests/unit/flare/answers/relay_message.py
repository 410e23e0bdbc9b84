"""relay_message.json: the relay of a message with given signers, and the same composed from everybody's signatures."""

from typing import Any

from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import IndexedSignature, Relay, compose
from chrono.flare.signatures import sign
from tests.unit.flare.policy_spelling import policy_of


def answer(case: dict[str, Any]) -> object:
    policy, message = policy_of(case["policy"]), _message(case["message"])
    signatures = tuple(
        IndexedSignature(signer["index"], sign(message.digest(), bytes.fromhex(signer["privateKey"][2:])))
        for signer in case["signers"]
    )
    relay = Relay(policy, message, signatures)
    assert Relay.decode(relay.encode()) == relay
    assert compose(policy, message, [each.signature for each in signatures], policy.threshold) == relay
    return {
        "relayMessage": "0x" + relay.encode().hex(),
        "calldata": "0x" + relay.calldata().hex(),
        "messageHash": "0x" + message.hash().hex(),
    }


def _message(fields: dict[str, Any]) -> ProtocolMessage:
    root = bytes.fromhex(fields["merkleRoot"][2:])
    return ProtocolMessage(fields["protocolId"], fields["votingRoundId"], fields["isSecureRandom"], root)
