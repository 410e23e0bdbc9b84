"""MEXC's recorded pushes, which their recorder decoded to JSON, back in MEXC's wire format: right values come out."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.mexc.parse import parse_message
from chrono.ingest.venues.reading import ns_from_iso
from chrono.ingest.venues.words import Dealt, Offered, Unread
from tests.fakes import mexc_wire
from tests.fakes.recordings import needs_recordings, recorded

pytestmark = [pytest.mark.data, needs_recordings]


def pushes():
    """Every recorded push of a protobuf channel, and what its recorder says it means."""
    for one in recorded("mexc"):
        message = json.loads(one.raw)
        if isinstance(message, dict) and ".pb" in message.get("channel", ""):
            yield one, message


def exact(value):
    return None if value is None else Decimal(repr(value))


def meant(expected):
    """The trades and offers of a normalised record; depth is not ours to read."""
    for one in expected or []:
        at_ns = ns_from_iso(one["timestamp"])
        if one["type"] == "trade":
            yield "trade", exact(one["price"]), exact(one["amount"]), one["side"], at_ns
        elif one["type"] == "book_ticker":
            yield "offers", exact(one.get("bidPrice")), exact(one.get("askPrice")), at_ns


def told(said):
    for word in said:
        if isinstance(word, Dealt):
            yield "trade", word.price, word.amount, word.side, word.traded_at_ns
        elif isinstance(word, Offered):
            yield "offers", word.bid, word.ask, word.quoted_at_ns


def test_every_recorded_push_means_what_its_recorder_says():
    read = 0
    for one, message in pushes():
        said = parse_message(mexc_wire.frame(message))
        assert list(told(said)) == list(meant(one.expected)), str(one)
        assert said, str(one)
        read += sum(not isinstance(word, Unread) for word in said)
    assert read >= 7


def test_every_cut_of_every_recorded_push_is_unread_or_tells_a_part_of_it():
    for one, message in pushes():
        whole = mexc_wire.frame(message)
        known = set(told(parse_message(whole)))
        for cut in range(len(whole)):
            for word in parse_message(whole[:cut]):
                # A push that is cut before its time has none; the rest of it stands.
                without_time = {row[:-1] for row in known}
                assert isinstance(word, Unread) or next(told([word]))[:-1] in without_time, f"{one} cut at {cut}"
