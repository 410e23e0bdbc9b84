"""What is noted of each request: a histogram by route template, and a line only for the slow and the failed."""

from typing import Final

import structlog
from prometheus_client import Histogram

from chrono.api.answers import Call
from chrono.clock import MS_NS, SECOND_NS, Clock
from chrono.telemetry import HTTP_SECONDS

SLOW_MS: Final = 1000
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger()


class Outcomes:
    """Counts and tells."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._histograms: dict[tuple[str, str, int], Histogram] = {}

    def note(self, call: Call, method: str, template: str, status: int, *, streams: bool) -> None:
        """One request is over. Labels are bounded: known methods, route templates, status classes.

        An answer that `streams` takes as long as its reader stays, so it is never slow.
        """
        method = method if method in _METHODS else "OTHER"
        took_ns = self._clock.monotonic_ns() - call.began_ns
        label = (method, template, status // 100)
        histogram = self._histograms.get(label)
        if histogram is None:
            histogram = self._histograms[label] = HTTP_SECONDS.labels(method, template, f"{status // 100}xx")
        histogram.observe(took_ns / SECOND_NS)
        if status >= 500 or (took_ns > SLOW_MS * MS_NS and not streams):
            log.info("request", method=method, route=template, status=status, took_ms=took_ns // MS_NS)
