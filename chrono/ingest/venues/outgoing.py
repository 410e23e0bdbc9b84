"""What waits to be sent on one connection: in order, and no faster than the venue takes it."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from chrono.ingest.venues.actions import PING, Send
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.stalls import Liveness

MOST_WAITING: Final = 1000


class Outgoing:
    """Frames in order of their sending, under the allowance that all connections of the venue share."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._waiting: deque[Send] = deque(maxlen=MOST_WAITING)
        self._until_ns = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, sends: Iterable[Send]) -> None:
        """Send these after all others."""
        self._waiting.extend(sends)

    def texts(self, frames: Iterable[bytes]) -> None:
        """Send these texts after all others."""
        self._waiting.extend(Send(data) for data in frames)

    def pings(self, liveness: Liveness, ping: Callable[[], bytes] | None, now_ns: int) -> None:
        """Send the pings that are due; `ping` is the venue's own kind, None a protocol ping."""
        if now_ns >= liveness.ping_ns:
            liveness.pinged(now_ns)
            self.add([PING if ping is None else Send(ping())])
        if liveness.probe(now_ns):
            self.add([PING])

    def first(self, send: Send) -> None:
        """Send this before all others: a reply that the venue awaits."""
        self._waiting.appendleft(send)

    def clear(self, *, until_ns: int = 0) -> None:
        """Forget what waits: its connection is gone. Nothing is sent before `until_ns`: the new one has to settle."""
        self._waiting.clear()
        self._until_ns = until_ns

    def ready(self, now_ns: int) -> tuple[list[Send], int]:
        """What may go now, and when the rest may; the time means nothing when no rest is left."""
        out: list[Send] = []
        if now_ns < self._until_ns:
            return out, self._until_ns
        while self._waiting:
            if not self._allowance.take(now_ns):
                return out, self._allowance.due_ns(now_ns)
            out.append(self._waiting.popleft())
        return out, now_ns
