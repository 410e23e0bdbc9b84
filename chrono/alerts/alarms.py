"""Which alerts are on, and what is to be told: each once when it begins and once when it is over. No I/O, no clock."""

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from chrono.alerts.rules import RULES, Fact, Found, Rule
from chrono.alerts.watched import COUNTS, Watched


class Status(Enum):
    """What a notice says."""

    FIRING = "firing"
    RESOLVED = "resolved"
    TEST = "test"


class Notice(Struct, frozen=True, kw_only=True):
    """What somebody is told. `id` is the same when an alert begins and when it ends."""

    id: str
    alert: str
    """The code of the rule."""
    status: Status
    network: str
    subject: str
    """A round, a role, or nothing."""
    summary: str
    remedy: str
    facts: Mapping[str, Fact]
    began_ns: int
    """Chain time, nanoseconds since 1970 UTC."""
    ended_ns: int | None = None


class _State(Struct):
    """What was told of one subject, and since when (monotonic) the rule sees the opposite."""

    notice: Notice | None = None
    turning_ns: int | None = None


class Alarms:
    """All rules over all that is watched. Call `look` about once a second.

    It may outlive what is watched: counts that begin anew go on from where they were.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = rules
        self._states: dict[tuple[str, str], _State] = {}
        self._past: dict[str, str] = {}
        self._counted = dict.fromkeys(COUNTS, 0)
        self._carried = dict.fromkeys(COUNTS, 0)

    @property
    def firing(self) -> list[Notice]:
        """What is on now."""
        return [state.notice for state in self._states.values() if state.notice is not None]

    def look(self, watched: Watched) -> list[Notice]:
        """What is to be told now."""
        watched = self._added_up(watched)
        told = []
        for rule in self._rules:
            found = rule.look(watched)
            if found is None:
                continue
            if rule.is_event:  # what was told is over: only the next one is news
                found = {subject: seen for subject, seen in found.items() if subject != self._past.get(rule.code)}
            known = [subject for code, subject in self._states if code == rule.code]
            for subject in dict.fromkeys((*known, *found)):
                notice = self._judge(rule, subject, found.get(subject, _ABSENT), watched)
                told += [] if notice is None else [notice]
        return told

    def _added_up(self, watched: Watched) -> Watched:
        """The same, with what was counted before the counts began anew."""
        for name in COUNTS:
            count = getattr(watched, name)
            if count is None:
                continue
            if count < self._counted[name]:
                self._carried[name] += self._counted[name]
            self._counted[name] = count
        return replace(watched, **{name: self._carried[name] + self._counted[name] for name in COUNTS})

    def _judge(self, rule: Rule, subject: str, found: Found, watched: Watched) -> Notice | None:
        key = (rule.code, subject)
        state = self._states.setdefault(key, _State())
        is_told = state.notice is not None
        if found.is_on is None or found.is_on == is_told:
            state.turning_ns = None
            if not is_told:
                del self._states[key]
            return None
        state.turning_ns = watched.monotonic_ns if state.turning_ns is None else state.turning_ns
        if watched.monotonic_ns - state.turning_ns < (rule.ends_after_ns if is_told else rule.begins_after_ns):
            return None
        state.turning_ns = None
        if state.notice is None:
            state.notice = _begun(rule, subject, found, watched)
            self._past[rule.code] = subject
            return state.notice
        del self._states[key]
        return replace(state.notice, status=Status.RESOLVED, ended_ns=watched.now_ns)


_ABSENT = Found(is_on=False, facts={})


def _begun(rule: Rule, subject: str, found: Found, watched: Watched) -> Notice:
    return Notice(
        id="/".join(part for part in (watched.network, rule.code, subject, str(watched.now_ns)) if part),
        alert=rule.code,
        status=Status.FIRING,
        network=watched.network,
        subject=subject,
        summary=rule.summary,
        remedy=rule.remedy,
        facts=dict(found.facts),
        began_ns=watched.now_ns,
    )
