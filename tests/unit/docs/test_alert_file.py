"""The alert rules for Prometheus: each fires in its fault and not in calm, uses metrics that exist, and has a remedy."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.generate import metrics_page

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
RULES = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
CASES = (DEPLOY / "alerts.test.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"^ *- alert: (\w+)$", RULES, re.MULTILINE)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="**** no promtool: the alert rules are NOT TESTED ****"
)


@needs_promtool
def test_every_rule_fires_in_its_fault_and_not_in_calm() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts.test.yml"], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    firing = re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", CASES)
    assert ALERTS
    assert set(firing) == set(ALERTS)


def test_there_are_few_pages() -> None:
    assert len(re.findall(r"severity: page", RULES)) <= 11  # ten of Chrono's duty and API, and Chrono gone altogether


def test_every_metric_of_a_rule_exists() -> None:
    known = metrics_page()
    asked = set(re.findall(r"\bchrono_[a-z0-9_]+", RULES))
    missing = {name for name in asked if f"`{name.removesuffix('_count').removesuffix('_bucket')}`" not in known}
    assert missing == set()


def test_every_alert_leads_to_a_heading_of_the_runbook() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    headings = {_anchor(line) for line in runbook.splitlines() if line.startswith("#")}
    asked = set(re.findall(r"runbook: docs/runbook\.md#([a-z0-9-]+)", RULES))
    assert asked - headings == set()


def _anchor(heading: str) -> str:
    words = heading.lstrip("#").strip().lower()
    return re.sub(r"[^a-z0-9_ -]", "", words).replace(" ", "-")
