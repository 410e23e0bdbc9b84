"""The COPY text of rows, against a plain reader of that text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from chrono.errors import ROW_REFUSED, ChronoError
from chrono.store.rows import MINUTE_NS, Minute, all_minutes, escape, quote_batch, stamp, with_plain_metadata
from tests.fakes.quoting import quote

MEANT = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def read_copy(body: bytes) -> list[list[str | None]]:
    """The obvious twin: COPY text read character by character, as PostgreSQL's manual tells."""
    rows = []
    for line in body.decode().split("\n")[:-1]:
        rows.append([None if field == "\\N" else read_field(field) for field in line.split("\t")])
    return rows


def read_field(field: str) -> str:
    told, characters = "", iter(field)
    for character in characters:
        told += MEANT[next(characters)] if character == "\\" else character
    return told


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXTS)
def test_any_text_without_nul_reads_back(text):
    assert read_field(escape(text)) == text
    assert not {"\t", "\n", "\r"} & set(escape(text))


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_json_given_as_plain_text_reads_back_as_that_text(texts):
    odd = [json.encode({"text": text}) for text in texts]
    batch = quote_batch([quote(n * 1000, metadata=metadata) for n, metadata in enumerate(odd)])
    plain = read_copy(with_plain_metadata(batch.body))
    assert [json.decode(row[-1] or "") for row in plain] == [metadata.decode() for metadata in odd]
    assert [row[:-1] for row in plain] == [row[:-1] for row in read_copy(batch.body)]


def test_absent_metadata_stays_absent_as_plain_text():
    body = quote_batch([quote(0, metadata=None, volume=None)]).body
    assert with_plain_metadata(body) == body
    assert read_copy(body)[0][4] is None


def test_a_quote_is_one_line_in_the_order_of_the_columns():
    said = quote(
        1_760_011_200_123_456_000, price="1E-7", volume="0.10", worker_id="w-1", received_at_ns=1_760_011_201 * 10**9
    )
    assert read_copy(quote_batch([said]).body) == [
        [
            "BTC/USD", "2025-10-09 12:00:00.123456+00", "binance", "1E-7", "0.10", "2025-10-09 12:00:01.000000+00", "w-1",
            '{"bid": "1"}',
        ]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken", [{"worker_id": "a\0b"}, {"metadata": b"\xff"}, {"metadata": b"\0"}, {"market": "A\0"}]
)
def test_what_no_text_column_can_hold_is_refused(broken):
    with pytest.raises(ChronoError) as refused:
        quote_batch([quote(0), quote(1000, **broken)])
    assert refused.value.reason is ROW_REFUSED


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999))
def test_a_stamp_is_exact_to_the_microsecond(at_us):
    text = stamp(at_us * 1000)
    date, _, fraction = text.removesuffix("+00").partition(".")
    assert len(date) == 19
    assert int(fraction) == at_us % 1_000_000


def test_the_oldest_time_and_the_minutes_of_a_batch_are_known():
    batch = quote_batch(
        [quote(5 * MINUTE_NS + 7000), quote(2 * MINUTE_NS), quote(2 * MINUTE_NS + 9000, market="ETH/USD")]
    )
    assert batch.oldest_ns == 2 * MINUTE_NS
    assert batch.minutes() == {
        Minute("BTC/USD", 5 * MINUTE_NS), Minute("BTC/USD", 2 * MINUTE_NS), Minute("ETH/USD", 2 * MINUTE_NS),
    }  # fmt: skip
    assert batch.minutes(before_ns=5 * MINUTE_NS) == {
        Minute("BTC/USD", 2 * MINUTE_NS),
        Minute("ETH/USD", 2 * MINUTE_NS),
    }


def test_minutes_of_many_batches_come_in_one_order():
    batches = [quote_batch([quote(n * MINUTE_NS, market=f"M{n % 3}/USD")]) for n in (4, 1, 3, 2)]
    assert all_minutes(batches) == sorted(all_minutes(reversed(batches)))
    assert len(all_minutes(batches)) == 4


def test_numbers_keep_their_digits():
    body = quote_batch([quote(0, price="67234.500", volume="1000")]).body
    assert [Decimal(text or "") for text in read_copy(body)[0][3:5]] == [Decimal("67234.500"), Decimal(1000)]
    assert b"67234.500" in body
