"""One connection of a venue, driven: carries the state machine's actions out and tells it what happened."""

import asyncio
from collections.abc import Callable, Container, Coroutine, Sequence
from typing import Final

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.venues.actions import Close, Connect, Fetch, Send, State
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.connection import Connection
from chrono.ingest.venues.ports import HandshakeRefusedError, LineError, Network, Wire
from chrono.ingest.venues.reading import excerpt
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.stalls import REMEDIES, Lag
from chrono.ingest.venues.words import Said, Unread
from chrono.telemetry import VENUE_MESSAGES, VENUE_RECONNECTS, VENUE_REFUSALS, VENUE_STALLS

Hear = Callable[["Line", list[Said]], None]
"""Told what a frame said, in the order of the frames."""

LONGEST_SLEEP_S: Final = 2.0
"""The socket is looked at so often at least."""

log = structlog.get_logger()


class Line:
    """Drives one `Connection`. `hear` gets what is said, `lost` is called when the socket is gone."""

    def __init__(
        self,
        spec: VenueSpec,
        symbols: Sequence[str],
        *,
        clock: Clock,
        network: Network,
        frames: Allowance,
        connections: Allowance,
        requests: Allowance,
        jitter: Callable[[], float],
        hear: Hear,
        lost: Callable[["Line"], None],
    ) -> None:
        if spec.stream is None:
            raise ValueError(f"{spec.name} has no stream")
        self.machine = Connection(
            spec.stream,
            symbols,
            frames=frames,
            connections=connections,
            jitter=jitter,
            refusal=spec.rest.refusal,
            quiet_s=spec.quiet_s,
        )
        self.lag = Lag(spec.quotes_late_s)
        self._given = list(symbols)
        self._venue = spec.name
        self._clock = clock
        self._network = network
        self._requests = requests
        self._hear = hear
        self._lost = lost
        self._wire: Wire | None = None
        self._ears: _Ears | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._kick = asyncio.Event()
        self._heard = VENUE_MESSAGES.labels(spec.name, "heard")
        self._unread = VENUE_MESSAGES.labels(spec.name, "unread")

    @property
    def is_healthy(self) -> bool:
        """Whether the socket is open and nothing is wrong with what it says."""
        machine = self.machine
        return machine.state is State.OPEN and machine.liveness.verdict is None and not self.lag.is_late

    async def run(self) -> None:
        """Keep the connection, for ever."""
        try:
            while True:
                self._kick.clear()
                if self._wire is not None and self._wire.is_broken:
                    self.machine.reconnect(self._clock.monotonic_ns(), "the venue broke the protocol")
                self.machine.tick(self._clock.monotonic_ns())
                self._tell_stalls()
                self._act()
                await self._sleep()
        finally:
            self._drop()

    def relist(self, listed: Container[str], back: Container[str]) -> None:
        """The venue's list has changed: go on with the `listed` ones. Those that are `back` are asked for again, even
        if the stream refused them before.
        """
        refused = {symbol for symbol in self.machine.unlisted if symbol not in back}
        symbols = [symbol for symbol in self._given if symbol in listed and symbol not in refused]
        self.machine.take(symbols, self._clock.monotonic_ns())
        self._act()
        self._kick.set()

    async def _sleep(self) -> None:
        """Wait until the machine wants a tick, or something has happened."""
        left_s = (self.machine.wake_ns - self._clock.monotonic_ns()) / SECOND_NS
        nap = asyncio.ensure_future(self._clock.sleep(min(max(left_s, 0.001), LONGEST_SLEEP_S)))
        kicked = asyncio.ensure_future(self._kick.wait())
        try:
            await asyncio.wait((nap, kicked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            kicked.cancel()

    def _act(self) -> None:
        for action in self.machine.actions():
            match action:
                case Send(data=data, is_text=is_text, ping=ping):
                    if self._wire is not None:
                        self._wire.ping() if ping else self._wire.send(data, is_text=is_text)
                case Close(why=why):
                    VENUE_RECONNECTS.labels(self._venue).inc()
                    log.info("venue_left", venue=self._venue, why=excerpt(why))
                    self._drop()
                case Connect(url=url):
                    self._start(self._connect(url))
                case Fetch():
                    self._start(self._fetch(action))

    def _start(self, attempt: Coroutine[None, None, None]) -> None:
        self._attempt = asyncio.create_task(attempt)

    async def _connect(self, url: str) -> None:
        ears = self._ears = _Ears(self)
        try:
            wire = await self._network.connect(url, ears)
        except HandshakeRefusedError as refused:
            answer = refused.answer
            self.machine.refused(self._clock.monotonic_ns(), answer.status, answer.headers, answer.body)
            self._tell_refusal()
        except LineError as error:
            self.machine.closed(self._clock.monotonic_ns(), str(error))
        else:
            if self._ears is not ears:
                wire.close()
                return
            self._wire = wire
            self.lag.clear(self._clock.monotonic_ns())
            self.machine.opened(self._clock.monotonic_ns())
            self._act()
            ears.listen()
        self._kick.set()

    async def _fetch(self, asked: Fetch) -> None:
        await self._requests.wait(self._clock, asked.request.weight)
        try:
            answer = await self._network.fetch(asked.request)
        except LineError as error:
            self.machine.closed(self._clock.monotonic_ns(), str(error))
        else:
            self.machine.fetched(self._clock.monotonic_ns(), answer.status, answer.headers, answer.body)
        self._kick.set()

    def _tell_stalls(self) -> None:
        for verdict in self.machine.stalls_found():
            VENUE_STALLS.labels(self._venue, verdict.value).inc()
            log.warning("venue_stalled", venue=self._venue, verdict=verdict.value, remedy=REMEDIES[verdict].value)

    def _tell_refusal(self) -> None:
        if self.machine.refusals:
            refused = self.machine.refusals[-1]
            VENUE_REFUSALS.labels(self._venue, refused.kind.value).inc()
            log.warning("venue_refused", venue=self._venue, kind=refused.kind.value, said=excerpt(refused.said))

    def _drop(self) -> None:
        """Let the socket and the attempt go; nothing of them is heard any more."""
        ears, self._ears = self._ears, None
        if ears is not None:
            ears.deafen()
        if self._attempt is not None and self._attempt is not asyncio.current_task():
            self._attempt.cancel()
        self._attempt = None
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
            self._lost(self)

    # What the socket tells

    def on_frame(self, data: bytes) -> None:
        """One whole message."""
        machine = self.machine
        refusals = len(machine.refusals)
        try:
            said = machine.frame(data, self._clock.monotonic_ns())
            self._hear(self, said)
        except Exception:
            # A message that breaks us must not cost the next one.
            log.exception("venue_message_failed", venue=self._venue, excerpt=excerpt(data))
            self._unread.inc()
            return
        self._heard.inc()
        if len(said) == 1 and type(said[0]) is Unread:
            self._unread.inc()
        if len(machine.refusals) != refusals:
            self._tell_refusal()
        if machine.has_actions:
            self._act()
            self._kick.set()

    def on_alive(self) -> None:
        """A ping or a pong."""
        self.machine.heard(self._clock.monotonic_ns())

    def on_lost(self, why: str) -> None:
        """The socket is gone."""
        self._wire = None
        if self.machine.state is State.OPEN:
            VENUE_RECONNECTS.labels(self._venue).inc()
            log.info("venue_lost", venue=self._venue, why=excerpt(why))
        self.machine.closed(self._clock.monotonic_ns(), why)
        self._lost(self)
        self._kick.set()


class _Ears:
    """Hears one socket for a line, until the line has another one: a late word of an old socket is not heard.

    What comes before the machine knows that the socket is open waits for it.
    """

    def __init__(self, line: Line) -> None:
        self._line: Line | None = line
        self._early: list[bytes] | None = []
        self._gone: str | None = None

    def listen(self) -> None:
        """The machine knows: from now on everything is passed on."""
        early, self._early = self._early, None
        for data in early or ():
            self.on_frame(data)
        if self._gone is not None:
            self.on_lost(self._gone)

    def deafen(self) -> None:
        """Pass nothing on any more."""
        self._line = None

    def on_frame(self, data: bytes) -> None:
        """A whole message."""
        if self._line is None:
            return
        if self._early is None:
            self._line.on_frame(data)
        else:
            self._early.append(data)

    def on_alive(self) -> None:
        """A ping or a pong."""
        if self._line is not None:
            self._line.on_alive()

    def on_lost(self, why: str) -> None:
        """The socket is gone."""
        if self._line is None:
            return
        if self._early is None:
            line, self._line = self._line, None
            line.on_lost(why)
        else:
            self._gone = why
