"""The door of all venues, what it keeps behind, and how it asks REST; on paper, in time that only the test moves."""

import asyncio
import json
from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import DATABASE_AWAY, ChronoError
from chrono.ingest.venues.behind import WrittenBehind
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.door import VenueDoor
from chrono.ingest.venues.poller import Poller
from chrono.ingest.venues.ports import Answer, LineError
from chrono.ingest.venues.roster import NAMES, spec_of, specs
from chrono.ingest.venues.words import Ticked
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote
from chrono.settings import Secret, Venues
from tests.fakes.venue_words import spec

S = SECOND_NS
AT = 10**18
MAP = {Venue("kraken"): {"BTC/USD": Market("BTC/USD")}, Venue("binance"): {}}


def quote(at_s, volume="1", market="BTC/USD"):
    told = None if volume is None else Decimal(volume)
    return Quote(Venue("paper"), Market(market), Decimal(100), told, AT + at_s * S, AT + at_s * S)


def test_the_roster_names_folders_and_each_says_its_own_name():
    assert {name: one.name for name, one in specs().items()} == {name: name for name in NAMES}
    with pytest.raises(KeyError):
        spec_of("nobody")


@pytest.mark.parametrize("name", NAMES)
def test_every_spec_can_be_asked_for_what_a_connection_needs(name):
    one = spec_of(name)
    one = one if one.through_node is None else one.through_node("https://node.test")
    assert one.title
    assert one.docs.startswith("https://")
    assert one.rest.instruments.url.startswith("https://")
    assert 0 < one.rest.instruments.weight <= one.rest.budget.units
    for request in one.rest.tickers(["A", "B"]):
        assert request.url.startswith("https://")
        assert 0 < request.weight <= one.rest.budget.units
    stream = one.stream
    if stream is None:
        return
    assert stream.url(["A", "B"]).startswith("wss://")
    assert stream.heartbeat.silent_after_s > 0
    assert stream.symbols_per_connection > 0
    for make in (stream.subscribe, stream.unsubscribe):
        frames = [] if make is None else make(["A", "B"])
        assert all(type(frame) is bytes for frame in frames)
    # A venue must not be asked faster than it allows even with all its symbols at once.
    many = [f"S{n}" for n in range(stream.symbols_per_connection)]
    assert len(stream.subscribe(many)) / stream.frames.units * stream.frames.per_s < 120


def test_a_name_that_is_not_on_the_roster_is_refused():
    with pytest.raises(ChronoError, match="nobody"):
        VenueDoor.build(Venues(enabled=("kraken", "nobody")), MAP, ManualClock())


def test_only_enabled_venues_with_markets_are_read():
    assert list(VenueDoor.build(Venues(), MAP, ManualClock()).connectors) == ["kraken"]
    assert list(VenueDoor.build(Venues(enabled=("binance",)), MAP, ManualClock()).connectors) == []
    door = VenueDoor.build(Venues(enabled=()), MAP, ManualClock())
    assert [name for name, _ in door.parts()] == ["venue_turns", "venue_reports"]
    assert door.states() == []


def test_a_chain_is_read_only_through_a_node_that_is_named():
    pools = {Venue("uniswap_v3"): {"0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": Market("ETH/USDC")}}
    assert list(VenueDoor.build(Venues(), pools, ManualClock()).connectors) == []
    door = VenueDoor.build(Venues(ethereum_rpc=Secret("https://node.test/key")), pools, ManualClock())
    (request,) = door.connectors["uniswap_v3"].spec.rest.tickers(["0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"])
    assert request.url == "https://node.test/key"


def test_a_venue_that_was_not_started_says_so():
    door = VenueDoor.build(Venues(), MAP, ManualClock(AT))
    (report,) = door.states()
    assert (report.venue, report.state, report.why, report.markets) == ("kraken", "off", "not started", 1)


def behind(kept, every_s=10.0, **how):
    async def write(quotes):
        kept.append(list(quotes))

    return WrittenBehind(write, ManualClock(AT), every_s, **how)


async def drain(writer, clock):
    task = asyncio.ensure_future(writer.run())
    for _ in range(3):
        await asyncio.sleep(0)
        clock.advance(S)
        for _ in range(20):
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_quote_of_a_book_is_kept_in_its_time_and_no_volume_is_lost():
    kept = []
    writer = behind(kept)
    writer.add([quote(second) for second in range(25)] + [quote(3, market="ETH/USD")])
    await drain(writer, writer._behind._clock)
    told = [(one.market, (one.received_at_ns - AT) // S, one.volume) for one in kept[0]]
    assert told == [("BTC/USD", 0, 1), ("BTC/USD", 10, 10), ("BTC/USD", 20, 10), ("ETH/USD", 3, 1)]


async def test_a_wall_clock_that_was_set_back_does_not_stop_the_keeping():
    kept = []
    writer = behind(kept)
    writer.add([quote(3600), quote(0), quote(5), quote(10)])
    await drain(writer, writer._behind._clock)
    assert [(one.received_at_ns - AT) // S for one in kept[0]] == [3600, 0, 10]


async def test_an_unknown_volume_makes_the_sum_unknown_once():
    kept = []
    writer = behind(kept)
    writer.add([quote(0), quote(1, None), quote(10), quote(20)])
    await drain(writer, writer._behind._clock)
    assert [one.volume for one in kept[0]] == [1, None, 1]


async def test_when_too_much_waits_the_oldest_go():
    kept = []
    writer = behind(kept, every_s=0.001, most=5)
    writer.add([quote(second) for second in range(9)])
    await drain(writer, writer._behind._clock)
    assert [(one.received_at_ns - AT) // S for one in kept[0]] == [4, 5, 6, 7, 8]


async def test_a_store_that_is_away_does_not_end_the_writing():
    asked = []

    async def write(quotes):
        asked.append(len(quotes))
        if len(asked) == 1:
            raise ChronoError(DATABASE_AWAY)

    writer = WrittenBehind(write, ManualClock(AT), 0.001)
    writer.add([quote(0)])
    await drain(writer, writer._behind._clock)
    writer.add([quote(1)])
    await drain(writer, writer._behind._clock)
    assert asked == [1, 1]


class PaperRest:
    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    async def fetch(self, request):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


GOOD = Answer(200, {}, json.dumps([["BTC", "100"]]).encode())


class Polled:
    """A poller on paper."""

    def __init__(self, *answers, wanted=("BTC",), **changes):
        self.clock, self.rest, self.said = ManualClock(AT), PaperRest(*answers), []
        asked = spec(**changes)
        self.poller = Poller(
            asked,
            clock=self.clock,
            network=self.rest,
            requests=Allowance(asked.rest.budget),
            jitter=lambda: 0.0,
            wanted=lambda: wanted,
            hear=self.said.extend,
        )

    async def pass_by(self, seconds):
        for _ in range(round(seconds * 10) or 1):
            for _ in range(10):
                await asyncio.sleep(0)
            self.clock.advance(S // 10)
        for _ in range(10):
            await asyncio.sleep(0)

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.poller.run())
        for _ in range(10):
            await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_rest_is_asked_at_the_start_and_then_in_its_time():
    async with Polled(GOOD) as polled:
        assert [type(word) for word in polled.said] == [Ticked]
        await polled.pass_by(16)
        assert polled.rest.asked == 4


async def test_rest_is_not_asked_for_nothing_and_may_be_hurried():
    async with Polled(GOOD, wanted=()) as polled:
        await polled.pass_by(20)
        assert polled.rest.asked == 0
    async with Polled(GOOD) as polled:
        polled.poller.hurry()
        await polled.pass_by(0.1)
        assert polled.rest.asked == 2


async def test_an_answer_that_never_comes_is_asked_for_again_with_back_off():
    async with Polled(LineError("late")) as polled:
        await polled.pass_by(7.6)
        assert polled.rest.asked == 5
        assert polled.poller.failure == "late"


async def test_a_rest_that_is_away_is_not_hurried():
    async with Polled(LineError("late")) as polled:
        polled.poller.hurry()
        await polled.pass_by(0.3)
        assert polled.rest.asked == 1


async def test_a_refused_rest_stays_away_although_it_is_hurried():
    async with Polled(Answer(429, {"Retry-After": "60"}, b""), GOOD) as polled:
        polled.poller.hurry()
        await polled.pass_by(59)
        assert polled.rest.asked == 1
        assert polled.poller.refused.kind == "rate_limited"
        await polled.pass_by(3)
        assert polled.rest.asked == 2
        assert polled.poller.refused is None


async def test_an_answer_that_breaks_the_parser_is_survived():
    async with Polled(Answer(200, {}, b"not json"), GOOD) as polled:
        await polled.pass_by(2)
        assert polled.rest.asked == 2
        assert polled.said
