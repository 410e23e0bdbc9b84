"""The canonical feed order, and the packed bytes of the offers it comes from."""

import pytest

from chrono.flare.feed_order import (
    CommunityOffer,
    InflationOffer,
    OfferWindow,
    feed_order,
    pack_bands,
    pack_feeds,
    unpack_bands,
    unpack_feeds,
)
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.refusal import Fault, Refused

EPOCH = 400


def feed(name: str, decimals: int = 5, category: int = 1) -> Feed:
    return Feed(FeedId(category, name), decimals)


def inflation(*feeds: Feed, epoch: int = EPOCH) -> InflationOffer:
    return InflationOffer(epoch, feeds, ())


def community(offered: Feed, amount_wei: int, epoch: int = EPOCH) -> CommunityOffer:
    return CommunityOffer(epoch, offered, amount_wei)


def names(*offers: object) -> list[str]:
    found = feed_order(
        EPOCH,
        [offer for offer in offers if isinstance(offer, InflationOffer)],
        [offer for offer in offers if isinstance(offer, CommunityOffer)],
    )
    return [each.id.name for each in found]


def test_feeds_that_inflation_pays_for_come_first_by_category_and_name_whoever_offers_more() -> None:
    offers = [inflation(feed("ETH/USD"), feed("AAA/USD", category=2)), inflation(feed("BTC/USD"))]
    rich = community(feed("AAA/USD"), 10**30)
    assert names(*offers, rich, community(feed("ETH/USD"), 1)) == ["BTC/USD", "ETH/USD", "AAA/USD", "AAA/USD"]


def test_feeds_of_the_community_are_ordered_by_the_sum_offered_then_by_id() -> None:
    told = [("C", 3), ("A", 2), ("B", 2), ("A", 2), *((name, 3) for name in "JIHGFED")]
    offers = [community(feed(name), wei) for name, wei in told]
    assert names(*offers) == [*"ACDEFGHIJ", "B"]


def test_offers_for_one_feed_are_added_up_and_not_doubled_each_time() -> None:
    # Old versions of the reference doubled what was there before adding: A would have 2 * 2 + 1 = 5.
    offers = [community(feed("A"), 2), community(feed("B"), 4), community(feed("A"), 1)]
    assert names(*offers) == ["B", "A"]


def test_names_that_are_not_utf8_are_ordered_by_their_bytes() -> None:
    high, low = FeedId.from_bytes(b"\x01\xee" + bytes(19)), FeedId.from_bytes(b"\x01\xc3\xa9" + bytes(18))
    assert high.name < "\ue000"
    found = feed_order(EPOCH, [inflation(Feed(high, 1), Feed(low, 1))], [])
    assert [each.id for each in found] == [low, high]


def test_no_offers_make_no_feeds() -> None:
    assert feed_order(EPOCH, [], []) == ()


@pytest.mark.parametrize("second", [inflation(feed("A", 6)), community(feed("A", 6), 1)])
def test_one_feed_with_two_different_decimals_is_refused(second: InflationOffer | CommunityOffer) -> None:
    with pytest.raises(Refused) as refused:
        names(inflation(feed("A", 5)), second)
    assert refused.value.fault is Fault.DECIMALS_DIFFER


@pytest.mark.parametrize("offer", [inflation(feed("A"), epoch=EPOCH + 1), community(feed("A"), 1, epoch=EPOCH - 1)])
def test_an_offer_for_another_reward_epoch_is_refused_and_not_left_out(offer: InflationOffer | CommunityOffer) -> None:
    with pytest.raises(Refused) as refused:
        names(offer)
    assert refused.value.fault is Fault.OFFER_EPOCH


def test_the_offers_at_both_ends_of_the_window_belong_to_it() -> None:
    window = OfferWindow(1000, 2000)
    assert [at_s for at_s in (999, 1000, 1500, 2000, 2001) if at_s in window] == [1000, 1500, 2000]


def test_packed_feeds_are_21_bytes_of_id_and_one_of_signed_decimals() -> None:
    feeds = (feed("BTC/USD", 2), feed("JPY/USD", -3, category=2))
    ids, decimals = pack_feeds(feeds)
    assert (len(ids), decimals) == (42, b"\x02\xfd")
    assert unpack_feeds(ids, decimals) == feeds
    assert unpack_feeds(b"", b"") == ()


def test_packed_bands_are_three_bytes_each() -> None:
    assert unpack_bands(bytes.fromhex("0000010f4240"), 2) == (1, 1_000_000)
    assert pack_bands([1, 1_000_000]).hex() == "0000010f4240"


@pytest.mark.parametrize(
    ("unpack", "fault"),
    [
        (lambda: unpack_feeds(bytes(20), b"\0"), Fault.OFFER_LENGTH),
        (lambda: unpack_feeds(bytes(43), b"\0\0"), Fault.OFFER_LENGTH),
        (lambda: unpack_feeds(bytes(42), b"\0"), Fault.OFFER_COUNTS),
        (lambda: unpack_feeds(b"", b"\0"), Fault.OFFER_COUNTS),
        (lambda: unpack_bands(bytes(4), 1), Fault.OFFER_LENGTH),
        (lambda: unpack_bands(bytes(6), 1), Fault.OFFER_COUNTS),
        (lambda: pack_feeds([feed("A", 128)]), Fault.DECIMALS_RANGE),
        (lambda: feed_order(EPOCH, [inflation(feed("A", -129))], []), Fault.DECIMALS_RANGE),
    ],
)
def test_packed_offers_of_a_wrong_form_are_refused_by_name(unpack, fault: Fault) -> None:
    with pytest.raises(Refused) as refused:
        unpack()
    assert refused.value.fault is fault
