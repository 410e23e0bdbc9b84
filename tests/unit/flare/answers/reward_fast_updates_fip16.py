"""reward_fast_updates_fip16.json: the same on a network of one's own with FIP.16 on; it burns where Coston burns."""

from typing import Any

from tests.unit.flare.answers.reward_fast_updates import answer as answer_by_rule


def answer(case: dict[str, Any]) -> object:
    return answer_by_rule(case, fip16=True, network="local")
