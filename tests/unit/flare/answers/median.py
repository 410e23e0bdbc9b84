"""Weighted medians; the reference's crash on a single vote without weight is our "no result"."""

from typing import Any

from chrono.flare.median import weighted_median

THROWN = {"error": True, "message": "Cannot read properties of undefined (reading 'feedValue')"}


def answer(case: dict[str, Any]) -> object:
    values = case["values"]
    median = weighted_median(values, [int(weight) for weight in case["weights"]])
    if median is None and any(value is not None for value in values):
        return THROWN
    return {
        "median": median and median.value,
        "quartile1": median and median.quartile1,
        "quartile3": median and median.quartile3,
        "participatingWeight": str(median.participating_weight if median else 0),
    }
