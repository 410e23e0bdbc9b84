"""Which books REST is asked for, and how the symbols are split over connections; on paper."""

from decimal import Decimal

from chrono.clock import SECOND_NS, ManualClock
from chrono.ingest.venues.actions import State
from chrono.ingest.venues.connector import Connector
from chrono.ingest.venues.peers import Peers
from chrono.ingest.venues.report import Reporter
from chrono.ingest.venues.stalls import Verdict
from chrono.ingest.venues.words import Offered
from chrono.market.names import Market
from tests.fakes.venue_words import spec, stream

S = SECOND_NS
AT = 10**18
NAMES = ("BTC", "ETH", "XRP")


def connector(**changes):
    built = Connector(
        spec(stream=stream(symbols_per_connection=2), **changes),
        {name: Market(f"{name}/USD") for name in NAMES},
        clock=ManualClock(AT),
        network=None,
        peers=Peers(),
        jitter=lambda: 0.0,
        tell=lambda quotes: None,
    )
    built.lines = built._split()
    return built


def open_lines(built):
    for line in built.lines:
        line.machine.tick(AT)
        line.machine.opened(AT)


def say(built, *names, at_ns=AT):
    for line in built.lines:
        for name in names:
            if name in line.machine.symbols:
                built._hear_line(line, [Offered(name, Decimal(1), Decimal("1.001"), None)])


def test_symbols_are_split_over_as_few_connections_as_the_venue_allows():
    assert [line.machine.symbols for line in connector().lines] == [["BTC", "ETH"], ["XRP"]]


def test_rest_is_asked_for_everything_while_no_stream_speaks():
    assert connector().wanted() == list(NAMES)


def test_rest_is_asked_for_nothing_that_a_healthy_stream_speaks_of():
    built = connector()
    open_lines(built)
    say(built, *NAMES)
    assert built.wanted() == []


def test_rest_is_asked_for_the_books_of_a_lost_connection_only():
    built = connector()
    open_lines(built)
    say(built, *NAMES)
    built.lines[1].machine.closed(AT, "gone")
    assert built.wanted() == ["XRP"]


def test_rest_is_asked_for_books_that_are_left_out():
    built = connector()
    open_lines(built)
    say(built, *NAMES)
    built.books.leave_out(["ETH"], Verdict.FROZEN)
    assert built.wanted() == ["ETH"]


def test_quiet_books_of_a_healthy_stream_are_asked_for_in_their_own_time():
    built = connector()
    open_lines(built)
    say(built, "BTC", "XRP")
    assert built.wanted() == ["ETH"]
    built.poller.answered_ns = AT
    assert built.wanted() == []
    built._clock.advance(61 * S)
    say(built, "BTC", "XRP")
    assert built.wanted() == ["ETH"]


def test_the_report_tells_the_worst_of_the_connections():
    built = connector()
    reporter = Reporter(built)

    def told():
        report = reporter.report(built._clock.monotonic_ns(), built._clock.now_ns())
        return report.state, report.verdict, report.remedy, report.by

    assert told() == ("silent", "", "", "")
    open_lines(built)
    assert told() == ("silent", "", "", "")
    built._clock.advance(S)
    built.lines[0].machine.frame(b"T BTC 1 1", AT + S)
    say(built, *NAMES)
    assert told() == ("live", "", "", "stream")
    built.books.leave_out(["BTC", "ETH"], Verdict.FROZEN)
    assert told()[:3] == ("frozen", "frozen", "leave_out_and_ask_rest")
    built.lines[0].lag.is_late = True
    assert told()[:3] == ("lagging", "lagging", "leave_out")
    built.lines[1].machine.liveness.verdict = Verdict.SILENT
    assert told()[:3] == ("silent", "silent", "resubscribe")
    built.lines[1].machine.closed(AT, "gone")
    assert told()[:3] == ("dead", "dead", "reconnect")
    built.lines[0].machine.state = State.REFUSED
    assert told()[:3] == ("refused", "", "")


def test_a_state_keeps_its_beginning():
    built = connector()
    reporter = Reporter(built)
    first = reporter.report(AT, AT).since_ns
    assert reporter.report(AT + S, AT + S).since_ns == first
    open_lines(built)
    built.lines[0].machine.frame(b"T BTC 1 1", AT + 2 * S)
    assert reporter.report(AT + 2 * S, AT + 2 * S).since_ns == AT + 2 * S


def test_symbols_that_the_venue_does_not_know_are_told():
    built = connector()
    open_lines(built)
    built.lines[0].machine.frame(b"R unknown_symbol 0 ETH", AT)
    assert Reporter(built).report(AT, AT).unlisted == ("ETH",)
    assert "ETH" in built.wanted()


def test_a_venue_without_a_stream_is_polled_and_judged_by_its_answers():
    built = Connector(
        spec(stream=None),
        {"BTC": Market("BTC/USD")},
        clock=ManualClock(AT),
        network=None,
        peers=Peers(),
        jitter=lambda: 0.0,
        tell=lambda quotes: None,
    )
    reporter = Reporter(built)
    assert reporter.report(AT, AT).state == "silent"
    built.poller.answered_ns = AT
    assert (reporter.report(AT, AT).state, reporter.report(AT, AT).by) == ("live", "rest")
    built.poller.failure = "no route"
    assert (reporter.report(AT, AT).state, reporter.report(AT, AT).why) == ("dead", "no route")
