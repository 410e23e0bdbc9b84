"""Parsing of submit1 and submit2 against py-flare-common, on whole and broken transactions: 5,000 of each, or
100,000 with CHRONO_FUZZ=long.

Where it is known to differ, this says exactly how: it gives up the whole transaction when one FTSO or FDC payload is
bad (the reference implementation only passes over that payload), keeps the last frame of a protocol, drops frames of
protocols that it does not know, reads a reveal without values, and does not know how many feeds there are.
Source: fsp.md section 10. It also takes four bytes that look like a selector for one wherever it meets them.
"""

import os
import random
from collections.abc import Callable

import pytest
from py_flare_common.fsp.messaging import parse_generic_tx, parse_submit1_tx
from py_flare_common.fsp.messaging.byte_parser import ParseError
from py_flare_common.fsp.messaging.parse import ftso_submit2

from chrono.flare.commit import decode_commit, decode_reveal
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, decode_calldata, encode_frames
from chrono.flare.refusal import Refused
from tests.fakes.fuzzing import LONG

CASES = 100_000 if LONG else 5_000
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20261121"))
MANY_FEEDS = 20_000
"""More feeds than a payload has room for values: py-flare-common does not check their number."""

pytestmark = pytest.mark.timeout(600)
Told = tuple[int, object] | None


def a_payload(chance: random.Random, function: SubmissionFunction, protocol: int) -> bytes:
    commit = 32 if protocol == FTSO else 0
    good = commit if function is SubmissionFunction.SUBMIT1 else 32 + 4 * chance.randint(0, 70)
    length = good if chance.random() < 0.95 else chance.randint(0, 90)
    empty = chance.random() < 0.1
    return bytes(length) if empty else chance.randbytes(length)


def a_transaction(chance: random.Random, function: SubmissionFunction) -> bytes:
    """Frames, whole; in a third of the cases then cut, lengthened or changed in one byte."""
    protocols = chance.choices([FTSO, FDC, 0, 7, 255], [6, 3, 1, 1, 1], k=chance.randint(0, 4))
    frames = [Frame(each, chance.getrandbits(32), a_payload(chance, function, each)) for each in protocols]
    data = bytearray(encode_frames(frames))
    match chance.randint(0, 8):
        case 0:
            del data[chance.randint(0, len(data)) :]
        case 1:
            data += chance.randbytes(chance.randint(1, 12))
        case 2 if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randint(0, 7)
    return bytes(data)


def ours(data: bytes, function: SubmissionFunction) -> dict[int, Told] | None:
    """The last message of FTSO and FDC as py-flare-common would tell them; None where it would give up."""
    try:
        called, frames = decode_calldata(data)
        assert called is function
        told: dict[int, Told] = {FTSO: None, FDC: None}
        for frame in frames:
            if frame.protocol_id == FTSO:
                told[FTSO] = (frame.voting_round_id, our_payload(frame.payload, function))
            elif frame.protocol_id == FDC:
                if function is SubmissionFunction.SUBMIT1 and frame.payload:
                    return None
                told[FDC] = (frame.voting_round_id, frame.payload)
    except Refused:
        return None
    return told


def our_payload(payload: bytes, function: SubmissionFunction) -> object:
    if function is SubmissionFunction.SUBMIT1:
        return decode_commit(payload)
    reveal = decode_reveal(payload, random_only=True)
    values = reveal.values(MANY_FEEDS)[: len(reveal.encoded_values) // 4]
    return int.from_bytes(reveal.random, "big"), values


def theirs_submit1(data: bytes) -> dict[int, Told]:
    told = parse_submit1_tx(data)
    ftso = told.ftso and (told.ftso.voting_round_id, told.ftso.payload.commit_hash)
    return {FTSO: ftso, FDC: told.fdc and (told.fdc.voting_round_id, b"")}


def theirs_submit2(data: bytes) -> dict[int, Told]:
    told = parse_generic_tx(data, ftso_submit2)
    ftso = told.ftso and (told.ftso.voting_round_id, (told.ftso.payload.random, told.ftso.payload.values))
    return {FTSO: ftso, FDC: told.fdc and (told.fdc.voting_round_id, told.fdc.payload)}


@pytest.mark.parametrize(
    ("function", "theirs"),
    [(SubmissionFunction.SUBMIT1, theirs_submit1), (SubmissionFunction.SUBMIT2, theirs_submit2)],
)
def test_transactions_are_read_and_refused_as_py_flare_common_does(
    function: SubmissionFunction, theirs: Callable[[bytes], dict[int, Told]]
) -> None:
    chance = random.Random(SEED)
    refused = 0
    for number in range(CASES):
        data = function.value + a_transaction(chance, function)
        try:
            expected = theirs(data)
        except ParseError:
            expected = None
        assert ours(data, function) == expected, (SEED, number, data.hex())
        refused += expected is None
    assert CASES // 20 < refused < CASES // 2
