"""The runbook knows every reason of the provider and every alert, and its links lead somewhere."""

import inspect
import re
from pathlib import Path

import pytest

from chrono import errors
from chrono.alerts.message import RUNBOOK
from chrono.alerts.rules import RULES
from docs.generate import reasons_page

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
OURS = ("What guards the keys", "What the chain did not do", "What a reward epoch asks of an entity")
OURS += ("What the voter did not do", "Whom nobody reached")


def anchor(heading: str) -> str:
    """The anchor that Markdown readers give a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


ANCHORS = {anchor(line) for line in TEXT.splitlines() if line.startswith("#")}


def codes() -> list[str]:
    """The codes under the headings that are the provider's."""
    found, heading = [], ""
    for line in inspect.getsource(errors).splitlines():
        value = getattr(errors, line.partition(" = ")[0], None)
        if line.startswith("# "):
            heading = line[2:]
        elif isinstance(value, errors.Reason) and heading in OURS:
            found.append(value.code)
    return found


def test_the_headings_of_the_reasons_are_still_called_so() -> None:
    assert all(f"# {heading}\n" in inspect.getsource(errors) for heading in OURS)
    assert len(codes()) > 70


@pytest.mark.parametrize("code", codes())
def test_every_reason_of_the_provider_has_its_remedy(code: str) -> None:
    assert f"`{code}`" in TEXT[TEXT.index("# Every reason of the provider") :]


def test_every_reason_stands_on_the_generated_page() -> None:
    page = reasons_page()
    known = {value.code for value in vars(errors).values() if isinstance(value, errors.Reason)}
    assert {code for code in known if f"### {code}\n" not in page} == set()


@pytest.mark.parametrize("alert", [rule.code for rule in RULES])
def test_the_link_of_every_alert_leads_into_the_runbook(alert: str) -> None:
    assert RUNBOOK.removeprefix("docs/runbook.md#") + alert.replace("_", "-") in ANCHORS


def test_every_link_inside_the_runbook_leads_somewhere() -> None:
    asked = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert asked - ANCHORS == set()


def test_every_reason_that_is_named_exists() -> None:
    """A code that was renamed would send somebody looking at night."""
    table = TEXT[TEXT.index("# Every reason of the provider") :]
    named = {
        code for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", cell)
    }
    assert named - set(codes()) == set()
