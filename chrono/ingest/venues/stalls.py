"""The four ways in which a venue stops telling the truth about now, how each is found, and what helps against it.

dead     nothing at all is heard, not even an answer to a ping          -> reconnect
silent   the socket lives, but no price of any of its symbols comes     -> subscribe again, then reconnect
frozen   a book's offers rest while its own trades or its peers move    -> leave the book out, ask REST for it
lagging  the venue's times lie behind ours                              -> leave the connection's books out

Times called `now_ns` are monotonic, `received_at_ns` and `told_ns` are wall time.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from chrono.clock import SECOND_NS
from chrono.ingest.venues.spec import Heartbeat

FAR: Final = 1 << 62
"""A time that does not come."""

MOVED: Final = Decimal("0.003")
"""A market has moved from 30 bps on."""

OUTSIDE: Final = Decimal("0.001")
"""A price contradicts offers when it lies beyond them by 10 bps: honest venues differ by less, or one could trade."""

CONTRADICTIONS: Final = 2
LEAST_TIMES: Final = 3
"""Times heard within a span before its smallest lag is believed: the last trade after subscribing is old by right."""


class Verdict(StrEnum):
    """What is wrong, in the words of `/metadata/venues`."""

    DEAD = "dead"
    SILENT = "silent"
    FROZEN = "frozen"
    LAGGING = "lagging"


class Remedy(StrEnum):
    """What is done about it."""

    RECONNECT = "reconnect"
    RESUBSCRIBE = "resubscribe"
    LEAVE_OUT_AND_ASK = "leave_out_and_ask_rest"
    LEAVE_OUT = "leave_out"


REMEDIES: Final[Mapping[Verdict, Remedy]] = {
    Verdict.DEAD: Remedy.RECONNECT,
    Verdict.SILENT: Remedy.RESUBSCRIBE,
    Verdict.FROZEN: Remedy.LEAVE_OUT_AND_ASK,
    Verdict.LAGGING: Remedy.LEAVE_OUT,
}


class Liveness:
    """Whether one socket lives and speaks. `verdict` stands until the socket disproves it."""

    __slots__ = ("_every_ns", "_probed_ns", "_quiet_ns", "_silent_ns", "asked_ns", "heard_ns", "ping_ns", "verdict")

    def __init__(self, heartbeat: Heartbeat, quiet_s: float) -> None:
        self.verdict: Verdict | None = None
        self.heard_ns = self.asked_ns = 0
        self._quiet_ns = int(quiet_s * SECOND_NS)
        self.follow(heartbeat, 0)

    def follow(self, heartbeat: Heartbeat, now_ns: int) -> None:
        """A socket opened, with this heartbeat."""
        self._silent_ns = int(heartbeat.silent_after_s * SECOND_NS)
        self._every_ns = int(heartbeat.every_s * SECOND_NS)
        self.heard_ns = self.asked_ns = now_ns
        self._probed_ns = -1
        self.ping_ns = now_ns + self._every_ns if self._every_ns > 0 else FAR

    def priced(self, now_ns: int) -> None:
        """A price was told: all is well."""
        self.asked_ns = now_ns
        self.verdict = None

    def asked(self, now_ns: int) -> None:
        """Prices were asked for again: the venue has its time to answer."""
        self.asked_ns = now_ns

    def pinged(self, now_ns: int) -> None:
        """The ping that was due is sent."""
        self.ping_ns = now_ns + self._every_ns

    def probe(self, now_ns: int) -> bool:
        """Whether a quiet socket is to be pinged now, to see if it lives: once, half way to its death."""
        if now_ns < self._probe_ns or self._probed_ns >= self.heard_ns:
            return False
        self._probed_ns = now_ns
        return True

    def judge(self, now_ns: int) -> Verdict | None:
        """What is wrong just now; None when nothing is."""
        if now_ns >= self.heard_ns + self._silent_ns:
            self.verdict = Verdict.DEAD
            return Verdict.DEAD
        if now_ns >= self.asked_ns + self._quiet_ns:
            self.verdict = Verdict.SILENT
            return Verdict.SILENT
        return None

    @property
    def due_ns(self) -> int:
        """When to look next."""
        probe_ns = FAR if self._probed_ns >= self.heard_ns else self._probe_ns
        return min(self.ping_ns, probe_ns, self.heard_ns + self._silent_ns, self.asked_ns + self._quiet_ns)

    @property
    def _probe_ns(self) -> int:
        return self.heard_ns + self._silent_ns // 2


class Lag:
    """How far the venue's times lie behind ours: the smallest lag within a span, so that one old trade says nothing.

    A span is as long as the threshold, so that a lagging clock is found within twice of it.
    """

    __slots__ = ("_before", "_began_ns", "_count", "_late_ns", "_least", "_open", "_span_ns", "is_late")

    def __init__(self, late_s: float) -> None:
        self._late_ns = self._span_ns = int(late_s * SECOND_NS)
        self._least = FAR
        self._before: int | None = None
        self._count = 0
        self._began_ns = 0
        self._open = self.is_late = False

    def heard(self, received_at_ns: int, told_ns: int) -> None:
        """A message with the venue's own time."""
        lag_ns = received_at_ns - told_ns
        if not self._open:
            return
        if lag_ns < self._least:
            self._least = lag_ns
        self._count += 1
        if lag_ns <= self._late_ns and self.is_late:
            # One prompt word is enough: a lagging clock has none.
            self.is_late = False

    def judge(self, now_ns: int) -> bool:
        """Whether the venue lags; to be asked a few times within a span."""
        if not self._open:
            self._open = now_ns >= self._began_ns
        elif now_ns - self._began_ns >= self._span_ns:
            if self._count >= LEAST_TIMES:
                self.is_late = self._least > self._late_ns
                self._before = self._least
                self._least, self._count = FAR, 0
                self._began_ns = now_ns
            elif self._count == 0:
                self._began_ns = now_ns
        return self.is_late

    @property
    def offset_ms(self) -> int | None:
        """The venue's clock minus ours with the way of its messages, in ms; None before anything is known."""
        if self._before is None:
            return None
        return -self._before // 1_000_000

    def clear(self, now_ns: int) -> None:
        """A new connection. What comes first may be old by right: the last trades of quiet markets."""
        self._least, self._count = FAR, 0
        self._began_ns = now_ns + self._span_ns // 2
        self._open = self.is_late = False


class Standing:
    """Whether a book's offers rest while the market moves. Fed with every word of the book, judged now and then."""

    __slots__ = ("_ask", "_bid", "_changed_ns", "_frozen_ns", "_outside", "_reference", "frozen")

    def __init__(self, frozen_s: float) -> None:
        self._frozen_ns = int(frozen_s * SECOND_NS)
        self._bid: Decimal | None = None
        self._ask: Decimal | None = None
        self._changed_ns: int | None = None
        self._outside = 0
        self._reference: Decimal | None = None
        self.frozen = False

    def offered(self, bid: Decimal | None, ask: Decimal | None, now_ns: int) -> None:
        """The offers as told; the same as before move nothing."""
        if bid != self._bid or ask != self._ask:
            self._bid, self._ask, self._changed_ns = bid, ask, now_ns
            self._outside = 0
            self._reference = None
            self.frozen = False

    def dealt(self, price: Decimal) -> None:
        """A trade of the same book: beyond the offers it contradicts them."""
        self._outside = self._outside + 1 if self._beyond(price) else 0

    def judge(self, now_ns: int, reference: Decimal | None) -> bool:
        """Whether the book is frozen. `reference` is what its peers say of the same market, None when too few do."""
        if self._changed_ns is None:
            return False
        if self._reference is None:
            # The first look after a change: from here on the peers must have moved.
            self._reference = reference
        if now_ns - self._changed_ns >= self._frozen_ns:
            self.frozen = self._outside >= CONTRADICTIONS or self._left_behind(reference)
        return self.frozen

    def _left_behind(self, reference: Decimal | None) -> bool:
        before = self._reference
        if reference is None or before is None:
            return False
        return abs(reference - before) > before * MOVED and self._beyond(reference)

    def _beyond(self, price: Decimal) -> bool:
        bid, ask = self._bid, self._ask
        return (bid is not None and price < bid - bid * OUTSIDE) or (ask is not None and price > ask + ask * OUTSIDE)
