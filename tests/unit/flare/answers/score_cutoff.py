"""The cutoff of a sample size."""

from typing import Any

from chrono.flare.fast_updates.sortition import score_cutoff


def answer(case: dict[str, Any]) -> object:
    return {"scoreCutoff": str(score_cutoff(int(case["expectedSampleSize"])))}
