"""What `chrono doctor` says about one thing: a verdict, what was found, and a remedy where there is one."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Sound; worth a look; Chrono cannot run like this."""

    PASS = "PASS"  # noqa: S105 - a verdict
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """The outcome of one check."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def passed(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, Verdict.PASS, found)


def warned(name: str, found: str, remedy: str) -> Finding:
    """Chrono runs, but not as it should."""
    return Finding(name, Verdict.WARN, found, remedy)


def failed(name: str, found: str, remedy: str) -> Finding:
    """Chrono cannot run like this."""
    return Finding(name, Verdict.FAIL, found, remedy)
