"""Chrono's answers to payload_message.json: frames of several protocols, one behind the other, and back."""

from typing import Any

from chrono.flare.frames import Frame, decode_frames, encode_frames
from chrono.flare.refusal import Refused


def answer(case: dict[str, Any]) -> dict[str, Any]:
    return {"encode_concat": _encoded, "decode": _decoded}[case["op"]](case)


def _encoded(case: dict[str, Any]) -> dict[str, Any]:
    frames = [
        Frame(message["protocolId"], message["votingRoundId"], bytes.fromhex(message["payload"].removeprefix("0x")))
        for message in case["messages"]
    ]
    encoded = encode_frames(frames)
    assert decode_frames(encoded) == frames
    return {"encoded": "0x" + encoded.hex()}


def _decoded(case: dict[str, Any]) -> dict[str, Any]:
    text = case["encoded"]
    try:
        frames = decode_frames(bytes.fromhex(text.removeprefix("0x")))
    except Refused:
        return {"error": True, "message": f"Invalid format - too short: {len(text)}"}
    except ValueError:
        return {"error": True, "message": f"Invalid format - not hex string: {text}"}
    return {"messages": [_spelled(frame) for frame in frames]}


def _spelled(frame: Frame) -> dict[str, Any]:
    payload = "0x" + frame.payload.hex()
    return {"protocolId": frame.protocol_id, "votingRoundId": frame.voting_round_id, "payload": payload}
