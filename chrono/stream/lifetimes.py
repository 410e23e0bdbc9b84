"""How long a reader may do nothing: no key, no pong, no reading, no goodbye. One pass every tenth of a second."""

import asyncio
from typing import Final, Protocol

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.settings import Stream
from chrono.stream.connection import Connection
from chrono.stream.deadlines import Deadlines
from chrono.stream.refusals import STALLED, Refusal
from chrono.stream.session import AUTH_WITHIN_NS
from chrono.telemetry import WS_DROPPED, WS_QUEUE_DEPTH

TICK_S: Final = 0.1
PINGS_MISSED_MAX: Final = 2
LINGER_NS: Final = 1 * SECOND_NS
"""How long a closed reader may take to read the last frames and say goodbye."""

BEATS_PER_TICK: Final = 200
"""Heartbeats in one pass: readers who came together are spread, so that a wave of beats delays no price."""

log = structlog.get_logger()


class Cuts(Protocol):
    """Who ends connections. Fits: hub.Hub."""

    def late(self, connection: Connection) -> None:
        """The time to show a key is over."""
        ...

    def refuse(self, connection: Connection, refusal: Refusal, **details: object) -> None:
        """Tell why, and close."""
        ...


class Lifetimes:
    """The open connections and what falls due for each, on monotonic time."""

    def __init__(self, rules: Stream, clock: Clock, cuts: Cuts, ping_s: float) -> None:
        self.open: dict[Connection, None] = {}
        self.draining = False
        self._rules, self._clock, self._cuts = rules, clock, cuts
        self._empty = asyncio.Event()
        self._empty.set()
        self._keyless = Deadlines[Connection](AUTH_WITHIN_NS)
        self._beats = Deadlines[Connection](int(rules.heartbeat_interval_s * SECOND_NS))
        self._pings = Deadlines[Connection](int(ping_s * SECOND_NS))
        self._stalled = Deadlines[Connection](int(rules.stall_s * SECOND_NS))
        self._leaving = Deadlines[Connection](LINGER_NS)

    def begin(self, connection: Connection) -> None:
        """A reader came."""
        now_ns = self._clock.monotonic_ns()
        self.open[connection] = None
        self._empty.clear()
        for deadlines in (self._keyless, self._beats, self._pings):
            deadlines.add(connection, now_ns)

    def judged(self, connection: Connection) -> None:
        """It showed a key."""
        self._keyless.discard(connection)

    def paused(self, connection: Connection) -> None:
        """It can take no more for now."""
        if not connection.closed:
            connection.behind = connection.outlet.backlog()
            self._stalled.add(connection, self._clock.monotonic_ns())

    def resumed(self, connection: Connection) -> None:
        """It reads again."""
        self._stalled.discard(connection)

    def ending(self, connection: Connection) -> None:
        """We close: from now on only the goodbye is waited for."""
        self._forget(connection)
        self._empty.clear()
        self._leaving.add(connection, self._clock.monotonic_ns())

    def gone(self, connection: Connection) -> None:
        """The transport is gone."""
        self._forget(connection)
        self._leaving.discard(connection)
        if not self.open and not self._leaving:
            self._empty.set()

    def tick(self) -> None:
        """Do what is due now."""
        now_ns = self._clock.monotonic_ns()
        for connection in self._keyless.take_due(now_ns):
            self._cuts.late(connection)
        for connection in self._beats.take_due(now_ns, BEATS_PER_TICK):
            connection.beat(self._clock.now_ns())
            self._beats.add(connection, now_ns)
        for connection in self._pings.take_due(now_ns):
            self._ping(connection, now_ns)
        self._cut_stalled(now_ns)
        for connection in self._leaving.take_due(now_ns):
            connection.outlet.abort()
        WS_QUEUE_DEPTH.set(max((len(c.pending) for c in self._stalled), default=0))

    async def run(self) -> None:
        """`tick` for ever. Sleeps on the loop's own time: a wall clock that is set back stops no one from being cut."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    async def until_empty(self, within_s: float) -> None:
        """Return when every reader is gone; those who are not in time are let go at once."""
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            log.info("readers_let_go", connections=len(self._leaving))
            for connection in list(self._leaving):
                connection.outlet.abort()

    def _ping(self, connection: Connection, now_ns: int) -> None:
        if connection.unanswered >= PINGS_MISSED_MAX:
            WS_DROPPED.labels("no_pong").inc()
            connection.outlet.abort()
            return
        connection.unanswered += connection.outlet.ping()
        self._pings.add(connection, now_ns)

    def _cut_stalled(self, now_ns: int) -> None:
        # A reader on a thin line is slow, not stalled, as long as its backlog shrinks.
        for connection in list(self._stalled):
            backlog = connection.outlet.backlog()
            if backlog < connection.behind:
                connection.behind = backlog
                self._stalled.add(connection, now_ns)
        for connection in self._stalled.take_due(now_ns):
            self._cuts.refuse(connection, STALLED, stalled_s=self._rules.stall_s)

    def _forget(self, connection: Connection) -> None:
        self.open.pop(connection, None)
        for deadlines in (self._keyless, self._beats, self._pings, self._stalled):
            deadlines.discard(connection)
