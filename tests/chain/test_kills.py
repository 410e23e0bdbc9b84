"""kill -9 of a voting Chrono at random instants: whoever is back before the deadline reveals what it committed."""

import pytest

from tests.chain.conftest import WAIT_S
from tests.chain.deployment import Plan
from tests.chain.killing import Absence, Voted

IN_TIME_S = 3.0
"""Back so long before the deadline, a reveal must still be mined: a block each second, and one to be seen in."""


def lost(plan: Plan, unrevealed: list[int], absences: list[Absence]) -> list[int]:
    """Rounds without their reveal, though Chrono was there again in time."""
    return [
        round_id
        for round_id in unrevealed
        if not any(
            each.from_s < (end := plan.reveal_end_s(round_id)) and each.to_s > end - IN_TIME_S for each in absences
        )
    ]


pytestmark = [pytest.mark.faults, pytest.mark.timeout(WAIT_S), pytest.mark.xdist_group("chain")]


def test_no_reveal_is_lost_that_could_still_be_sent(voted: Voted):
    print(voted.page())
    assert lost(voted.plan, voted.of_ours(voted.killed)["unrevealed"], voted.absences) == []


def test_a_reveal_is_lost_unless_chrono_came_back_too_late_for_it():
    plan = Plan(1000)
    deadline = plan.reveal_end_s(7)
    in_time, too_late = Absence(deadline - 9, deadline - 4), Absence(deadline - 9, deadline - 2)
    before, behind = Absence(deadline - 30, deadline - 20), Absence(deadline + 1, deadline + 9)
    for absences in ([], [in_time], [before, behind]):
        assert lost(plan, [7], absences) == [7]
    assert lost(plan, [7], [before, too_late]) == []


def test_killed_at_any_instant_it_neither_commits_twice_nor_signs_two_roots(voted: Voted):
    offences = voted.killed["offences"].get("0x" + voted.ours.identity.raw.hex(), {})
    assert set(offences) <= {"reveal_offence"}
    assert voted.killed["faults"] == []


def test_the_judge_sees_over_json_rpc_what_a_twin_does_on_purpose(voted: Voted):
    told = voted.killed["offences"]["0x" + voted.offender.identity.raw.hex()]
    assert told == {"reveal_offence": 2, "doubled_commit": 1, "conflicting_signatures": 1}
