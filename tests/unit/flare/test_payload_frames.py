"""Frames of several protocols in one transaction; each malformed one is refused by its own name."""

import pytest

from chrono.flare.contracts.functions import FUNCTIONS
from chrono.flare.frames import (
    FDC,
    FTSO,
    Frame,
    SubmissionFunction,
    calldata,
    decode_calldata,
    decode_frames,
    encode_frames,
    frames_of,
)
from chrono.flare.refusal import Fault, Refused

OURS, THEIRS = Frame(FTSO, 777, b"\x11\x22"), Frame(FDC, 777, b"\x33")
BOTH = bytes.fromhex("640000030900021122c800000309000133")


def fault_of(call) -> Fault:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.fault


def test_frames_of_several_protocols_follow_one_another() -> None:
    assert encode_frames([OURS, THEIRS]) == BOTH
    assert decode_frames(BOTH) == [OURS, THEIRS]
    assert frames_of(BOTH, FDC) == [THEIRS]


@pytest.mark.parametrize("function", SubmissionFunction)
def test_calldata_is_the_selector_and_the_frames(function: SubmissionFunction) -> None:
    data = calldata(function, [OURS, THEIRS])
    assert data == function.value + BOTH
    assert decode_calldata(data) == (function, [OURS, THEIRS])


def test_the_selectors_are_those_of_the_contract() -> None:
    names = {function.value: function.name.replace("_", "").lower() for function in SubmissionFunction}
    contract = {shape.selector: shape.name.lower() for shape in FUNCTIONS if shape.contract == "Submission"}
    assert {selector: contract[selector] for selector in names} == names


def test_no_bytes_are_no_frames_and_a_payload_may_be_empty() -> None:
    assert decode_frames(b"") == []
    assert decode_frames(bytes.fromhex("c833d422340000")) == [Frame(FDC, 0x33D42234, b"")]


@pytest.mark.parametrize("cut", range(1, len(BOTH)))
def test_frames_cut_off_anywhere_but_between_two_are_refused_for_what_is_missing(cut: int) -> None:
    if cut == 9:
        assert decode_frames(BOTH[:cut]) == [OURS]
        return
    expected = Fault.PAYLOAD_CUT if cut in (7, 8, 16) else Fault.HEADER_CUT
    assert fault_of(lambda: decode_frames(BOTH[:cut])) is expected


def test_a_bad_frame_voids_those_before_it_and_those_of_the_other_protocol() -> None:
    for tail in (b"\xff", b"\xc8\0\0\0\0\0\x01"):
        assert fault_of(lambda tail=tail: frames_of(BOTH + tail, FTSO)) in (Fault.HEADER_CUT, Fault.PAYLOAD_CUT)


def test_the_largest_frame_is_read_and_one_byte_more_is_refused() -> None:
    largest = Frame(255, 2**32 - 1, bytes(65_535))
    assert decode_frames(bytes(largest)) == [largest]
    assert fault_of(lambda: bytes(Frame(255, 1, bytes(65_536)))) is Fault.PAYLOAD_LENGTH


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (Frame(256, 1, b""), Fault.PROTOCOL_RANGE),
        (Frame(-1, 1, b""), Fault.PROTOCOL_RANGE),
        (Frame(100, 2**32, b""), Fault.ROUND_RANGE),
        (Frame(100, -1, b""), Fault.ROUND_RANGE),
    ],
)
def test_ids_that_do_not_fit_are_refused_by_name(frame: Frame, fault: Fault) -> None:
    assert fault_of(lambda: bytes(frame)) is fault


def test_one_protocol_twice_is_never_sent_but_read_for_others_do_send_it() -> None:
    twice = [OURS, Frame(FTSO, 778, b"")]
    assert fault_of(lambda: calldata(SubmissionFunction.SUBMIT2, twice)) is Fault.PROTOCOL_TWICE
    assert decode_frames(encode_frames(twice)) == twice


@pytest.mark.parametrize(
    ("data", "fault"),
    [(b"", Fault.NO_SELECTOR), (b"\x6c\x53\x2f", Fault.NO_SELECTOR), (b"\xb5\x95\x89\xd1", Fault.UNKNOWN_FUNCTION)],
)
def test_calldata_of_another_function_is_refused_by_name(data: bytes, fault: Fault) -> None:
    assert fault_of(lambda: decode_calldata(data)) is fault
