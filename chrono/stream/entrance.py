"""Who may come in without having shown a right key yet, and how many at once: what attackers spend of us is bounded.

Everything is counted by caller, the address behind trusted proxies. A caller without a threshold counts nowhere.
"""

from collections import Counter

from chrono.settings import Stream
from chrono.stream.connection import Connection
from chrono.stream.ports import Threshold
from chrono.stream.refusals import CROWDED, HASTY, Refusal
from chrono.telemetry import AUTH_FAILURES


class Entrance:
    """The connections that owe a key, by caller."""

    def __init__(self, rules: Stream, threshold: Threshold | None) -> None:
        self._most = rules.keyless_per_address
        self._threshold = threshold
        self._owing: dict[Connection, None] = {}
        self._by_caller: Counter[str] = Counter()

    def refusal(self, caller: str) -> tuple[Refusal, dict[str, object]] | None:
        """Why one more from this caller may not come in, with details; None when it may."""
        if (wait_s := self.locked(caller)) is not None:
            return HASTY, {"retry_after_s": wait_s}
        if self._by_caller[caller] >= self._most:
            return CROWDED, {"limit": self._most}
        return None

    def locked(self, caller: str) -> int | None:
        """Seconds for which no key from this caller is looked at, after too many that were wrong; None to look."""
        return self._threshold.locked(caller) if self._threshold is not None and caller else None

    def let_in(self, connection: Connection) -> None:
        """It is in, and owes a key."""
        if connection.caller:
            self._owing[connection] = None
            self._by_caller[connection.caller] += 1

    def settled(self, connection: Connection) -> None:
        """It showed a right key."""
        if connection in self._owing:
            del self._owing[connection]
            self._by_caller[connection.caller] -= 1
            if not self._by_caller[connection.caller]:
                del self._by_caller[connection.caller]

    def gone(self, connection: Connection) -> None:
        """It ended. Without a right key that counts against its caller, as a wrong key of a request does."""
        if connection in self._owing:
            self.settled(connection)
            AUTH_FAILURES.labels("stream").inc()
            if self._threshold is not None:
                self._threshold.failed(connection.caller)
