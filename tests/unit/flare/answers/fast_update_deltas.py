"""Deltas in bytes, and feed values after them; some cases only have the bytes."""

from typing import Any

from chrono.flare.fast_updates.deltas import apply_deltas, decode_deltas, encode_deltas, scale

STEPS = {"+": 1, "-": -1, "0": 0}


def answer(case: dict[str, Any]) -> object:
    steps = [STEPS[sign] for sign in case["deltas"]]
    data = encode_deltas(steps)
    assert decode_deltas(data)[: len(steps)] == steps
    if "range" not in case:
        return {"bytes": "0x" + data.hex()}
    multiplier = scale(int(case["range"]), int(case["sampleSize"]))
    values = apply_deltas([int(value) for value in case["feedValuesBefore"]], data, multiplier)
    return {
        "bytes": "0x" + data.hex(),
        "scale": str(multiplier),
        "feedValuesAfter": [str(value) for value in values],
    }
