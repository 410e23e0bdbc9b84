"""Chrono's answers to round_random.json: the random of a round without those who are benched."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.random import round_random


def answer(case: dict[str, Any]) -> dict[str, Any]:
    randoms = {
        parse_address(reveal["submitAddress"]): bytes.fromhex(reveal["random"].removeprefix("0x"))
        for reveal in case["validReveals"]
    }
    offenders = set(map(parse_address, case["revealOffendersThisRound"]))
    benched = set(map(parse_address, case["benched"]))
    random = round_random(randoms, offenders, benched)
    return {"random": f"0x{random.value:064x}", "isSecure": random.is_secure}
