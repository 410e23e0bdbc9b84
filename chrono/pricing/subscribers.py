"""Those who want to hear of new values; one that fails costs neither the others nor the pass."""

from collections.abc import Callable
from typing import Generic, ParamSpec

import structlog

from chrono.telemetry import SUBSCRIBER_FAILURES

P = ParamSpec("P")

log = structlog.get_logger()


class Subscribers(Generic[P]):
    """Callbacks that are told in the order in which they came. They queue and return at once."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[P, None]] = []
        self._failing: set[str] = set()

    def add(self, callback: Callable[P, None]) -> None:
        """Tell this one too, from now on."""
        self._callbacks.append(callback)

    def tell(self, *told: P.args, **named: P.kwargs) -> None:
        """Tell every one. A failure is counted each time and logged once until it succeeds again."""
        for callback in self._callbacks:
            name = getattr(callback, "__qualname__", repr(callback))
            try:
                callback(*told, **named)
            except Exception:  # whatever a subscriber does wrong, the others must hear
                SUBSCRIBER_FAILURES.labels(name).inc()
                if name not in self._failing:
                    self._failing.add(name)
                    log.exception("subscriber_failed", subscriber=name)
            else:
                self._failing.discard(name)
