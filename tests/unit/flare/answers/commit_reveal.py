"""Chrono's answers to commit_reveal.json: the commit hash, and what is sent for both steps."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.commit import Reveal, decode_commit, decode_reveal
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata


def answer(case: dict[str, Any]) -> dict[str, Any]:
    round_id = case["votingRoundId"]
    reveal = Reveal(*(bytes.fromhex(case[name].removeprefix("0x")) for name in ("random", "encodedFeedValues")))
    commit = decode_commit(reveal.commit_hash(parse_address(case["submitAddress"]), round_id))
    assert decode_reveal(reveal.payload, random_only=True) == reveal
    commit_frame, reveal_frame = Frame(FTSO, round_id, commit), Frame(FTSO, round_id, reveal.payload)
    told = {
        "commitHash": commit,
        "submit1Data": bytes(commit_frame),
        "submit2Data": bytes(reveal_frame),
        "revealPayload": reveal.payload,
        "submit1Calldata": calldata(SubmissionFunction.SUBMIT1, [commit_frame]),
        "submit2Calldata": calldata(SubmissionFunction.SUBMIT2, [reveal_frame]),
    }
    return {name: "0x" + value.hex() for name, value in told.items()}
