"""reward_median_fip16.json: the same with FIP.16 on, where stakers earn from medians too."""

from typing import Any

from tests.unit.flare.answers.reward_median import answer as answer_by_rule


def answer(case: dict[str, Any]) -> object:
    return answer_by_rule(case, fip16=True)
