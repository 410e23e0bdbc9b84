"""Where alerts come together: the rules look, the log and the metrics show it, and the receiver is told."""

import structlog

from chrono.alerts.alarms import Alarms, Notice, Status
from chrono.alerts.rules import RULES
from chrono.alerts.sink import AlertQueue
from chrono.alerts.watched import Watched
from chrono.clock import SECOND_NS
from chrono.telemetry import ALERTS_FIRING, ALERTS_TOLD

log = structlog.get_logger()


class AlertDesk:
    """Call `look` once a second, in the loop of `queue.run`. Without a receiver the log alone is told."""

    def __init__(self, queue: AlertQueue | None = None, alarms: Alarms | None = None) -> None:
        self._queue = queue
        self._alarms = alarms or Alarms()
        for rule in RULES:
            ALERTS_TOLD.labels(rule.code)
        self._show()

    @property
    def firing(self) -> list[Notice]:
        """What is on now, for whoever shows it."""
        return self._alarms.firing

    def look(self, watched: Watched) -> list[Notice]:
        """Judge this moment; what was told."""
        told = self._alarms.look(watched)
        for notice in told:
            self._tell(notice)
        if told:
            self._show()
        return told

    def _show(self) -> None:
        on = [notice.alert for notice in self._alarms.firing]
        for rule in RULES:
            ALERTS_FIRING.labels(rule.code).set(on.count(rule.code))

    def _tell(self, notice: Notice) -> None:
        facts = {f"fact_{name}": fact for name, fact in notice.facts.items()}
        if notice.status is Status.FIRING:
            ALERTS_TOLD.labels(notice.alert).inc()
            log.error("alert", alert=notice.alert, summary=notice.summary, remedy=notice.remedy, **facts)
        else:
            lasted_ns = (notice.ended_ns or notice.began_ns) - notice.began_ns
            log.info("alert_resolved", alert=notice.alert, lasted_s=round(lasted_ns / SECOND_NS, 1), **facts)
        if self._queue is not None:
            self._queue.offer(notice)
