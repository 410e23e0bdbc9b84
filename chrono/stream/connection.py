"""One reader as the hub holds it: a session, a way out, and what waits between the two.

Nothing waits for a reader that keeps up. For one that does not, only the newest value of each market is kept, so
what waits is bounded by what it subscribed, and never by how long it sleeps.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from chrono.market.names import Market
from chrono.stream.ports import Outlet
from chrono.stream.session import Session
from chrono.stream.updates import Update

BATCH_BYTES: Final = 16 * 1024
"""Most that is handed over before asking again whether the reader can take more."""

Reply = bytes | tuple[bytes, bytes]
"""A frame as it is, or the head and tail of one that is numbered when it leaves."""

Bundle = dict[object, Update]
"""What waits of one market for a reader of venues: in order of rev."""


class Watch(Protocol):
    """Who is told when a reader can take no more. Fits: hub.Hub."""

    def paused(self, connection: "Connection") -> None:
        """The transport takes no more for now."""
        ...

    def resumed(self, connection: "Connection") -> None:
        """It takes again."""
        ...


class Connection:
    """One open connection.

    `idle`: neither in line to be drained nor paused. `mixed`: also reads venues. `behind`: the outlet's backlog
    when it was last looked at.
    `caller`: the address that its limits are counted by. `unanswered`: protocol pings since the peer was last heard of.
    """

    __slots__ = (
        "_replies", "_watch", "behind", "caller", "closed", "door", "idle", "mixed", "outlet", "paused", "pending",
        "send", "session", "unanswered",
    )  # fmt: skip

    def __init__(self, session: Session, outlet: Outlet, door: str, watch: Watch, caller: str = "") -> None:
        self.session, self.outlet, self.door, self.caller = session, outlet, door, caller
        self.send = outlet.send
        self.pending: dict[str, Update | Bundle] = {}
        self.idle, self.paused, self.closed = True, False, False
        self.mixed = False
        self.behind = 0
        self.unanswered = 0
        self._replies: deque[Reply] = deque()
        self._watch = watch

    @property
    def caught_up(self) -> bool:
        """Whether nothing waits here."""
        return not self.pending and not self._replies

    def pause(self) -> None:
        """The outlet can take no more."""
        self.paused, self.idle = True, False
        self._watch.paused(self)

    def resume(self) -> None:
        """The outlet can take again: send what waited."""
        self.paused = False
        self._watch.resumed(self)
        self.drain()

    def reply(self, frame: Reply) -> None:
        """Put a frame before all updates."""
        self._replies.append(frame)

    def offer(self, update: Update) -> int:
        """Keep an update of a reader of venues: each one, or while it is paused the newest of each venue.

        Returns how many older ones gave way. Of one market, updates stay in order of rev.
        """
        # Submissions have no market, and no two have one key.
        place = update.market or update.key
        waiting = self.pending.get(place)
        if waiting is None:
            self.pending[place] = update
            return 0
        if isinstance(waiting, Update):
            waiting = {waiting.key if self.paused else waiting: waiting}
            self.pending[place] = waiting
        if not self.paused:
            waiting[update] = update
            return 0
        replaced = waiting.pop(update.key, None)
        waiting[update.key] = update
        return replaced is not None

    def forget(self, market: Market | None) -> None:
        """Drop what waits of a market (None: of all) and is not wanted any more."""
        for place in list(self.pending) if market is None else [market]:
            waiting = self.pending.pop(place, None)
            kept = [update for update in _each(waiting) if self.session.wants(update.topic, update.market)]
            if kept:
                self.pending[place] = {update: update for update in kept}

    def forget_prices(self, market: Market) -> None:
        """Drop what waits of a market: a snapshot with something as new goes out before it."""
        self.pending.pop(market, None)

    def drain(self) -> None:
        """Send what waits, as far as the outlet takes it."""
        pending, session = self.pending, self.session
        if len(pending) == 1 and not self._replies and not self.paused:
            (waiting,) = pending.values()
            if type(waiting) is Update:
                pending.clear()
                session.seq += 1
                self.send(b"%b%d%b" % (waiting.head, session.seq, waiting.tail))
        while (self._replies or pending) and not self.paused:
            self.outlet.send_many(self._next_batch())
        self.idle = not self.paused

    def beat(self, now_ns: int) -> None:
        """Send a heartbeat, unless the outlet takes nothing now; then it is skipped: data is still on its way."""
        if not self.paused:
            self.send(self.session.heartbeat(now_ns))

    def say_last(self) -> None:
        """Hand over the replies whether or not the outlet takes more, and nothing after them."""
        self.pending.clear()
        if self._replies:
            self.outlet.send_many([self._numbered(reply) for reply in self._replies])
            self._replies.clear()

    def _next_batch(self) -> list[bytes]:
        frames: list[bytes] = []
        size = 0
        while self._replies and size < BATCH_BYTES:
            frames.append(self._numbered(self._replies.popleft()))
            size += len(frames[-1])
        taken: list[str] = []
        for place, waiting in self.pending.items():
            if size >= BATCH_BYTES:
                break
            taken.append(place)
            for update in (waiting,) if type(waiting) is Update else _each(waiting):
                self.session.seq += 1
                frames.append(b"%b%d%b" % (update.head, self.session.seq, update.tail))
                size += len(frames[-1])
        if len(taken) == len(self.pending):
            self.pending.clear()
        else:
            for place in taken:
                del self.pending[place]
        return frames

    def _numbered(self, reply: Reply) -> bytes:
        if isinstance(reply, bytes):
            return reply
        self.session.seq += 1
        return b"%b%d%b" % (reply[0], self.session.seq, reply[1])


def _each(waiting: Update | Bundle | None) -> Iterator[Update]:
    if isinstance(waiting, Update):
        yield waiting
    elif waiting is not None:
        yield from waiting.values()
