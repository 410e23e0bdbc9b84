"""Which symbols a list leaves, when it is believed, when it is asked again; and what a change of it does. On paper."""

import asyncio
import json
from decimal import Decimal

import pytest
from msgspec.structs import replace

from chrono.clock import SECOND_NS, ManualClock
from chrono.ingest.venues.books import Books
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.culprits import asked_by
from chrono.ingest.venues.listing import FIRST_S, Lister, unlisted_of
from chrono.ingest.venues.poller import Poller
from chrono.ingest.venues.ports import Answer, LineError
from chrono.ingest.venues.roster import NAMES, spec_of
from chrono.ingest.venues.spec import Request
from chrono.ingest.venues.words import Instrument, Offered, Ticked
from chrono.market.map import MarketMap
from chrono.market.names import Market, Venue
from tests.fakes.venue_words import spec

S = SECOND_NS
AT = 10**18
FOUR = ("BTC", "ETH", "XRP", "ADA")


def instruments(*active, halted=()):
    return [Instrument(name, name, "USD", name not in halted) for name in (*active, *halted)]


@pytest.mark.parametrize(
    ("listed", "unlisted"),
    [
        (instruments(*FOUR, "OTHER"), set()),
        (instruments("BTC", "ETH", "XRP"), {"ADA"}),
        (instruments("BTC", "ETH", "XRP", halted=("ADA",)), {"ADA"}),
        (instruments("BTC", "ETH"), {"XRP", "ADA"}),
        (instruments("BTC"), None),
        (instruments(halted=FOUR), None),
        (instruments("btc", "eth", "xrp", "ada"), None),
        ([], None),
    ],
)
def test_a_list_is_believed_when_it_leaves_at_least_half_of_our_symbols(listed, unlisted):
    assert unlisted_of(FOUR, listed) == unlisted


class Listed:
    """A lister on paper; `answers` are what the next looks get, the last of them for ever."""

    def __init__(self, *answers, **changes):
        self.clock, self.answers, self.asked, self.told = ManualClock(AT), list(answers), 0, []
        asked = spec(**changes)
        read = replace(
            asked.rest,
            parse_instruments=lambda body: [Instrument(name, name, "USD", True) for name in json.loads(body)],
        )
        asked = replace(asked, rest=read)
        self.requests = Allowance(asked.rest.budget)
        self.lister = Lister(
            asked,
            FOUR,
            clock=self.clock,
            network=self,
            requests=self.requests,
            jitter=lambda: 0.0,
            tell=self.told.append,
        )

    async def fetch(self, request):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        return answer

    async def pass_by(self, seconds, step_s=1.0):
        for _ in range(round(seconds / step_s)):
            self.clock.advance(int(step_s * S))
            await settle()

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.lister.run())
        await settle()
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def listing(*names):
    return Answer(200, {}, json.dumps(names).encode())


ALL, WITHOUT_ADA = listing(*FOUR), listing(*FOUR[:3])


async def test_what_changes_is_told_once():
    async with Listed(ALL, WITHOUT_ADA, WITHOUT_ADA, ALL) as listed:
        assert listed.told == []
        await listed.pass_by(3600, 60.0)
        assert listed.told == [{"ADA"}]
        await listed.pass_by(3600, 60.0)
        assert listed.told == [{"ADA"}]
        await listed.pass_by(3600, 60.0)
        assert (listed.told, listed.asked) == ([{"ADA"}, frozenset()], 4)


async def test_a_list_that_is_not_believed_changes_nothing_and_is_asked_again_with_doubling_waits():
    async with Listed(WITHOUT_ADA, listing()) as listed:
        assert listed.told == [{"ADA"}]
        await listed.pass_by(3600 + 60 + 120, 60.0)
        assert (listed.told, listed.asked) == ([{"ADA"}], 4)
        await listed.pass_by(180, 60.0)
        assert listed.asked == 4


@pytest.mark.parametrize(
    "answer",
    [LineError("late"), RuntimeError("breaks us"), listing(), Answer(404, {}, b""), Answer(200, {}, b"\xff")],
)
async def test_a_list_that_does_not_come_is_asked_again_in_a_minute_or_when_the_venue_lets_us(answer):
    async with Listed(answer, WITHOUT_ADA) as listed:
        assert listed.told == []
        await listed.pass_by(300, 10.0)
        assert (listed.told, listed.asked) == ([{"ADA"}], 2)


async def test_a_list_refused_by_rate_keeps_the_tickers_away_too():
    async with Listed(Answer(429, {"Retry-After": "77"}, b""), ALL) as listed:
        assert listed.requests.due_ns(AT) == AT + 77 * S
        await listed.pass_by(76)
        assert listed.asked == 1
        await listed.pass_by(2)
        assert listed.asked == 2


async def test_the_first_look_is_waited_for_but_not_for_ever():
    async with Listed(ALL) as listed:
        await asyncio.wait_for(listed.lister.first(), 5.0)
    async with Listed(LineError("late")) as listed:
        await asyncio.wait_for(listed.lister.first(), 5.0)
    async with Listed(None) as listed:
        waiting = asyncio.ensure_future(listed.lister.first())
        await settle()
        assert not waiting.done()
        await listed.pass_by(FIRST_S)
        assert waiting.done()


async def test_a_chain_has_no_list():
    async with Listed(ALL, through_node=spec) as listed:
        await listed.pass_by(10)
        assert listed.asked == 0
        await asyncio.wait_for(listed.lister.first(), 5.0)


# Books set aside


def test_books_that_are_set_aside_are_told_by_nobody_and_come_back_anew():
    books = Books(Venue("paper"), {name: Market(f"{name}/USD") for name in FOUR}, 90.0)
    said = [Offered(name, Decimal(1), Decimal("1.001"), None) for name in FOUR]
    assert len(books.hear(said, AT, AT)) == 4
    books.hear(said, AT + 1, AT + 1)
    assert books.set_aside({"ADA", "OTHER"}) == []
    assert {quote.market for quote in books.due(AT + S)} == {"BTC/USD", "ETH/USD", "XRP/USD"}
    assert len(books.hear(said, AT + 2 * S, AT + 2 * S)) == 3
    assert len(books.hear(said, AT + 20 * S, AT + 20 * S, by_rest=True)) == 3
    assert (books.unknown, list(books.aside)) == (2, ["ADA"])
    assert books.set_aside(()) == ["ADA"]
    assert len(books.hear(said, AT + 30 * S, AT + 30 * S)) == 4


# The symbols of a request


@pytest.mark.parametrize("name", NAMES)
def test_the_symbols_of_every_request_for_tickers_are_known_or_none_is_named(name):
    one = spec_of(name)
    one = one if one.through_node is None else one.through_node("https://node.test")
    symbols = [*MarketMap.load().books(name)]
    tickers = one.rest.tickers
    found = [asked_by(tickers, request, symbols) for request in tickers(symbols)]
    if any(found):
        assert [symbol for group in found for symbol in group] == symbols
        for group in found:
            for at in range(1, len(group)):
                assert (len(tickers(group[:at])), len(tickers(group[at:]))) == (1, 1)


def test_venues_that_are_asked_for_names_and_those_that_tell_everything_are_told_apart():
    named = set()
    for name in NAMES:
        one, symbols = spec_of(name), [*MarketMap.load().books(name)]
        if any(asked_by(one.rest.tickers, request, symbols) for request in one.rest.tickers(symbols)):
            named.add(name)
    assert named >= {"coinbase", "binance", "binanceus", "kraken", "bitfinex", "bithumb"}
    assert not named & {"bybit", "okx", "gate", "kucoin", "bitget", "mexc", "htx", "cryptocom", "bitstamp", "upbit"}


# The poller


class Polled:
    """A poller of a venue that is asked by name. `refuses(symbols)` gives an answer instead of prices, or None."""

    def __init__(self, refuses, wanted, most=1):
        self.clock, self.refuses, self.wanted, self.asked, self.said = ManualClock(AT), refuses, wanted, [], []
        base = spec()
        rest = replace(base.rest, tickers=lambda symbols: [Request(",".join(symbols))] if symbols else [])
        self.poller = Poller(
            replace(base, rest=rest),
            clock=self.clock,
            network=self,
            requests=Allowance(rest.budget),
            jitter=lambda: 0.0,
            wanted=lambda: self.wanted,
            hear=self.said.extend,
            most_left_out=most,
        )

    async def fetch(self, request):
        symbols = request.url.split(",")
        self.asked.append(symbols)
        refused = self.refuses(symbols)
        if isinstance(refused, Exception):
            raise refused
        return refused or Answer(200, {}, json.dumps([[symbol, "1"] for symbol in symbols]).encode())

    async def pass_by(self, seconds, step_s=0.1):
        await settle()
        for _ in range(round(seconds / step_s)):
            self.clock.advance(int(step_s * S))
            await settle()

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.poller.run())
        await self.pass_by(3)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def without(*guilty, status=400):
    return lambda symbols: Answer(status, {}, b"no") if set(symbols) & set(guilty) else None


async def test_one_bad_symbol_costs_the_others_nothing_and_is_asked_again_after_an_hour():
    async with Polled(without("ADA"), FOUR) as polled:
        assert {word.symbol for word in polled.said if isinstance(word, Ticked)} == {"BTC", "ETH", "XRP"}
        assert polled.asked == [list(FOUR), ["BTC", "ETH"], ["XRP", "ADA"], ["XRP"], ["ADA"]]
        assert polled.poller.left_out == ("ADA",)
        assert (polled.poller.refused, polled.poller.failure) == (None, "")
        await polled.pass_by(5)
        assert polled.asked[5:] == [["BTC", "ETH", "XRP"]]
        await polled.pass_by(3600, 5.0)
        assert polled.asked.count(["ADA"]) == 2


async def test_a_symbol_that_is_back_is_asked_for_at_once():
    async with Polled(without("ADA"), FOUR) as polled:
        polled.refuses = lambda _: None
        polled.poller.take_back(["ADA", "BTC"])
        polled.poller.hurry()
        await polled.pass_by(1)
        assert polled.asked[-1] == list(FOUR)


async def test_a_bad_symbol_that_is_asked_for_alone_is_held_against_one_that_is_known_to_be_good():
    async with Polled(without("ADA"), ("BTC", "ETH")) as polled:
        polled.wanted = ("ADA",)
        await polled.pass_by(6)
        assert polled.asked[1:] == [["ADA"], ["BTC"]]
        assert (polled.poller.left_out, polled.poller.failure) == (("ADA",), "")


async def test_a_venue_that_refuses_everything_is_left_alone_and_nobody_is_blamed():
    async with Polled(without(*FOUR), FOUR) as polled:
        assert polled.poller.left_out == ()
        assert polled.poller.refused is not None
        asked = len(polled.asked)
        assert asked == 7
        await polled.pass_by(290)
        assert len(polled.asked) == asked
    async with Polled(without("BTC", "ADA"), ("BTC",)) as polled:
        polled.refuses = without(*FOUR)
        await polled.pass_by(400)
        assert polled.poller.left_out == ()


@pytest.mark.parametrize("fault", [LineError("gone"), Answer(429, {"Retry-After": "50"}, b"")])
async def test_a_fault_in_the_middle_of_the_search_ends_it_and_keeps_what_was_found(fault):
    async with Polled(lambda symbols: None, FOUR) as polled:
        found = without("BTC")
        polled.refuses = lambda symbols: fault if symbols == ["ETH"] else found(symbols)
        await polled.pass_by(4)
        assert polled.asked[1:6] == [list(FOUR), ["BTC", "ETH"], ["XRP", "ADA"], ["BTC"], ["ETH"]]
        assert polled.poller.left_out == ("BTC",)


def test_a_request_that_names_nobody_is_not_halved():
    base = spec()
    rest = replace(base.rest, tickers=lambda _: [Request("all")])
    assert asked_by(rest.tickers, Request("all"), FOUR) == ()
    assert asked_by(rest.tickers, Request("all"), ("BTC",)) == ()
