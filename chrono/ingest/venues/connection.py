"""One connection to a venue as a state machine without I/O: the driver tells what happened (`opened`, `frame`, ...),
takes what is to be done with `actions`, and calls `tick` at `wake_ns`. Times are monotonic nanoseconds.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from chrono.clock import SECOND_NS
from chrono.ingest.venues.actions import Action, Close, Connect, Fetch, Send, State
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.hearing import Hearing
from chrono.ingest.venues.outgoing import Outgoing
from chrono.ingest.venues.reading import http_refusal
from chrono.ingest.venues.spec import Stream
from chrono.ingest.venues.stalls import FAR, Liveness, Verdict
from chrono.ingest.venues.waits import Backoff, life_ns
from chrono.ingest.venues.words import Beat, Dealt, Offered, RefusalKind, Refused, Resync, Said, Ticked

CONNECT_S: Final = 15.0
"""An attempt that has not opened by then has failed."""

MOST_REFUSALS: Final = 20
UNLISTED: Final = "no symbol is listed"
STEADY_S: Final = 60.0
"""A connection that told prices for so long starts its back-off anew."""

Refusal = Callable[[int, Mapping[str, str], bytes], Refused | None]


class Connection:
    """One connection with some symbols of a venue. `frames` and `connections` are allowances that it shares with the
    venue's other connections, `jitter` gives 0 <= x < 1, `refusal` reads an HTTP answer.
    """

    def __init__(
        self,
        stream: Stream,
        symbols: Sequence[str],
        *,
        frames: Allowance,
        connections: Allowance,
        jitter: Callable[[], float],
        refusal: Refusal = http_refusal,
        quiet_s: float = 60.0,
    ) -> None:
        self.symbols = list(symbols)
        self.unlisted: set[str] = set()
        self.state = State.WAITING
        self.why = ""
        self.attempts = 0
        self.messages = 0
        self.opened_ns = self.priced_ns = 0
        self.refusals: deque[Refused] = deque(maxlen=MOST_REFUSALS)
        self.liveness = Liveness(stream.heartbeat, quiet_s)
        self._stream = stream
        self._connections = connections
        self._jitter = jitter
        self._refusal = refusal
        self._heartbeat = stream.heartbeat
        self._backoff = Backoff(jitter)
        self._hearing = Hearing(stream)
        self._out: list[Action] = []
        self._found: list[Verdict] = []
        self._outgoing = Outgoing(frames)
        self._due_ns = 0
        self._leave_ns = FAR
        self._tried_again = False

    # What the driver asks

    def actions(self) -> list[Action]:
        """What is to be done now, in order; it is told once."""
        out, self._out = self._out, []
        return out

    @property
    def has_actions(self) -> bool:
        """Whether `actions` has any."""
        return bool(self._out)

    def stalls_found(self) -> list[Verdict]:
        """The stalls found since this was last asked."""
        found, self._found = self._found, []
        return found

    @property
    def wake_ns(self) -> int:
        """When `tick` is due next. A past time means at once."""
        if self.state is not State.OPEN:
            return FAR if self.state is State.OFF else self._due_ns
        due_ns = min(self.liveness.due_ns, self._leave_ns)
        return min(due_ns, self._due_ns) if self._outgoing else due_ns

    # What the driver tells

    def tick(self, now_ns: int) -> None:
        """Time has passed."""
        if self.state is State.OPEN:
            self._tick_open(now_ns)
        elif now_ns < self._due_ns or self.state is State.OFF:
            return
        elif self.state in (State.CONNECTING, State.FETCHING):
            self._out.append(Close("no answer"))
            self._fail(now_ns, "no answer to the handshake")
        else:
            self._try(now_ns)

    def fetched(self, now_ns: int, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """The token's answer."""
        if self.state is not State.FETCHING or self._stream.url_from_token is None:
            return
        refused = self._refusal(status, headers, body)
        if refused is not None:
            self._refuse(now_ns, refused)
            return
        try:
            url, self._heartbeat = self._stream.url_from_token(body)
        except ValueError as error:
            self._fail(now_ns, f"no address in the token: {error}"[:200])
            return
        self._connect(now_ns, url)

    def opened(self, now_ns: int) -> None:
        """The handshake is done."""
        if self.state is not State.CONNECTING:
            self._out.append(Close("opened unasked"))
            return
        self.state, self.why = State.OPEN, ""
        self.opened_ns = now_ns
        self.liveness.follow(self._heartbeat, now_ns)
        self._leave_ns = now_ns + life_ns(self._stream.lives_s, self._jitter)
        self._hearing.anew()
        self._outgoing.clear(until_ns=now_ns + int(self._stream.settles_s * SECOND_NS))
        self._outgoing.texts(self._stream.subscribe(self.symbols))
        self._flush(now_ns)

    def heard(self, now_ns: int) -> None:
        """A sign of life without words, such as a pong."""
        self.liveness.heard_ns = now_ns

    def frame(self, data: bytes, now_ns: int) -> list[Said]:
        """What one frame says, for the books; control words are dealt with here. The hot path."""
        if self.state is not State.OPEN:
            return []
        self.liveness.heard_ns = now_ns
        self.messages += 1
        said = self._hearing.read(data)
        for word in said:
            kind = type(word)
            if kind is Dealt or kind is Offered or kind is Ticked:
                self.priced_ns = now_ns
                self.liveness.priced(now_ns)
                self._tried_again = False
            else:
                self._control(word, now_ns)
        return said

    def closed(self, now_ns: int, why: str) -> None:
        """The socket is gone, or the attempt failed."""
        if self.state in (State.OPEN, State.CONNECTING, State.FETCHING):
            self._fail(now_ns, why)

    def refused(self, now_ns: int, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """The handshake was answered with something else than 101."""
        if self.state is not State.CONNECTING:
            return
        refused = self._refusal(status, headers, body) or http_refusal(status, headers, body)
        self._refuse(now_ns, refused or Refused(RefusalKind.FAULT, f"the handshake was answered with {status}"))

    def reconnect(self, now_ns: int, why: str) -> None:
        """Leave this socket for a new one: the remedy of a dead one."""
        if self.state is State.OPEN:
            self._out.append(Close(why))
            self._fail(now_ns, why)

    def take(self, symbols: Sequence[str], now_ns: int) -> None:
        """Go on with these symbols. Those that are new are subscribed; what is gone is not asked for again."""
        before, self.symbols = self.symbols, list(symbols)
        new = set(symbols) - set(before)
        self.unlisted -= new
        if not symbols:
            self._end()
        elif self.state is State.OFF:
            self.state, self._due_ns = State.WAITING, now_ns
        elif new:
            self.resubscribe(now_ns, "the venue lists more", before)

    def resubscribe(self, now_ns: int, why: str, before: Sequence[str] | None = None) -> None:
        """Ask for everything again: the remedy of a silent socket and of a gap. `before` was asked for until now."""
        if self.state is not State.OPEN:
            return
        if self._stream.unsubscribe is None:
            self.reconnect(now_ns, why)
            return
        self._hearing.anew()
        self.liveness.asked(now_ns)
        self._outgoing.texts(self._stream.unsubscribe(self.symbols if before is None else before))
        self._outgoing.texts(self._stream.subscribe(self.symbols))
        self._flush(now_ns)

    # Inside

    def _try(self, now_ns: int) -> None:
        if not self.symbols:
            self.state = State.OFF
            return
        self.attempts += 1
        if self._stream.token is not None:
            self.state, self._due_ns = State.FETCHING, now_ns + int(CONNECT_S * SECOND_NS)
            self._out.append(Fetch(self._stream.token))
        else:
            self._connect(now_ns, self._stream.url(self.symbols))

    def _connect(self, now_ns: int, url: str) -> None:
        if not self._connections.take(now_ns):
            self.state, self._due_ns = State.WAITING, self._connections.due_ns(now_ns)
            return
        self.state, self._due_ns = State.CONNECTING, now_ns + int(CONNECT_S * SECOND_NS)
        self._out.append(Connect(url))

    def _tick_open(self, now_ns: int) -> None:
        verdict = self.liveness.judge(now_ns)
        self._found.extend([] if verdict is None else [verdict])
        if verdict is Verdict.DEAD:
            self.reconnect(now_ns, verdict.value)
        elif verdict is Verdict.SILENT:
            # A subscription may be lost while the socket lives; when asking again does not help, the socket goes.
            again, self._tried_again = self._tried_again, True
            (self.reconnect if again else self.resubscribe)(now_ns, verdict.value)
        elif now_ns >= self._leave_ns:
            self._out.append(Close("its life ends"))
            self.state, self.why, self._due_ns = State.WAITING, "its life ends", now_ns
            self._try(now_ns)
        else:
            self._outgoing.pings(self.liveness, self._heartbeat.ping, now_ns)
            self._flush(now_ns)

    def _flush(self, now_ns: int) -> None:
        ready, self._due_ns = self._outgoing.ready(now_ns)
        self._out.extend(ready)

    def _control(self, word: Said, now_ns: int) -> None:
        if self.state is not State.OPEN:
            return
        match word:
            case Beat(reply=bytes(reply), is_text=is_text):
                self._outgoing.first(Send(reply, is_text=is_text))
                self._flush(now_ns)
            case Resync(why=why, reconnect=True):
                self.reconnect(now_ns, why)
            case Resync(why=why):
                self.resubscribe(now_ns, why)
            case Refused(kind=RefusalKind.UNKNOWN_SYMBOL):
                self._without(now_ns, word)
            case Refused(kind=RefusalKind.BAD_REQUEST):
                self.refusals.append(word)
            case Refused():
                self._out.append(Close(word.said))
                self._refuse(now_ns, word)

    def _without(self, now_ns: int, refused: Refused) -> None:
        """Go on without the symbols that the venue does not know."""
        self.refusals.append(refused)
        known = [symbol for symbol in self.symbols if symbol not in refused.symbols]
        if len(known) == len(self.symbols):
            return
        self.unlisted |= set(self.symbols) - set(known)
        self.symbols = known
        if known:
            # Some venues refuse the whole of a subscription for one symbol.
            self._outgoing.texts(self._stream.subscribe(known))
            self._flush(now_ns)
        else:
            self._end()

    def _end(self) -> None:
        """Nothing is left to subscribe."""
        if self.state in (State.OPEN, State.CONNECTING, State.FETCHING):
            self._out.append(Close(UNLISTED))
            self.state, self.why = State.OFF, UNLISTED

    def _refuse(self, now_ns: int, refused: Refused) -> None:
        self.refusals.append(refused)
        self._outgoing.clear()
        self.why = refused.said
        kind = refused.kind
        self.state = {RefusalKind.GEO: State.REFUSED, RefusalKind.BANNED: State.BANNED}.get(kind, State.WAITING)
        self._due_ns = now_ns + self._backoff.after_refusal_ns(refused)
        if kind in (RefusalKind.BANNED, RefusalKind.RATE_LIMITED):
            # It was said to our address, so it holds for the venue's other connections too.
            self._connections.close_until(self._due_ns)

    def _fail(self, now_ns: int, why: str) -> None:
        if self.state is State.OPEN and self.priced_ns - self.opened_ns >= STEADY_S * SECOND_NS:
            self._backoff.reset()
        self._outgoing.clear()
        self.state, self.why = State.WAITING, why
        self._due_ns = now_ns + self._backoff.next_ns()
