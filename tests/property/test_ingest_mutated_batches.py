"""Whatever is done to a batch: nothing but a named refusal is raised, and no good feed is lost."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import DecodeError

from chrono.api.parameters import NotOfForm, time_ns
from chrono.errors import BAD_BATCH, BATCH_TOO_LARGE, ChronoError
from chrono.ingest.batch import _BODY, Batch, _judge, read_batch
from chrono.ingest.columns import all_quotes
from chrono.ingest.judge import Terms
from chrono.ingest.times import wire_time_ns
from chrono.settings import Ingest
from tests.fakes.api_client import feed
from tests.fakes.api_ports import NOW_NS

FIELDS = ("symbol", "price", "volume", "source", "timestamp", "metadata")
RULES = Ingest()
TERMS = Terms(NOW_NS, NOW_NS - RULES.max_age_s * 10**9, NOW_NS + RULES.future_s * 10**9)

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30)
)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
digits = st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,20})?", fullmatch=True) | st.sampled_from(
    ["0", "1e5", "-1", "1_0", "١", "1\n2"]
)
stamps = st.sampled_from(
    ["2025-10-09T12:34:56Z", "2025-10-09T12:34:56.5+00:00", "2030-01-01T00:00:00Z", NOW_NS // 10**6, 0]
)
good = st.builds(lambda n: feed(price=f"{n}.25", source=f"venue-{n % 7}", volume=n), st.integers(1, 10**6))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    one = draw(good)
    for name in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)):
        deed = draw(st.sampled_from(["drop", "junk", "near"]))
        if deed == "drop":
            one.pop(name, None)
        elif deed == "junk":
            one[name] = draw(junk)
        else:
            one[name] = draw({"timestamp": stamps}.get(name, digits))
    return one


def read(body: bytes) -> Batch:
    return read_batch(body, received_at_ns=NOW_NS, rules=RULES, worker_id="k")


@given(st.lists(st.tuples(st.booleans(), good, mutated() | junk), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_good_feed_is_kept_whatever_stands_beside_it(mixed: list[tuple[bool, Any, Any]]) -> None:
    feeds = [sound if keep else bad for keep, sound, bad in mixed]
    told = read(json.dumps({"feeds": feeds}).encode())
    faulty = {fault.index for fault in told.faults}
    assert faulty.isdisjoint(index for index, (keep, _, _) in enumerate(mixed) if keep)
    assert len(told.quotes) + len(told.faults) == len(feeds)
    assert len(told.refused) == len(told.faults)
    assert all(fault.message for fault in told.faults)
    assert all(q.price > 0 and q.price.is_finite() and (q.volume is None or q.volume >= 0) for q in told.quotes)


@given(st.lists(good | mutated(), min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_a_batch_judged_as_columns_is_judged_as_its_feeds_would_be_alone(feeds: list[Any]) -> None:
    try:
        decoded = _BODY.decode(json.dumps({"feeds": feeds}).encode()).feeds
    except DecodeError:  # a body that needs the tolerant way has no columns
        return
    apart = _judge(list(enumerate(decoded)), TERMS, "k")
    together = all_quotes(decoded, TERMS, "k")
    assert together is None or (together == apart.quotes and not apart.faults)


@given(st.binary(max_size=200) | st.lists(good, max_size=3).map(lambda f: json.dumps({"feeds": f}).encode()), st.data())
@settings(max_examples=300, deadline=None)
@example(b'{"feeds":[{"symbol":"\\ud800"}]}', None)
def test_a_body_cut_or_flipped_anywhere_is_refused_by_name_or_read(body: bytes, data: st.DataObject | None) -> None:
    if data is not None and body:
        at = data.draw(st.integers(0, len(body) - 1))
        body = (
            body[:at]
            if data.draw(st.booleans())
            else body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
        )
    told, reason = None, None
    try:
        told = read(body)
    except ChronoError as refused:
        reason = refused.reason
    assert reason in (BAD_BATCH, BATCH_TOO_LARGE) if told is None else told.quotes or told.faults


@given(
    st.datetimes().map(lambda t: t.isoformat() + "Z")
    | st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", fullmatch=True
    )
)
@settings(max_examples=500, deadline=None)
def test_the_fast_reader_of_times_agrees_with_the_slow_one(text: str) -> None:
    try:
        slow: int | None = time_ns(text)
    except NotOfForm:
        slow = None
    assert wire_time_ns(text) == slow
