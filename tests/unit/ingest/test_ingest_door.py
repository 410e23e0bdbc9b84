import asyncio
import json
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from chrono.clock import ManualClock
from chrono.errors import BAD_BATCH, SPOOL_FULL, ChronoError
from chrono.ingest.batch import Batch
from chrono.ingest.door import IngestDoor
from chrono.ingest.tally import Tally
from chrono.market.quote import FeedFault, Quote
from chrono.settings import Ingest
from tests.fakes.api_client import feed
from tests.fakes.api_ports import NOW_NS, quote


class Gatekeeper:
    """A store whose commits end when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Sequence[Quote], asyncio.Future[dict[str, int]]]] = []

    async def write(self, quotes: Sequence[Quote]) -> dict[str, int]:
        future: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        self.waiting.append((quotes, future))
        return await future


def body(*sources: str) -> bytes:
    return json.dumps({"feeds": [feed(source=source) for source in sources]}).encode()


def door(write: object) -> IngestDoor:
    return IngestDoor(write, ManualClock(NOW_NS), Ingest())  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nobody_is_answered_or_told_before_the_batch_is_durable() -> None:
    store, told = Gatekeeper(), []
    keeper = door(store.write)
    keeper.on_quotes(told.append)
    answer = asyncio.create_task(keeper.accept(body("a"), worker_id="w", received_at_ns=NOW_NS))
    await settle()
    assert not answer.done()
    assert told == []
    store.waiting[0][1].set_result({})
    assert (await answer).ingested == 1
    assert [one.venue for one in told[0]] == ["a"]


async def test_subscribers_hear_in_the_order_of_commits_not_of_arrival() -> None:
    store, told = Gatekeeper(), []
    keeper = door(store.write)
    keeper.on_quotes(lambda quotes: told.append(quotes[0].venue))
    answers = [
        asyncio.create_task(keeper.accept(body(name), worker_id="w", received_at_ns=NOW_NS)) for name in ("a", "b", "c")
    ]
    await settle()
    for place in (1, 2, 0):
        store.waiting[place][1].set_result({})
    await asyncio.gather(*answers)
    assert told == ["b", "c", "a"]


async def test_a_sender_that_hangs_up_does_not_keep_durable_quotes_from_the_subscribers() -> None:
    store, told = Gatekeeper(), []
    keeper = door(store.write)
    keeper.on_quotes(told.append)
    answer = asyncio.create_task(keeper.accept(body("a"), worker_id="w", received_at_ns=NOW_NS))
    await settle()
    answer.cancel()
    await settle()
    assert answer.cancelled()
    store.waiting[0][1].set_result({})
    await settle()
    assert len(told) == 1


async def test_a_failed_write_claims_nothing_and_tells_nobody() -> None:
    told: list[Sequence[Quote]] = []

    async def full(_: Sequence[Quote]) -> None:
        raise ChronoError(SPOOL_FULL)

    keeper = door(full)
    keeper.on_quotes(told.append)
    with pytest.raises(ChronoError) as refused:
        await keeper.accept(body("a"), worker_id="w", received_at_ns=NOW_NS)
    assert refused.value.reason is SPOOL_FULL
    assert told == []


async def test_a_subscriber_that_fails_costs_neither_the_answer_nor_the_others() -> None:
    told: list[Sequence[Quote]] = []

    async def write(_: Sequence[Quote]) -> dict[str, int]:
        return {}

    def broken(_: Sequence[Quote]) -> None:
        raise RuntimeError("broken")

    keeper = door(write)
    keeper.on_quotes(broken)
    keeper.on_quotes(told.append)
    assert (await keeper.accept(body("a"), worker_id="w", received_at_ns=NOW_NS)).ingested == 1
    assert len(told) == 1


async def test_a_batch_without_a_good_feed_is_not_written_at_all() -> None:
    async def write(_: Sequence[Quote]) -> None:
        raise AssertionError("nothing was to be written")

    keeper = door(write)
    receipt = await keeper.accept(
        json.dumps({"feeds": [feed(price="0")]}).encode(), worker_id="w", received_at_ns=NOW_NS
    )
    assert (receipt.ingested, len(receipt.faults)) == (0, 1)
    with pytest.raises(ChronoError) as refused:
        await keeper.accept(b"[]", worker_id="w", received_at_ns=NOW_NS)
    assert refused.value.reason is BAD_BATCH


def feeds_counted(source: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("chrono_ingest_feeds_total", {"source": source, "outcome": outcome}) or 0.0


def test_feeds_are_counted_by_source_and_outcome() -> None:
    tally = Tally()
    before = feeds_counted("tally-a", "accepted")
    faults = [FeedFault(0, "VALIDATION_ERROR", "", "stale"), FeedFault(1, "VALIDATION_ERROR", "")]
    tally.count(
        Batch("w", [quote(venue="tally-a"), quote(venue="tally-a")], faults, [("tally-a", "stale"), ("", "rejected")]),
        {"tally-a": 1},
    )
    assert feeds_counted("tally-a", "accepted") - before == 1
    assert feeds_counted("tally-a", "duplicate") >= 1
    assert feeds_counted("tally-a", "stale") >= 1
    assert feeds_counted("other", "rejected") >= 1
    newest = REGISTRY.get_sample_value("chrono_source_last_update_timestamp_seconds", {"source": "tally-a"})
    assert newest == NOW_NS / 1e9


def test_invented_sources_cannot_multiply_the_metrics() -> None:
    tally = Tally(most_sources=3)
    for number in range(20):
        tally.count(Batch("w", [quote(venue=f"many-{number}")], [], []), {})
        tally.count(Batch("w", [], [FeedFault(0, "", "")], [(f"refused-{number}", "rejected")]), {})
    labels = {
        sample.labels["source"]
        for metric in REGISTRY.collect()
        if metric.name == "chrono_ingest_feeds"
        for sample in metric.samples
    }
    assert len([label for label in labels if label.startswith("many-")]) == 3
    assert not [label for label in labels if label.startswith("refused-")]


def test_an_older_quote_does_not_set_the_newest_update_back() -> None:
    tally = Tally()
    tally.count(Batch("w", [quote(venue="order", at_ns=NOW_NS)], [], []), {})
    tally.count(Batch("w", [quote(venue="order", at_ns=NOW_NS - 10**9)], [], []), {})
    assert REGISTRY.get_sample_value("chrono_source_last_update_timestamp_seconds", {"source": "order"}) == NOW_NS / 1e9
