"""Answers that have not the promised form are refused, whatever they are."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.chain import answers
from chrono.chain.answers import NotAnAnswer
from chrono.chain.verdicts import Verdict, best_of, verdict_of

REFUSALS = (NotAnAnswer, msgspec.DecodeError)
HEAD = {"number": "0x10", "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "timestamp": "0x6553f100"}


@pytest.mark.parametrize(
    "text", ["", "0x", "NaN", "0xNaN", "Infinity", "1e400", "-0x1", "0x-1", "0x" + "f" * 65, "١", "0x1 ", "0x1\n"]
)
def test_a_quantity_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotAnAnswer):
        answers.read_number(json.dumps(text).encode())


@pytest.mark.parametrize("text", ["NaN", "1e400", "12", "null", "true", "[]", "{}", '"0x1', ""])
def test_a_quantity_that_is_no_string_is_refused(text: str) -> None:
    with pytest.raises(REFUSALS):
        answers.read_number(text.encode())


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0x1", "0x" + "ab" * 32, "0x" + "cd" * 20]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*HEAD, "transactions", "topics", "from"]), inner)
    ),
    max_leaves=12,
)


@given(st.one_of(json_like.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60)))
def test_readers_give_a_value_or_refuse_and_nothing_else(result: bytes) -> None:
    readers = (
        answers.read_number,
        answers.read_data,
        answers.read_head,
        answers.read_hashes,
        lambda data: answers.read_block(data, ()),
        answers.read_logs,
        answers.read_receipt,
    )
    for read in readers:
        try:
            read(result)
        except REFUSALS:
            continue


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "0xab"},
        {"number": "0x" + "f" * 17},
        {"timestamp": "0x" + "f" * 12},
        {"baseFeePerGas": "0xNaN"},
        {"number": None},
    ],
)
def test_a_header_with_one_wrong_field_is_refused(change: dict[str, object]) -> None:
    assert answers.read_head(json.dumps(HEAD).encode()) is not None
    with pytest.raises(REFUSALS):
        answers.read_head(json.dumps(HEAD | change).encode())


def test_logs_that_the_node_takes_back_are_left_out() -> None:
    log = {"address": "0x" + "11" * 20, "topics": [], "data": "0x", "blockNumber": "0x1", "blockHash": "0x" + "22" * 32}
    told = [log | {"logIndex": "0x2"}, log | {"logIndex": "0x1"}, log | {"logIndex": "0x0", "removed": True}]
    assert [each.index for each in answers.read_logs(json.dumps(told).encode())] == [1, 2]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("already known", Verdict.KNOWN),
        ("AlreadyKnown: tx 0x12 AlreadyExists", Verdict.KNOWN),
        ("nonce too low: next nonce 7, tx nonce 5", Verdict.NONCE_TOO_LOW),
        ("replacement transaction underpriced", Verdict.UNDERPRICED),
        ("transaction underpriced", Verdict.FEE_TOO_LOW),
        ("max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1", Verdict.FEE_TOO_LOW),
        ("insufficient funds for gas * price + value: balance 0", Verdict.NOT_FUNDED),
        ("exceeds block gas limit", Verdict.REFUSED),
        ("something new", Verdict.REFUSED),
    ],
)
def test_the_words_of_nodes_have_meanings(said: str, verdict: Verdict) -> None:
    assert verdict_of(said) is verdict


def test_one_node_that_took_it_outweighs_all_that_did_not() -> None:
    assert best_of([Verdict.UNSURE, Verdict.NOT_FUNDED, Verdict.KNOWN, Verdict.NONCE_TOO_LOW]) is Verdict.KNOWN
    assert best_of([Verdict.UNSURE, Verdict.UNDERPRICED]) is Verdict.UNDERPRICED
    assert best_of([]) is Verdict.UNSURE
