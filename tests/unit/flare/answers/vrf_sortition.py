"""Draws with a known nonce: points, proof, and whether the base sample size would let them win."""

from typing import Any

from chrono.flare.fast_updates.sortition import Point, SortitionKey, prove, score_cutoff, sortition_point, verify

BASE_SAMPLE_SIZE = 3 << 119


def answer(case: dict[str, Any]) -> object:
    key = SortitionKey(bytes.fromhex(case["secretKey"][2:]))
    seed, block, replicate = int(case["baseSeed"], 16), int(case["sortitionBlock"]), int(case["replicate"])
    credential = prove(key, seed, block, replicate, bytes.fromhex(case["nonceK"][2:]))
    public_key = (int(case["publicKey"]["x"], 16), int(case["publicKey"]["y"], 16))
    assert key.public_key == public_key
    cutoff = score_cutoff(BASE_SAMPLE_SIZE)
    next_one = type(credential)(replicate + 1, credential.gamma, credential.c, credential.s)
    return {
        "h": _point(sortition_point(seed, block, replicate)),
        "gamma": _point(credential.gamma),
        "c": _word(credential.c),
        "s": _word(credential.s),
        "verifies": verify(public_key, seed, block, credential),
        "verifiesForReplicatePlusOne": verify(public_key, seed, block, next_one),
        "scoreIsGammaX": _word(credential.score),
        "cutoffForBaseSample": _word(cutoff),
        "eligibleAtBaseSampleSize": credential.score <= cutoff,
    }


def _point(point: Point) -> dict[str, str]:
    return {"x": _word(point[0]), "y": _word(point[1])}


def _word(number: int) -> str:
    return f"0x{number:064x}"
