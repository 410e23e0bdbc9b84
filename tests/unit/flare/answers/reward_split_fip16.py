"""reward_split_fip16.json: the same with FIP.16 on, where stake counts five times."""

from typing import Any

from tests.unit.flare.answers.reward_split import answer as answer_by_rule


def answer(case: dict[str, Any]) -> object:
    return answer_by_rule(case, fip16=True)
