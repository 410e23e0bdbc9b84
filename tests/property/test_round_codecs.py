"""Every codec of a round's bytes: what is encoded comes back, and whatever else comes is read or refused by name.

Refusing is `Refused` and nothing else; how long a codec works is bounded by the bytes it is given.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import floor

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chrono.flare.address import Address
from chrono.flare.commit import Reveal, decode_commit, decode_reveal
from chrono.flare.feed_order import (
    CommunityOffer,
    InflationOffer,
    feed_order,
    pack_bands,
    pack_feeds,
    unpack_bands,
    unpack_feeds,
)
from chrono.flare.feed_values import (
    LEAST_VALUE,
    MOST_VALUE,
    decode_values,
    encode_values,
    feed_value,
    feed_values,
)
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import (
    Frame,
    SubmissionFunction,
    decode_calldata,
    decode_frames,
    encode_frames,
    frames_of,
)
from chrono.flare.refusal import Fault, Refused

unhurried = settings(deadline=None)
values = st.lists(st.none() | st.integers(LEAST_VALUE, MOST_VALUE), min_size=1, max_size=80)
protocols = st.sampled_from([100, 200]) | st.integers(0, 255)
frames = st.lists(st.builds(Frame, protocols, st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=6)
feed_ids = st.binary(min_size=21, max_size=21).map(FeedId.from_bytes)
feeds = st.builds(Feed, feed_ids, st.integers(-128, 127))
prices = st.decimals(allow_nan=True, allow_infinity=True)
changes = st.lists(
    st.tuples(st.integers(0, 2**16), st.integers(0, 255), st.sampled_from("sid")), min_size=1, max_size=4
)


def changed(data: bytes, how: list[tuple[int, int, str]]) -> bytes:
    """The bytes with some of them set, inserted or deleted."""
    out = bytearray(data)
    for place, byte, kind in how:
        at = place % (len(out) + 1)
        match kind:
            case "s" if at < len(out):
                out[at] = byte
            case "i":
                out.insert(at, byte)
            case "d":
                del out[at : at + 1 + byte % 8]
    return bytes(out)


def read_or_refused(decode: Callable[[], object]) -> object | None:
    try:
        return decode()
    except Refused as refused:
        assert isinstance(refused.fault, Fault)
        return None


@unhurried
@given(frames)
def test_frames_come_back_and_the_frames_of_one_protocol_are_those_of_all(sent: list[Frame]) -> None:
    data = encode_frames(sent)
    assert decode_frames(data) == sent
    assert len(data) == sum(7 + len(frame.payload) for frame in sent)
    for protocol in {frame.protocol_id for frame in sent}:
        assert frames_of(data, protocol) == [frame for frame in sent if frame.protocol_id == protocol]


@unhurried
@given(frames, changes)
def test_changed_frames_are_read_as_what_they_then_are_or_refused(sent: list[Frame], how) -> None:
    data = changed(encode_frames(sent), how)
    found = read_or_refused(lambda: decode_frames(data))
    assert found is None or encode_frames(found) == data
    ours = read_or_refused(lambda: frames_of(data, 100))
    assert (ours is None) == (found is None)


@unhurried
@given(st.binary(max_size=60), st.sampled_from([b"", *(function.value for function in SubmissionFunction)]))
def test_any_bytes_are_calldata_or_refused(data: bytes, selector: bytes) -> None:
    found = read_or_refused(lambda: decode_calldata(selector + data))
    assert found is None or found[0].value + encode_frames(found[1]) == selector + data


def test_a_block_full_of_the_smallest_frames_is_read_without_keeping_those_of_others() -> None:
    data = bytes(Frame(200, 1, b"")) * 300_000
    assert frames_of(data, 100) == []
    assert read_or_refused(lambda: frames_of(data + b"\1", 100)) is None


@unhurried
@given(values, st.integers(0, 5), st.booleans())
def test_values_come_back_with_what_was_stripped_as_empty(told, more_feeds: int, strip: bool) -> None:
    data = encode_values(told, strip=strip)
    assert decode_values(data, len(told) + more_feeds) == told + [None] * more_feeds
    assert strip or len(data) == 4 * len(told)


@unhurried
@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_are_values_or_refused_for_their_length_alone(data: bytes, feed_count: int) -> None:
    found = read_or_refused(lambda: decode_values(data, feed_count))
    assert (found is None) == (len(data) % 4 != 0 or len(data) > 4 * feed_count)
    if found is not None:
        assert len(found) == feed_count
        assert encode_values(found, strip=False)[: len(data)] == data


@unhurried
@given(prices, st.integers(-128, 127))
@example(Decimal("-0.5"), 0)
@example(Decimal("1e-400000"), 127)
@example(Decimal("9e400000"), -128)
def test_a_price_is_rounded_as_exact_fractions_say_or_refused_when_it_does_not_fit(
    price: Decimal, decimals: int
) -> None:
    found = read_or_refused(lambda: feed_value(price, decimals))
    assert feed_values([price], [decimals]) == [found]
    if not price.is_finite() or abs(price.adjusted()) > 5000:
        assert found in (None, 0)
        return
    exact = floor(Fraction(price) * Fraction(10) ** decimals + Fraction(1, 2))
    assert found == (exact if LEAST_VALUE <= exact <= MOST_VALUE else None)


@unhurried
@given(st.integers(LEAST_VALUE, MOST_VALUE), st.integers(-128, 127))
def test_a_value_in_range_is_the_value_of_the_price_that_it_stands_for(value: int, decimals: int) -> None:
    assert feed_value(Decimal(value).scaleb(-decimals), decimals) == value


@unhurried
@given(st.binary(min_size=32, max_size=32), values, st.booleans())
def test_a_reveal_comes_back_from_its_payload_and_a_commit_from_its_own(random: bytes, told, random_only: bool) -> None:
    reveal = Reveal(random, encode_values(told))
    assert decode_reveal(reveal.payload, random_only=random_only) == reveal
    commit = reveal.commit_hash(Address(random[:20]), 9)
    assert decode_commit(commit) == commit


@unhurried
@given(st.binary(min_size=32, max_size=32), values, changes)
def test_a_changed_reveal_is_refused_or_another_one(random: bytes, told, how) -> None:
    sent = Reveal(random, encode_values(told))
    payload = changed(sent.payload, how)
    assume(payload != sent.payload)
    found = read_or_refused(lambda: decode_reveal(payload, random_only=True))
    assert (found is None) == (len(payload) < 32)
    if found is not None:
        assert found.payload == payload
        assert found.commit_hash(Address(bytes(20)), 9) != sent.commit_hash(Address(bytes(20)), 9)
        read_or_refused(lambda: found.values(len(told)))


@unhurried
@given(st.binary(max_size=70))
def test_a_commit_is_any_32_bytes(payload: bytes) -> None:
    assert (read_or_refused(lambda: decode_commit(payload)) is None) == (len(payload) != 32)


@unhurried
@given(st.binary(min_size=21, max_size=21))
def test_any_21_bytes_are_a_feed_id_and_come_back(raw: bytes) -> None:
    feed = FeedId.from_bytes(raw)
    assert bytes(feed) == raw
    assert feed.label.isprintable()
    assert FeedId.from_bytes(bytes(feed)) == feed


@unhurried
@given(st.lists(feeds, max_size=70), st.data())
def test_packed_offers_come_back(offered: list[Feed], data: st.DataObject) -> None:
    ids, decimals = pack_feeds(offered)
    assert unpack_feeds(ids, decimals) == tuple(offered)
    bands = data.draw(st.lists(st.integers(0, 2**24 - 1), min_size=len(offered), max_size=len(offered)))
    assert unpack_bands(pack_bands(bands), len(offered)) == tuple(bands)


@unhurried
@given(st.lists(feeds, max_size=4), changes, changes)
def test_changed_offers_are_read_as_what_they_then_are_or_refused(offered: list[Feed], how, also) -> None:
    ids, decimals = pack_feeds(offered)
    ids, decimals = changed(ids, how), changed(decimals, also)
    found = read_or_refused(lambda: unpack_feeds(ids, decimals))
    assert found is None or pack_feeds(found) == (ids, decimals)
    bands = read_or_refused(lambda: unpack_bands(ids, len(offered)))
    assert bands is None or pack_bands(bands) == ids


@unhurried
@given(st.lists(feeds, max_size=20, unique_by=lambda feed: feed.id), st.data())
def test_the_order_holds_each_feed_once_and_does_not_depend_on_the_order_of_the_offers(
    offered: list[Feed], data: st.DataObject
) -> None:
    inflation = [InflationOffer(1, tuple(part), ()) for part in (offered[::3], offered[1::3])]
    community = [CommunityOffer(1, feed, data.draw(st.integers(0, 3))) for feed in offered + offered[::2]]
    order = feed_order(1, inflation, community)
    assert sorted(order, key=repr) == sorted(offered, key=repr)
    assert feed_order(1, reversed(inflation), data.draw(st.permutations(community))) == order
    paid = sum(len(offer.feeds) for offer in inflation)
    keys = [bytes(feed.id) for feed in order]
    assert set(keys[:paid]) == {bytes(feed.id) for offer in inflation for feed in offer.feeds}
    assert keys[:paid] == sorted(keys[:paid])
    sums = [sum(offer.amount_wei for offer in community if offer.feed == feed) for feed in order[paid:]]
    assert list(zip([-wei for wei in sums], keys[paid:], strict=True)) == sorted(
        zip([-wei for wei in sums], keys[paid:], strict=True)
    )
