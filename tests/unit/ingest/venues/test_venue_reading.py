"""The shared words of reading: what is a price, an amount, a time, a refusal, and what is none."""

from decimal import Decimal

import msgspec
import pytest

from chrono.ingest.venues.reading import (
    EXCERPT_BYTES,
    amount,
    decoder,
    each,
    excerpt,
    http_refusal,
    ns_from,
    ns_from_iso,
    ns_from_ms,
    number,
    price,
    retry_after,
    side,
    unread,
)
from chrono.ingest.venues.words import Beat, RefusalKind

AT_NS = 1_775_521_739_662_782_000
HOSTILE = ["", " ", "NaN", "Infinity", "-Infinity", "sNaN", "1_0", "١", "0x1", "1e", ".", "1.", "+1", "$5", "9" * 50]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_number_is_none(text):
    assert number(text) is None
    assert price(text) is None
    assert amount(text) is None


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}, b"1"])
def test_other_types_are_no_numbers(value):
    assert number(value) is None


@pytest.mark.parametrize("value", ["0", "-1", "0.0", "1e-19", "1e13", "1e999", Decimal("NaN"), Decimal(-1), 10**13])
def test_prices_lie_within_bounds(value):
    assert price(value) is None


def test_numbers_are_exact():
    assert price("67000.10000000000000001") == Decimal("67000.10000000000000001")
    assert str(price(Decimal("1.10"))) == "1.10"
    assert price(5) == 5
    assert amount("0") == 0
    assert amount("1e-30") == 0
    assert amount("-1") is None


def test_times_of_every_unit_mean_the_same():
    assert ns_from_ms(1_775_521_739_662) == AT_NS // 10**6 * 10**6
    assert ns_from(1_775_521_739_662_782, "us") == AT_NS
    assert ns_from("1775521739.662782", "s") == AT_NS
    assert ns_from(Decimal("1775521739.662782"), "s") == AT_NS
    assert ns_from(str(AT_NS), "ns") == AT_NS
    for text in ("2026-04-07T00:28:59.662782Z", "2026-04-07T00:28:59.662782", "2026-04-07T02:28:59.662782+02:00"):
        assert ns_from_iso(text) == AT_NS
    assert ns_from_iso("2026-04-07T00:28:59.123456789123Z") == AT_NS // 10**9 * 10**9 + 123_456_789


@pytest.mark.parametrize("text", ["", "2026-04-07", "2026-13-07T00:28:59Z", "2026-04-07T00:28:59.Z", "x" * 25, None, 5])
def test_what_is_no_time_is_none(text):
    assert ns_from_iso(text) is None


@pytest.mark.parametrize("value", [0, -1, 5, 10**30, "soon", None, 1.5e12])
def test_times_far_from_now_are_none(value):
    assert ns_from_ms(value) is None


def test_sides_are_told_in_many_words():
    assert [side(text) for text in ("Buy", "BID", "b")] == ["buy"] * 3
    assert [side(text) for text in ("SELL", "ask", "s")] == ["sell"] * 3
    assert [side(text) for text in ("", "unknown", None, 1)] == [""] * 4


def test_excerpts_are_short_and_printable():
    for raw in (b"\x00\xff" * 500, b"a" * 500, ("é" * 500).encode(), "😀" * 500):
        shown = excerpt(raw)
        assert len(shown.encode()) <= EXCERPT_BYTES
        assert shown.isprintable()
    assert unread("why " * 100, b"x").why == ("why " * 100)[:120]


def test_one_bad_row_costs_the_others_nothing():
    rows = decoder(list[msgspec.Raw]).decode(b'[1,"x",2,null]')
    told = each(rows, decoder(int), lambda row: Beat(str(row).encode()) if row == 1 else None)
    assert [type(word).__name__ for word in told] == ["Beat", "Unread", "Unread"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, RefusalKind.RATE_LIMITED),
        (418, RefusalKind.BANNED),
        (403, RefusalKind.GEO),
        (451, RefusalKind.GEO),
        (404, RefusalKind.BAD_REQUEST),
        (503, RefusalKind.MAINTENANCE),
        (500, RefusalKind.FAULT),
        (301, RefusalKind.FAULT),
    ],
)
def test_a_status_tells_the_kind_of_a_refusal(status, kind):
    assert http_refusal(status, {}, b"<html>").kind is kind
    assert http_refusal(204, {}, b"") is None


def test_the_wait_is_read_in_seconds_only():
    assert retry_after({"retry-AFTER": " 30 "}) == 30.0
    assert retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}) is None
    assert retry_after({"Retry-After": "-5"}) is None
    assert retry_after({}) is None
