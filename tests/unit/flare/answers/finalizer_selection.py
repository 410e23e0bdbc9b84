"""finalizer_selection.json: where the draw starts, and who is drawn in which order."""

from typing import Any

from chrono.flare.finaliser import initial_seed, select


def answer(case: dict[str, Any]) -> object:
    seed = initial_seed(int(case["seed"], 16), case["protocolId"], case["votingRoundId"])
    chosen = select(case["weights"], seed, case["thresholdBips"])
    return {"initialSeed": "0x" + seed.hex(), "selectedInOrder": [case["voters"][index] for index in chosen]}
