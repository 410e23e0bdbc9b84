"""What the provider counted of its reward epoch, in lines, findings and conditions."""

from typing import Any

import pytest

from chrono.cli.budget_words import budget_findings, budget_lines, counted_fdc, counted_updates
from chrono.cli.findings import Verdict
from chrono.cli.provider_silence import explain_provider
from chrono.errors import CONTRACT_MISSING, NOTHING_ASKED, ROUNDS_UNCOUNTED
from chrono.voting.budget import Hits
from chrono.voting.budget_updates import Updates

KNOWN: dict[str, Any] = {
    "anchor_misses_left": 1234,
    "fast_updates_left": 140,
    "fdc_rounds_left": 93,
    "fast_updates": {
        "rounds": 7, "rounds_in_epoch": 240, "made": 11, "by_all": 90, "expected": 22, "enough": 18, "spared": False,
    },
    "fdc": {"rounds": 5, "rounds_over": 7, "rounds_in_epoch": 240, "rewarding": 5, "rewarded": 4},
    "unknown": {},
}  # fmt: skip


def reason(given: Any) -> dict[str, str]:
    return {"code": given.code, "message": given.message, "remedy": given.remedy}


def provider(**changed: Any) -> dict[str, Any]:
    return {"reward_epoch": 4707, "budget": {**KNOWN, **changed}}


def unknown(name: str, given: Any) -> dict[str, Any]:
    return provider(**{name: None, "unknown": {name: reason(given)}})


def test_each_budget_has_a_line_with_what_it_was_counted_from() -> None:
    assert budget_lines(KNOWN) == [
        ("misses left", "1234 anchor values"),
        ("fast updates left", "140 may be missing; 11 of 90 by all were ours, 18 are enough so far"),
        ("fdc rounds left", "93 may go unrewarded; rewarded in 4 of 5 rounds"),
    ]


def test_a_line_says_why_something_is_not_known() -> None:
    lines = dict(budget_lines(unknown("fast_updates_left", CONTRACT_MISSING)["budget"]))
    assert lines["fast updates left"].startswith(f"not known: {CONTRACT_MISSING.message}")
    assert dict(budget_lines({}))["fdc rounds left"] == "not known"


def verdicts(running: dict[str, Any] | None) -> list[Verdict]:
    return [each.verdict for each in budget_findings(running)]


def test_what_is_left_passes_and_what_is_used_up_fails() -> None:
    assert verdicts(provider()) == [Verdict.PASS] * 3
    for place, name in enumerate(("anchor_misses_left", "fast_updates_left", "fdc_rounds_left")):
        found = list(budget_findings(provider(**{name: 0})))
        assert [each.verdict is Verdict.FAIL for each in found] == [at == place for at in range(3)]
        assert found[place].remedy
        assert "reward epoch 4707" in found[place].found


def test_what_is_not_known_warns_with_its_remedy_and_what_is_not_asked_passes() -> None:
    missing = list(budget_findings(unknown("fast_updates_left", CONTRACT_MISSING)))[1]
    assert (missing.verdict, missing.remedy) == (Verdict.WARN, CONTRACT_MISSING.remedy)
    spared = list(budget_findings(unknown("fast_updates_left", NOTHING_ASKED)))[1]
    assert spared.verdict is Verdict.PASS
    away = [*budget_findings(unknown("fdc_rounds_left", ROUNDS_UNCOUNTED))][2]
    assert (away.verdict, ROUNDS_UNCOUNTED.message in away.found) == (Verdict.PASS, True)
    assert verdicts(unknown("anchor_misses_left", ROUNDS_UNCOUNTED))[0] is Verdict.WARN
    assert verdicts(provider(fdc_rounds_left=None)) == [Verdict.PASS, Verdict.PASS, Verdict.WARN]
    assert verdicts(None) == [Verdict.WARN]


def test_the_counts_become_what_the_conditions_are_judged_by() -> None:
    updates = counted_updates(provider(), 120, 620)
    assert updates is not None
    assert (updates.rounds, updates.counted, updates.weight, updates.total_weight) == (
        240,
        Updates(7, 11, 90),
        120,
        620,
    )
    fdc = counted_fdc(provider())
    assert fdc is not None
    assert (fdc.rounds, fdc.rounds_over, fdc.counted) == (240, 7, Hits(5, 5, 4))


@pytest.mark.parametrize("running", [None, {}, provider(fast_updates=None, fdc=None)])
def test_without_counts_nothing_is_judged(running: dict[str, Any] | None) -> None:
    assert counted_updates(running, 120, 620) is None
    assert counted_fdc(running) is None
    assert counted_updates(provider(), None, 620) is None


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("anchor_misses_left", "the budget of misses is used up"),
        ("fast_updates_left", "too few fast updates were made"),
        ("fdc_rounds_left", "the FDC has rewarded us in too few rounds"),
    ],
)
def test_a_budget_that_is_used_up_is_not_normal(name: str, what: str) -> None:
    told = [each for each in explain_provider(provider(**{name: 0})) if not each.normal]
    assert [each.what for each in told] == [what]
    assert [each for each in explain_provider(provider()) if not each.normal] == []
