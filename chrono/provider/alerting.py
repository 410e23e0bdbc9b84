"""Alerts as the process tells them: judged and sent on the main loop, of all that the duty watches on its own.

So a duty that cannot begin, or whose loop stands still, is heard of as well: by its silence.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from chrono.alerts.desk import AlertDesk
from chrono.alerts.sink import AlertQueue, HttpSink
from chrono.alerts.watched import Watched
from chrono.clock import SECOND_NS, Clock
from chrono.settings import Alerts
from chrono.supervisor import Run

SILENT_NS: Final = 5 * SECOND_NS
"""A duty tells each second; one that told nothing for so long is away."""

LOOK_S: Final = 1.0


class Alerting:
    """The desk, and the way out if the settings name a receiver. `hear` may be called from any thread."""

    def __init__(self, alerts: Alerts, network: str, clock: Clock) -> None:
        """To be made in the main loop."""
        self._queue = None if alerts.url is None else AlertQueue(HttpSink(alerts), clock)
        self._desk = AlertDesk(self._queue)
        self._network = network
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._heard_ns = clock.monotonic_ns()

    def parts(self, why_away: Callable[[], str]) -> Iterator[tuple[str, Run]]:
        """What is to run in the main loop. `why_away` says why nothing is heard of the duty."""
        if self._queue is not None:
            yield "alerts", self._queue.run
        yield "alert_desk", partial(self._listen, why_away)

    def hear(self, watched: Watched) -> None:
        """What the duty sees now. Raises: RuntimeError when the main loop is closed."""
        self._loop.call_soon_threadsafe(self._heard, watched)

    def _heard(self, watched: Watched) -> None:
        self._heard_ns = self._clock.monotonic_ns()
        self._desk.look(watched)

    async def _listen(self, why_away: Callable[[], str]) -> None:
        while True:
            now_ns = self._clock.monotonic_ns()
            if now_ns - self._heard_ns > SILENT_NS:
                self._desk.look(self._silence(now_ns, why_away()))
            await self._clock.sleep(LOOK_S)

    def _silence(self, monotonic_ns: int, why: str) -> Watched:
        """All that is known of a duty from which nothing is heard."""
        return Watched(network=self._network, now_ns=self._clock.now_ns(), monotonic_ns=monotonic_ns, away=why)
