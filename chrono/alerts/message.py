"""What is sent for a notice: one JSON object, the same for every receiver, with a line that a person reads."""

from typing import Any

import msgspec

from chrono.alerts.alarms import Notice, Status
from chrono.alerts.rules import Fact
from chrono.clock import to_rfc3339

VERSION = 1
SEVERITY = "page"
RUNBOOK = "docs/runbook.md#alert-"


def body_of(notice: Notice) -> bytes:
    """The JSON of a notice. `text` and `content` hold the same line: chat receivers read one or the other."""
    line = line_of(notice)
    told: dict[str, Any] = {
        "version": VERSION,
        "id": notice.id,
        "alert": notice.alert,
        "status": notice.status.value,
        "severity": SEVERITY,
        "network": notice.network,
        "subject": notice.subject,
        "summary": notice.summary,
        "remedy": notice.remedy,
        "runbook": RUNBOOK + notice.alert.replace("_", "-"),
        "facts": dict(notice.facts),
        "began_at": to_rfc3339(notice.began_ns),
        "ended_at": None if notice.ended_ns is None else to_rfc3339(notice.ended_ns),
        "text": line,
        "content": line,
    }
    return msgspec.json.encode(told)


def line_of(notice: Notice) -> str:
    """The notice in one line."""
    mark = {Status.FIRING: "ALERT", Status.RESOLVED: "resolved", Status.TEST: "test"}[notice.status]
    facts = ", ".join(f"{name} {_fact(fact)}" for name, fact in notice.facts.items())
    told = f"Chrono {notice.network}: {mark} {notice.alert}: {notice.summary}"
    told += f" ({facts})" if facts else ""
    return told if notice.status is Status.RESOLVED else f"{told}. {notice.remedy}"


def _fact(fact: Fact) -> str:
    return " ".join(str(fact).split())
