"""selectors_topics.json: every selector and topic0, computed from our own signatures with names."""

from typing import Any

from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.functions import FUNCTIONS

_SECOND = {
    "IVoterRegistry": "VoterRegistry (redeployed ABI: coston, coston2 now; flare/songbird from reward epoch 417)",
    "IFlareSystemsCalculator": "FlareSystemsCalculator (redeployed ABI, as above)",
}


def answer(case: dict[str, Any]) -> object:
    functions = [
        {"contract": "I" + shape.contract, "signature": shape.canonical, "selector": "0x" + shape.selector.hex()}
        for shape in FUNCTIONS
    ]
    events = [
        {"contract": _contract(shape), "signature": shape.text, "topic0": "0x" + shape.topic.hex()} for shape in EVENTS
    ]
    return {"functions": functions, "events": events}


def _contract(shape: Any) -> str:
    name = "I" + shape.contract
    return _SECOND[name] if "uint32 indexed rewardEpochId" in shape.text else name
