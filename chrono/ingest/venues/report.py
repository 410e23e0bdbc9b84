"""How a venue does, for `/metadata/venues`, `/health` and the operator: judged from its connector's own parts."""

from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.ingest.venues.actions import State
from chrono.ingest.venues.connection import Connection
from chrono.ingest.venues.connector import Connector
from chrono.ingest.venues.line import Line
from chrono.ingest.venues.stalls import REMEDIES, Verdict
from chrono.market.names import Venue

RATE_NS: Final = 10 * SECOND_NS

Judged = tuple[str, Verdict | None, str]
"""State, verdict, and why."""


class VenueReport(Struct, frozen=True):
    """One venue. `state`: live, dead, silent, frozen, lagging, refused or off.

    `by` is the way its newest prices come: "stream", "rest", or "" when none do. `verdict` and `remedy` tell the
    stall and what is done about it, `why` the venue's or the network's own words. `frozen` are the symbols left
    out, `unlisted` those that the venue does not list or know.
    Times are wall time in nanoseconds; `clock_offset_ms` is the venue's clock minus ours, its way to us included.
    """

    venue: Venue
    state: str
    since_ns: int
    markets: int
    by: str
    verdict: str
    remedy: str
    why: str
    last_heard_ns: int | None
    clock_offset_ms: int | None
    messages: int
    messages_per_s: float
    quotes: int
    frozen: tuple[str, ...]
    unlisted: tuple[str, ...]


class Reporter:
    """Remembers since when each venue is in its state, and how fast it speaks."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._state = ""
        self._since_ns = 0
        self._counted = (0, 0)
        self._per_s = 0.0

    def report(self, now_ns: int, wall_ns: int) -> VenueReport:
        """The venue as it is now: `now_ns` monotonic, `wall_ns` wall time."""
        connector = self._connector
        state, verdict, why = judge(connector)
        if state != self._state:
            self._state, self._since_ns = state, wall_ns
        messages = sum(line.machine.messages for line in connector.lines)
        return VenueReport(
            venue=connector.books.venue,
            state=state,
            since_ns=self._since_ns,
            markets=len(connector.books.by_symbol) + len(connector.books.aside),
            by=_by(connector, now_ns),
            verdict="" if verdict is None else verdict.value,
            remedy="" if verdict is None else REMEDIES[verdict].value,
            why=why,
            last_heard_ns=connector.heard_at_ns,
            clock_offset_ms=_offset(connector.lines),
            messages=messages,
            messages_per_s=self._rate(messages, now_ns),
            quotes=connector.quotes,
            frozen=tuple(connector.frozen()),
            unlisted=tuple(connector.unlisted()),
        )

    def _rate(self, messages: int, now_ns: int) -> float:
        before, at_ns = self._counted
        if messages < before or not at_ns:
            self._counted = (messages, now_ns)
        elif now_ns - at_ns >= RATE_NS:
            self._per_s = (messages - before) * SECOND_NS / (now_ns - at_ns)
            self._counted = (messages, now_ns)
        return round(self._per_s, 3)


def judge(connector: Connector) -> Judged:
    """State, verdict and reason: the worst of the connections counts, then the clock, then the books."""
    if not connector.books.by_symbol:
        return "off", None, "no market is mapped to it"
    if connector.spec.stream is None:
        return _polled(connector)
    machines = [line.machine for line in connector.lines if line.machine.state is not State.OFF]
    if not machines:
        return "off", None, connector.lines[0].machine.why if connector.lines else "not started"
    told = _away(machines) or _speechless(machines)
    if told is not None:
        return told
    if any(line.lag.is_late for line in connector.lines):
        return "lagging", Verdict.LAGGING, "its times lie behind ours"
    frozen = connector.frozen()
    if frozen and len(frozen) * 2 >= len(connector.books.by_symbol):
        return "frozen", Verdict.FROZEN, f"{len(frozen)} books rest while the market moves"
    return "live", None, ""


def _away(machines: list[Connection]) -> Judged | None:
    """Whether a connection is refused or gone."""
    for machine in machines:
        if machine.state in (State.REFUSED, State.BANNED):
            return "refused", None, machine.why
    for machine in machines:
        if machine.state is not State.OPEN:
            starting = machine.attempts <= 1 and not machine.why
            return ("silent", None, "connecting") if starting else ("dead", Verdict.DEAD, machine.why)
    return None


def _speechless(machines: list[Connection]) -> Judged | None:
    """Whether an open connection has told nothing since its last stall, or nothing at all."""
    for verdict in (Verdict.DEAD, Verdict.SILENT):
        for machine in machines:
            if machine.liveness.verdict is verdict:
                return verdict.value, verdict, "no price since"
    if not any(machine.priced_ns for machine in machines):
        return "silent", None, "nothing was heard yet"
    return None


def _polled(connector: Connector) -> Judged:
    poller = connector.poller
    if poller.refused is not None:
        return "refused", None, poller.refused.said
    if poller.failure:
        return "dead", Verdict.DEAD, poller.failure
    return ("silent", None, "nothing was heard yet") if poller.answered_ns is None else ("live", None, "")


def _by(connector: Connector, now_ns: int) -> str:
    """The way most of its books are told now."""
    quiet_ns = int(connector.spec.quiet_s * SECOND_NS)
    books = connector.books.by_symbol.values()
    streamed = sum(not book.left_out and now_ns - book.streamed_ns < quiet_ns for book in books)
    lines_open = any(line.machine.state is State.OPEN for line in connector.lines)
    if streamed and lines_open:
        return "stream"
    answered_ns = connector.poller.answered_ns
    fresh = answered_ns is not None and now_ns - answered_ns < 3 * int(connector.spec.rest.poll_every_s * SECOND_NS)
    return "rest" if fresh else ""


def _offset(lines: list[Line]) -> int | None:
    known = [line.lag.offset_ms for line in lines if line.lag.offset_ms is not None]
    return min(known) if known else None
