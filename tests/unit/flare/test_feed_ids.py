"""Feed ids: 21 bytes, a category and a padded name, whatever stands in them."""

import pytest

from chrono.flare.feeds import FeedId


def test_a_feed_id_is_its_category_and_padded_name() -> None:
    feed = FeedId(1, "BTC/USD")
    assert feed.hex == "0x014254432f55534400000000000000000000000000"
    assert FeedId.from_hex(feed.hex) == feed
    assert FeedId.from_bytes(bytes(feed)) == feed


@pytest.mark.parametrize("text", ["0x01", "0x" + "00" * 22, "0xzz", "0x01" + "ff" * 20])
def test_what_is_not_21_bytes_with_a_name_in_utf8_is_no_feed_id_in_text(text: str) -> None:
    with pytest.raises(ValueError):
        FeedId.from_hex(text)


@pytest.mark.parametrize("name", ["ff" * 20, "00" * 20, "e282ac" + "80" * 17, "41" * 20, "0041" + "00" * 18])
def test_any_21_bytes_from_the_chain_are_a_feed_id_and_come_back_as_they_were(name: str) -> None:
    raw = b"\x21" + bytes.fromhex(name)
    assert bytes(FeedId.from_bytes(raw)) == raw


@pytest.mark.parametrize("length", [0, 20, 22])
def test_other_lengths_are_no_feed_id(length: int) -> None:
    with pytest.raises(ValueError, match="21 bytes"):
        FeedId.from_bytes(bytes(length))


def test_a_name_of_more_than_20_bytes_or_a_category_of_more_than_one_has_no_bytes() -> None:
    assert len(bytes(FeedId(255, "A" * 20))) == 21
    for feed in (FeedId(1, "A" * 21), FeedId(1, "€" * 7), FeedId(256, "A"), FeedId(-1, "A")):
        with pytest.raises(ValueError):
            bytes(feed)


def test_a_name_that_cannot_be_printed_is_shown_in_hex() -> None:
    assert FeedId(1, "BTC/USD").label == "BTC/USD"
    for raw in (b"\x01" + b"\xff" * 20, b"\x01" + b"\x1b[2J" + bytes(16), bytes(21)):
        assert FeedId.from_bytes(raw).label == "0x" + raw.hex()


def test_categories_have_the_names_of_the_protocol_and_others_have_none() -> None:
    names = {number: FeedId(number, "A").category_name for number in (0, 1, 2, 3, 4, 0x21)}
    assert names == {0: None, 1: "crypto", 2: "forex", 3: "commodity", 4: "stock", 0x21: "custom"}
