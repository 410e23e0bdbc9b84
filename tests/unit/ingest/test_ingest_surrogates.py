"""Half a surrogate pair costs the feed that holds it, and no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.ingest.batch import read_batch
from chrono.ingest.surrogates import without_halves
from chrono.settings import Ingest
from tests.fakes.api_client import feed
from tests.fakes.api_ports import NOW_NS

HALVES = ["\ud800", "\udfff", "\udfff\ud800", "BTC\ud800/USD", "\ud800A", "\udbff\\udfff", "\\\ud800"]


def read(body: bytes) -> Any:
    return read_batch(body, received_at_ns=NOW_NS, rules=Ingest(), worker_id="w")


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("field", ["symbol", "price", "volume", "source", "timestamp"])
def test_half_a_pair_in_a_field_refuses_that_feed_alone(field: str, half: str) -> None:
    told = read(json.dumps({"feeds": [feed(**{field: half}), feed(source="kraken")]}).encode())
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert [fault.index for fault in told.faults] == [0]
    assert told.faults[0].message.startswith(f"{field}: ")


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\ud800": 1}, {"a": ["x\udfff"]}])
def test_half_a_pair_in_what_is_attached_refuses_that_feed_alone(metadata: Any) -> None:
    told = read(json.dumps({"feeds": [feed(metadata=metadata), feed(source="kraken")]}).encode())
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.faults[0].message == "metadata: holds a NUL character, or half a surrogate pair"


def test_whole_pairs_beside_a_half_stay_as_they_are() -> None:
    feeds = [feed(metadata={"a": "🐎"}, source="okx"), feed(symbol="\ud800"), feed(metadata={"b": "\\ud800"})]
    told = read(json.dumps({"feeds": feeds}).encode())
    assert [json.loads(quote.metadata) for quote in told.quotes] == [{"a": "🐎"}, {"b": "\\ud800"}]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_text_without_halves_is_not_touched(text: str) -> None:
    for body in (json.dumps(text).encode(), json.dumps(json.dumps(text)).encode()):
        assert without_halves(body) == body


@given(st.lists(st.sampled_from(["\ud800", "\udc00", "\U0001f40e", "\\", "\\u", "a", '"']), max_size=12))
def test_of_any_mixture_exactly_the_halves_are_replaced(parts: list[str]) -> None:
    text = "".join(parts)
    # What Python joins into a pair, JSON does too.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    read_back = json.loads(without_halves(json.dumps(text).encode()))
    assert read_back.replace("\0", "\ufffd") == whole
