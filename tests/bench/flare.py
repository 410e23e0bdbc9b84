"""How fast the protocol's sums are, beside py-flare-common, other libraries, and plain Python, in the same run.

`python -m tests.bench.flare [--json] [--seconds 1] [--whole]` prints median and p95 of one call, in µs; how long one
core takes to draw a whole reward epoch and to compute its rewards, from a measured slice (with --whole the rewards of
every round); and how long all published epochs of the recordings take.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
from dataclasses import asdict

from eth_hash.auto import keccak
from py_flare_common.ftso.median import FtsoVote, calculate_median
from py_flare_common.merkle import MerkleTree as TheirTree

import chrono_core
from chrono.flare.fast_updates.schedule import draw_parts
from chrono.flare.fast_updates.sortition import SortitionKey, score_cutoff
from chrono.flare.median import weighted_median, weighted_medians
from chrono.flare.merkle import MerkleTree, verify_proof
from tests.bench.core import Row, measure
from tests.bench.flare_rounds import EPOCH_ROUNDS, plain_medians, published, reward_epoch, rounds
from tests.reference import alt_bn128, protocol_sums

VOTERS, FEEDS, LEAVES, CLAIMS = 100, 63, 64, 60_000
EPOCH_BLOCKS = 302_400 // 2
"""Blocks of a reward epoch on flare, at the two seconds a block that its parameters reckon with."""
WEIGHT = -(-4096 // VOTERS)
PLAIN_ROUNDS = 20
"""Rounds of a reward epoch that are computed with the twin's medians."""
SEED, BLOCK, BASE_SAMPLE = 1 << 255 | 99, 30_000_000, 3 << 119


def medians(seconds: float) -> list[Row]:
    """The medians of a round: wire-sized values, weights in wei."""
    dice = random.Random(1)
    weights = [dice.randrange(10**25, 10**27) for _ in range(VOTERS)]
    columns = [[10**6 + dice.randrange(1000) for _ in range(VOTERS)] for _ in range(FEEDS)]

    def theirs() -> list[object]:
        return [calculate_median(list(map(FtsoVote, column, weights))) for column in columns]

    def plain() -> list[object]:
        return [protocol_sums.median(column, weights) for column in columns]

    assert [(m.value, m.first_quartile) for m in theirs()] == [(m[0], m[1]) for m in plain()]
    assert chrono_core.vote_medians(columns, weights) == plain()
    many = f"{FEEDS} x {VOTERS} votes"
    return [
        measure(
            f"chrono_core.vote_medians, {many}", lambda: chrono_core.vote_medians(columns, weights), seconds, 200.0
        ),
        measure("  the same, weighted_medians", lambda: weighted_medians(columns, weights), seconds, 200.0),
        measure("  one feed, weighted_median", lambda: weighted_median(columns[0], weights), seconds),
        measure("  py-flare-common, the same round", theirs, seconds),
    ]


def trees(seconds: float) -> list[Row]:
    """The tree of a round, and that of an epoch's claims."""
    dice = random.Random(2)
    leaves = [dice.randbytes(32) for _ in range(LEAVES)]
    claims = [dice.randbytes(32) for _ in range(CLAIMS)]
    spelled = ["0x" + leaf.hex() for leaf in leaves]
    tree = MerkleTree(leaves)
    assert tree.root is not None
    assert "0x" + tree.root.hex() == TheirTree(spelled).root
    root, proof = tree.root, tree.proof(leaves[0])
    return [
        measure(f"MerkleTree, {LEAVES} leaves, root", lambda: MerkleTree(leaves).root, seconds),
        measure("  and every proof", lambda: MerkleTree(leaves).proofs(), seconds),
        measure("  verify_proof", lambda: verify_proof(leaves[0], proof, root), seconds),
        measure(f"MerkleTree, {CLAIMS:,} leaves, root", lambda: MerkleTree(claims).root, seconds),
        measure(f"py-flare-common, {LEAVES} leaves, root", lambda: TheirTree(spelled).root, seconds),
    ]


def hashes(seconds: float) -> list[Row]:
    """Keccak of a pair of nodes and of a kilobyte."""
    pair, kilobyte = bytes(64), bytes(1024)
    return [
        measure("keccak256, 64 bytes", lambda: chrono_core.keccak256(pair), seconds),
        measure("keccak256, 1,024 bytes", lambda: chrono_core.keccak256(kilobyte), seconds),
        measure("eth-hash (pycryptodome), 64 bytes", lambda: keccak(pair), seconds),
    ]


def draws(seconds: float) -> list[Row]:
    """The sortition: one replicate of many, a proof, its verification, and schoolbook Python."""
    secret = 7**80
    key = SortitionKey(secret.to_bytes(32, "big"))
    cutoff = score_cutoff(BASE_SAMPLE)
    proof = key.prove(SEED, BLOCK, 1)
    block = measure("", lambda: key.winners(SEED, BLOCK, [cutoff], WEIGHT), seconds)
    # Some messages need one try, some need several: only the mean of many means something.
    points = measure("", lambda: [chrono_core.sortition_point(SEED, BLOCK, k) for k in range(WEIGHT)], seconds)
    return [
        Row(f"sortition, one replicate of {WEIGHT}", block.median / WEIGHT, block.p95 / WEIGHT, 150.0),
        Row("  hash to the curve alone", points.median / WEIGHT, points.p95 / WEIGHT),
        measure("  a proof for a winner", lambda: key.prove(SEED, BLOCK, 1), seconds),
        measure(
            "  verification of a proof",
            lambda: chrono_core.verify_credential(key.public_key, SEED, BLOCK, 1, proof),
            seconds,
        ),
        measure(
            "plain Python, one replicate",
            lambda: alt_bn128.times(secret, alt_bn128.draw(SEED, BLOCK, 1)),
            seconds,
        ),
    ]


def epoch(seconds: float) -> dict[str, float]:
    """Draws parts of an epoch for so many seconds of one core; the whole epoch is the same work, so many times over."""
    key = SortitionKey((7**80).to_bytes(32, "big"))
    parts = draw_parts(key, SEED, range(BLOCK, BLOCK + EPOCH_BLOCKS), WEIGHT, score_cutoff(BASE_SAMPLE))
    began, blocks, winners = time.process_time(), 0, 0
    while (took := time.process_time() - began) < seconds:
        part = next(parts)
        blocks, winners = part.end_block - BLOCK, winners + len(part.tickets)
    return {
        "blocks_measured": blocks,
        "draws_per_second": blocks * WEIGHT / took,
        "winners": winners,
        "epoch_seconds": took / blocks * EPOCH_BLOCKS,
    }


def main() -> None:
    """Prints the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--seconds", type=float, default=1.0, help="time given to each line (default 1)")
    parser.add_argument("--whole", action="store_true", help="compute the rewards of every round of an epoch")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {load:.1f}"
    table = [row for part in (rounds, medians, trees, hashes, draws) for row in part(options.seconds)]
    whole = epoch(5 * options.seconds)
    measured = EPOCH_ROUNDS if options.whole else EPOCH_ROUNDS // 10
    rewards = {
        name: reward_epoch(measured, fip16=fip16) for name, fip16 in (("before FIP.16", False), ("FIP.16", True))
    }
    rewards["before FIP.16, medians in plain Python"] = reward_epoch(PLAIN_ROUNDS, fip16=False, medians=plain_medians)
    verified = published()
    if options.json:
        found = {"machine": machine, "unit": "us", "rows": [asdict(row) for row in table], "epoch": whole}
        json.dump({**found, "rewards": rewards, "published": verified}, sys.stdout, indent=1)
        return
    print(f"median and p95 of one call, µs ({machine})\n")
    print(f"{'':48}{'median':>10}{'p95':>10}{'target':>10}")
    for row in table:
        target = "" if row.target is None else f"{row.target:,.0f}"
        print(f"{row.what:48}{row.median:10,.1f}{row.p95:10,.1f}{target:>10}")
    _tell_epochs(whole, rewards, verified)


def _tell_epochs(
    whole: dict[str, float], rewards: dict[str, dict[str, float]], verified: dict[str, float] | None
) -> None:
    """What takes seconds, each in a line of its own."""
    print(
        f"\nschedule of a reward epoch ({EPOCH_BLOCKS:,} blocks x {WEIGHT} replicates), one core: "
        f"{whole['epoch_seconds']:,.0f} s, from {whole['blocks_measured']:,} blocks measured "
        f"({whole['draws_per_second']:,.0f} draws/s, {whole['winners']:.0f} winners)"
    )
    for rule, found in rewards.items():
        print(
            f"rewards of a reward epoch ({EPOCH_ROUNDS:,} rounds, {FEEDS} medians each, {rule}), one core: "
            f"{found['epoch_seconds']:,.1f} s, from {found['rounds_measured']:,.0f} rounds measured"
            f"{'' if 'plain' in rule else ' (target 60 s)'}"
        )
    if verified is None:
        print("published epochs: NOT MEASURED, CHRONO_DATA is not there")
        return
    print(
        f"published epochs verified: {verified['epochs']:,.0f} with {verified['claims']:,.0f} claims and "
        f"{verified['proofs']:,.0f} proofs in {verified['seconds']:.1f} s (target 20 s); their roots alone in plain Python: "
        f"{verified['plain_seconds']:.1f} s"
    )


if __name__ == "__main__":
    main()
