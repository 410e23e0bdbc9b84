"""Every reader, and what is sent to whom. Runs on one event loop; nothing here waits for a reader."""

import random
import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.market.names import Market
from chrono.market.quote import Quote
from chrono.pricing.estimate import Estimate
from chrono.settings import Stream
from chrono.stream.audience import Audience
from chrono.stream.changes import Changes
from chrono.stream.connection import Connection
from chrono.stream.entrance import Entrance
from chrono.stream.frames import SNAPSHOT_HEAD, Id, snapshot_tail
from chrono.stream.lifetimes import Lifetimes
from chrono.stream.ports import Authorise, DayAgo, Defer, Latest, Listed, Outlet, Threshold
from chrono.stream.refusals import FULL, HASTY, RESTART, Refusal
from chrono.stream.session import EVERYTHING, Decision, Session, Topic
from chrono.stream.updates import Told, Update, Updates
from chrono.telemetry import WS_CONNECTIONS, WS_DELIVERY_SECONDS, WS_DROPPED

SLICE: Final = 256
"""Readers served before the loop may turn to other work: about 2 ms."""

RECONNECT_NS: Final = (1 * SECOND_NS, 10 * SECOND_NS)
"""Between which two waits a restart spreads its readers."""

log = structlog.get_logger()


class Hub:
    """The readers of this instance.

    `defer` runs a function soon, on the same loop (`loop.call_soon`); without it a wave goes out whole.
    """

    def __init__(
        self,
        rules: Stream,
        clock: Clock,
        *,
        authorise: Authorise,
        latest: Latest,
        listed: Listed,
        day_ago: DayAgo,
        defer: Defer | None = None,
        jitter: random.Random | None = None,
        ping_s: float = 20.0,
        threshold: Threshold | None = None,
    ) -> None:
        self.rules, self.clock = rules, clock
        self.changes = Changes(clock, day_ago, listed)
        self.updates = Updates(self.changes.percent)
        self.authorise, self._latest, self._listed = authorise, latest, listed
        self._defer, self._jitter = defer, jitter or random.Random()
        self.threshold, self._entrance = threshold, Entrance(rules, threshold)
        self._life = Lifetimes(rules, clock, self, ping_s)
        self._audiences = {topic: Audience() for topic in Topic}
        self._line: deque[Connection] = deque()
        self._deferred = False
        self._published_ns = 0
        self._callbacks: list[Told] = []

    # Publishing

    def publish_estimates(self, estimates: Sequence[Estimate]) -> None:
        """Send our new values to their readers. What readers were shown already is not sent again."""
        updates = (self.updates.of_estimate(estimate) for estimate in estimates)
        self._publish(Topic.PRICES, [update for update in updates if update is not None])

    def publish_quotes(self, quotes: Sequence[Quote]) -> None:
        """Send accepted quotes to the readers of venues. Costs next to nothing while there are none."""
        audience = self._audiences[Topic.QUOTES]
        if audience or self._callbacks:
            read = [quote for quote in quotes if self._callbacks or audience.of(quote.market)]
            self._publish(Topic.QUOTES, [self.updates.of_quote(quote) for quote in read])

    def publish_round(self, submission: dict[str, Any]) -> None:
        """Send what became of a transaction of a voting round. Raises: msgspec.ValidationError when it is none."""
        self._publish(Topic.ROUNDS, [self.updates.of_round(submission)])

    def publish_foreign(self, topic: Topic, data: bytes) -> None:
        """Send what another instance's `on_update` told. Raises: msgspec.DecodeError when it is no such data."""
        update = self.updates.of_foreign(topic, data)
        if update is not None:
            self._fan_out(topic, [update])

    def on_update(self, callback: Told) -> None:
        """Call back with topic, market and encoded data of everything published here, for other instances."""
        self._callbacks.append(callback)

    def _publish(self, topic: Topic, updates: list[Update]) -> None:
        self._fan_out(topic, updates)
        for callback in self._callbacks:
            for update in updates:
                callback(topic, update.market, update.data)

    def _fan_out(self, topic: Topic, updates: list[Update]) -> None:
        audience, line, replaced = self._audiences[topic], self._line, 0
        if not line:
            self._published_ns = self.clock.monotonic_ns()
        for update in updates:
            key = update.key
            for connection in audience.of(update.market):
                if connection.mixed:
                    replaced += connection.offer(update)
                else:
                    pending = connection.pending
                    replaced += key in pending
                    pending[key] = update
                if connection.idle:
                    connection.idle = False
                    line.append(connection)
        if replaced:
            WS_DROPPED.labels("conflated").inc(replaced)
        if line and not self._deferred:
            self._serve()

    def _serve(self) -> None:
        line = self._line
        self._deferred = False
        for _ in range(len(line) if self._defer is None else min(len(line), SLICE)):
            connection = line.popleft()
            try:
                connection.drain()
            except Exception:
                # One transport that breaks must cost the other readers nothing.
                log.exception("reader_broke", session=connection.session.id, door=connection.door)
                self._forget(connection)
                self._life.ending(connection)
                connection.outlet.abort()
        if line and self._defer is not None:
            self._deferred = True
            self._defer(self._serve)
        else:
            # The last reader of a wave waited longest: one honest observation, not a thousand.
            waited = self.clock.monotonic_ns() - self._published_ns
            WS_DELIVERY_SECONDS.observe(waited / SECOND_NS)

    # Readers

    def open(self, outlet: Outlet, door: str, key: str | None = None, caller: str = "") -> Connection:
        """Take in a reader that came through `door`, with the key that it showed, if any. `caller` is the address
        that its limits are counted by.

        The connection may be `closed` already when this returns: refused, and told why.
        """
        connection = Connection(Session(secrets.token_hex(6), self.rules), outlet, door, self._life, caller)
        outlet.attach(connection)
        WS_CONNECTIONS.labels(door).inc()
        if self._life.draining:
            self._send_away(connection)
        elif self.full:
            self.refuse(connection, FULL, limit=self.rules.max_connections)
        elif refused := self._entrance.refusal(caller):
            self.refuse(connection, refused[0], **refused[1])
        else:
            self._life.begin(connection)
            self._entrance.let_in(connection)
            connection.reply(connection.session.hello())
            self._carry_out(connection, Decision(key=key) if key else Decision())
        return connection

    def receive(self, connection: Connection, message: bytes | str, resume_from: str | None = None) -> None:
        """Take one whole message of a reader. `resume_from`, a token of `updates`, replaces a snapshot."""
        if not connection.closed:
            self.heard(connection)
            decision = connection.session.receive(message, self.clock.monotonic_ns())
            self._carry_out(connection, decision, self.updates.ordinal_of(resume_from))

    def too_large(self, connection: Connection) -> None:
        """Refuse a message that is over the limit before it is whole."""
        self._carry_out(connection, connection.session.too_large())

    def counted(self, connection: Connection) -> bool:
        """Count a protocol ping as a message; False when it was one too many, and the reader refused."""
        decision = connection.session.arrived(self.clock.monotonic_ns())
        if decision is not None:
            self._carry_out(connection, decision)
        return decision is None

    def heard(self, connection: Connection) -> None:
        """Anything at all came from the peer: it is there."""
        connection.unanswered = 0

    def left(self, connection: Connection) -> None:
        """The transport is gone, whoever let go first: forget the reader."""
        self._forget(connection)
        self._life.gone(connection)

    def late(self, connection: Connection) -> None:
        """The time to show a key is over."""
        self._carry_out(connection, connection.session.too_late())

    def refuse(self, connection: Connection, refusal: Refusal, **details: object) -> None:
        """Tell a reader why, and close. Whoever reads beside it notices nothing."""
        frame = refusal.frame(connection.session.id, None, **details)
        self._carry_out(connection, Decision(frames=[frame], refusal=refusal))

    async def run(self) -> None:
        """Beat, ping and cut, for ever. A supervised part."""
        await self._life.run()

    async def run_changes(self) -> None:
        """Keep the prices of 24 hours ago fresh, for ever. A supervised part."""
        await self.changes.run()

    def tick(self) -> None:
        """One pass of `run`, now."""
        self._life.tick()

    async def drain(self, within_s: float = 5.0) -> None:
        """Send every reader away, each to come back after a wait of its own; returns when all left, or in time."""
        self._life.draining = True
        for connection in list(self._life.open):
            self._send_away(connection)
        await self._life.until_empty(within_s)

    @property
    def connections(self) -> int:
        """How many readers are held."""
        return len(self._life.open)

    @property
    def full(self) -> bool:
        """Whether the next reader would be refused."""
        return len(self._life.open) >= self.rules.max_connections

    def _send_away(self, connection: Connection) -> None:
        connection.reply(connection.session.going_away(self._jitter.randrange(*RECONNECT_NS)))
        self._end(connection, RESTART, "restart")

    def _carry_out(self, connection: Connection, decision: Decision, resume_from: int | None = None) -> None:
        if connection.closed:
            return
        for frame in decision.frames:
            connection.reply(frame)
        for topic, market in decision.removed:
            self._audiences[topic].remove(connection, market)
            connection.forget(market)
        for topic, market in decision.added:
            self._audiences[topic].add(connection, market)
        if decision.removed or decision.added:
            connection.mixed = any(topic is Topic.QUOTES for topic, _ in connection.session.interests)
        if decision.snapshot or resume_from is not None:
            self._bring_up_to_date(connection, decision.snapshot, resume_from)
        if decision.key is not None:
            self._judge(connection, decision.key, decision.key_frame)
        if decision.refusal is not None and decision.refusal.close is not None:
            WS_DROPPED.labels(decision.refusal.reason.code).inc()
            self._end(connection, decision.refusal.close, decision.refusal.reason.code)
        elif connection.idle:
            connection.drain()

    def _judge(self, connection: Connection, key: str, key_frame: Id) -> None:
        if (wait_s := self._entrance.locked(connection.caller)) is not None:
            self.refuse(connection, HASTY, retry_after_s=wait_s)
            return
        decision = connection.session.judge(self.authorise(key), key_frame)
        if decision.refusal is None:
            self._entrance.settled(connection)
        self._carry_out(connection, decision)
        self._life.judged(connection)

    def _bring_up_to_date(self, connection: Connection, symbols: Iterable[str], resume_from: int | None) -> None:
        if resume_from is not None:
            for update in self.updates.since(resume_from):
                if connection.session.wants(update.topic, update.market):
                    connection.offer(update)
            return
        asked = [Market(s) for s in symbols if s != EVERYTHING]
        markets = sorted(self._listed()) if EVERYTHING in symbols else asked
        for market in markets:
            connection.forget_prices(market)
        rows = self.updates.rows(markets, self._latest, self.clock.now_ns())
        known = {row.symbol for row in rows}
        connection.reply((SNAPSHOT_HEAD, snapshot_tail(rows, [m for m in asked if m not in known])))

    def _end(self, connection: Connection, code: int, reason: str) -> None:
        self._forget(connection)
        self._life.ending(connection)
        connection.say_last()
        connection.outlet.close(code, reason)

    def _forget(self, connection: Connection) -> None:
        if connection.closed:
            return
        connection.closed = True
        self._entrance.gone(connection)
        for topic, market in connection.session.interests:
            self._audiences[topic].remove(connection, market)
        connection.pending.clear()
        WS_CONNECTIONS.labels(connection.door).dec()
