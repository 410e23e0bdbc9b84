"""Transactions are found in whatever file people have, and what cannot be read is told with its line."""

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.cli.decoding import files
from chrono.cli.decoding.files import Broken, Value, values
from chrono.cli.decoding.finding import About, Calldata, Log, found_in


def read(data: bytes) -> list[Value | Broken]:
    return list(values(io.BufferedReader(io.BytesIO(data))))  # type: ignore[arg-type]


def contents(data: bytes) -> list[object]:
    return [each.content for each in read(data) if isinstance(each, Value)]


def found(document: Any) -> list[Any]:
    return list(found_in(Value(1, document)))


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 2}]',
        '{"a": 1}\n{"a": 2}\n',
        '{"a": 1} {"a": 2}',
        '\ufeff[\n {"a": 1}\n,\n{"a": 2}]\n',
        '[{"a":1}][{"a":2}]',
    ],
)
def test_a_list_and_lines_of_json_give_the_same(text: str) -> None:
    assert contents(text.encode()) == [{"a": 1}, {"a": 2}]


def test_lines_of_hex_are_taken_one_by_one_with_their_numbers() -> None:
    assert read(b"0x6c532fae\n\n  6c532fae  \r\nnonsense") == [
        Value(1, "0x6c532fae"),
        Value(3, "6c532fae"),
        Value(4, "nonsense"),
    ]


def test_a_gzipped_file_is_read_as_the_plain_one() -> None:
    assert contents(gzip.compress(b'{"a": 1}\n0x00\n')) == [{"a": 1}, "0x00"]


@pytest.mark.parametrize("cut", [12, 20, 30])
def test_a_damaged_gzip_is_told(cut: int) -> None:
    assert isinstance(read(gzip.compress(b'{"a": "bcdefghijk"}\n' * 3)[:cut])[-1], Broken)


def test_a_broken_line_is_told_and_the_next_one_read() -> None:
    first, second, third = read(b'{"a": 1}\n{"a": \n{"a": 3}')
    assert (first, third) == (Value(1, {"a": 1}), Value(3, {"a": 3})) or isinstance(second, Broken)
    assert isinstance(second, Broken)
    assert second.line == 2


def test_a_list_that_breaks_off_is_told_after_what_it_held() -> None:
    cut = read(b'[{"a": 1},\n{"a": 2}')
    assert cut[:2] == [Value(1, {"a": 1}), Value(2, {"a": 2})]
    assert isinstance(cut[2], Broken)
    broken = read(b'[{"a": 1},\n{"a": 2, oh}, {"a": 3}]')
    assert broken[0] == Value(1, {"a": 1})
    assert isinstance(broken[1], Broken)
    assert (len(broken), broken[1].line) == (2, 2)


def test_brackets_without_end_are_told_and_not_followed() -> None:
    assert any(isinstance(each, Broken) for each in read(b"[" * 200_000))
    assert any(isinstance(each, Broken) for each in read(b'{"a":' * 200_000))


def test_a_value_longer_than_the_window_is_read_and_one_beyond_all_measure_is_not(monkeypatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 16)
    monkeypatch.setattr(files, "LONGEST_VALUE", 400)
    assert contents(b'{"a": "' + b"x" * 300 + b'"}') == [{"a": "x" * 300}]
    assert contents(b"ab" * 150) == ["ab" * 150]
    [told, after] = read(b"ab" * 5000 + b"\n0x00")
    assert isinstance(told, Broken)
    assert after == Value(2, "0x00")
    assert isinstance(read(b'{"a": "' + b"x" * 5000 + b'"}')[0], Broken)


@given(st.binary(max_size=300))
def test_any_bytes_are_values_or_told(data: bytes) -> None:
    for each in read(data):
        assert isinstance(each, Value | Broken)
        assert list(found_in(each))


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "input", "data", "topics", "logs", "to"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(nested, max_size=4))
def test_any_json_is_searched_without_a_crash(documents: list[Any]) -> None:
    assert [each.content for each in read(json.dumps(documents).encode()) if isinstance(each, Value)] == documents
    for document in documents:
        assert found(document)


def test_a_nodes_transaction_is_found_with_what_stands_beside_it() -> None:
    transaction = {
        "hash": "0x01",
        "from": "0x02",
        "to": "0x03",
        "input": "0x6c532fae",
        "blockNumber": "0x10",
        "chainId": "0xe",
    }
    assert found(transaction) == [
        Calldata(About(1, "0x01", "0x02", "0x03", block=16, network=14), "0x6c532fae")
    ]  # fmt: skip
    assert found({"jsonrpc": "2.0", "id": 1, "result": transaction}) == found(transaction)


def test_the_transactions_of_a_block_have_the_blocks_time() -> None:
    block = {"result": {"number": "0x5", "timestamp": "0x64", "transactions": [{"input": "0x01"}, {"input": "0x02"}]}}
    assert [(each.about.time_s, each.about.block, each.text) for each in found(block)] == [
        (100, 5, "0x01"),
        (100, 5, "0x02"),
    ]


def test_the_logs_of_a_receipt_are_found_with_its_transaction() -> None:
    log = {"address": "0x0a", "topics": ["0x0b", "0x0c"], "data": "0x0d"}
    receipt = {"transactionHash": "0x01", "status": "0x0", "logs": [log]}
    [one] = found(receipt)
    assert one == Log(About(1, "0x01", to="0x0a", failed=True), ("0x0b", "0x0c"), "0x0d")


def test_an_indexers_row_is_read_by_its_own_names() -> None:
    row = {
        "Hash": "01",
        "Input": "6c",
        "FromAddress": "02",
        "ToAddress": "03",
        "BlockNumber": 7,
        "Timestamp": 99,
        "Status": 1,
    }
    assert found(row) == [Calldata(About(1, "01", "02", "03", 7, 99, failed=False), "6c")]
    log = {**row, "Topic0": "0b", "Topic1": "NULL", "Topic2": "NULL", "Topic3": "NULL", "Data": "0d", "Address": "0a"}
    assert found(log) == [Log(About(1, "01", "02", "0a", 7, 99, failed=False), ("0b",), "0d")]


def test_bare_calldata_in_a_list_is_found_but_a_hash_is_not() -> None:
    calldata = "0x" + "ab" * 40
    assert [each.text for each in found({"transactions": [calldata, "0x" + "cd" * 32]})] == [calldata]


def test_a_file_of_something_else_says_so() -> None:
    for document in (None, 1, {"a": 1}, [], {}):
        [told] = found(document)
        assert isinstance(told, Broken)


def test_a_number_of_too_many_digits_is_told() -> None:
    [told, after] = read(b'{"number": ' + b"9" * 5000 + b'}\n{"a": 1}')
    assert told == Broken(1, "not JSON: a number of too many digits")
    assert after == Value(2, {"a": 1})


def test_what_is_no_hash_and_no_network_of_flare_is_left_out() -> None:
    [one] = found({"hash": "\x1b[2J", "network": "mainnet", "timestamp": -5, "input": "0x01"})
    assert one.about == About(1)


@pytest.mark.parametrize("data", [bytes(1000), b"0x6c53\n\0", b"PAR1\0\0", bytes(10**6)])
def test_a_file_that_is_no_text_is_told_once_and_not_line_by_line(data: bytes) -> None:
    assert read(data) == [Broken(1, "this is no text, and not gzipped")]
