"""kill -9 of a voting Chrono at random instants: whoever is back before the deadline reveals what it committed."""

import json
import os
import random
import time
from dataclasses import dataclass

import pytest

from tests.chain.chrono_run import ChronoRun
from tests.chain.deployment import Plan
from tests.chain.scene import FIVE, Provider, Scene
from tests.judge.frames import SUBMIT1

LONG = os.environ.get("CHRONO_FAULTS") == "long"
KILLS = 200 if LONG else 10
OURS = "eve"
OFFENDER = Provider("dot", 7, mischief={"silent": [0], "double": [1], "conflicting": [2]})
"""Offends on purpose: the others must leave it out of the random, and the judge must see it over JSON-RPC too."""
PROVIDERS = [*FIVE[:3], OFFENDER, Provider(OURS, 10, is_twin=False)]
PLAN = Plan(0, epoch_s=12, reveal_s=6, rounds_per_reward_epoch=400)
LONGEST_LIFE_S = 6.0
IN_TIME_S = 3.0
"""Back so long before the deadline, a reveal must still be mined: a block each second, and one to be seen in."""

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("chain")]


@dataclass(frozen=True)
class Absence:
    """Wall seconds from a kill until Chrono answered again."""

    from_s: float
    to_s: float


def live_and_die(scene: Scene, ours: ChronoRun, luck: random.Random, after_commit: bool) -> Absence:
    """A random life of the present process, its death, and the next one's start.

    Lives are short and starts take long, so most kills would find nothing owed: some wait for a commit first.
    """
    if after_commit:
        wait_for_commit(scene, ours)
        time.sleep(luck.uniform(0, scene.plan.reveal_s / 2))
    else:
        time.sleep(luck.uniform(0, LONGEST_LIFE_S))
    killed = time.time()
    ours.house.kill()
    ours.start()
    return Absence(killed, time.time())


def wait_for_commit(scene: Scene, ours: ChronoRun) -> None:
    """Until a commit of ours is mined."""
    sender = ours.entity.submit.address.lower()

    def is_there() -> bool:
        block = scene.rpc.ask("eth_getBlockByNumber", "latest", True)
        return any(sent["from"] == sender and sent["input"][2:10] == SUBMIT1.hex() for sent in block["transactions"])

    scene.until(is_there, 4 * scene.plan.epoch_s, "a commit")


@pytest.mark.timeout(6000 if LONG else 400)
def test_no_reveal_is_lost_that_could_still_be_sent(tmp_path):
    luck = random.Random(20_261_121)
    with Scene(tmp_path, PROVIDERS, PLAN) as scene:
        scene.run_twins()
        with ChronoRun(scene, OURS) as ours:
            scene.until_first_policy()
            scene.until_round(scene.first_round())
            absences = [live_and_die(scene, ours, luck, number % 3 == 0) for number in range(KILLS)]
            scene.until_round(scene.round() + 2)
        told = json.loads(scene.judge("--json").stdout)
        print(_page(scene, told, absences))
        assert _lost(scene, ours, told, absences) == []
        offences = told["offences"].get("0x" + ours.entity.identity.raw.hex(), {})
        assert set(offences) <= {"reveal_offence"}
        assert told["faults"] == []
        offended = told["offences"]["0x" + scene.entities[OFFENDER.name].identity.raw.hex()]
        assert offended == {"reveal_offence": 2, "doubled_commit": 1, "conflicting_signatures": 1}


def _lost(scene: Scene, ours: ChronoRun, told: dict, absences: list[Absence]) -> list[int]:
    """Rounds whose reveal is missing though Chrono was there again in time."""
    row = told["voters"]["0x" + ours.entity.identity.raw.hex()]
    return [
        round_id
        for round_id in row["unrevealed"]
        if not any(
            each.from_s < (end := scene.plan.reveal_end_s(round_id)) and each.to_s > end - IN_TIME_S
            for each in absences
        )
    ]


def _page(scene: Scene, told: dict, absences: list[Absence]) -> str:
    row = told["voters"]["0x" + scene.entities[OURS].identity.raw.hex()]
    away = sorted(each.to_s - each.from_s for each in absences)
    return (
        f"{len(absences)} kills over {row['rounds']} rounds: {row['committed']} committed, {row['revealed']} revealed,"
        f" {row['signed']} signed; back after {away[len(away) // 2]:.1f} s (most {away[-1]:.1f} s);"
        f" not revealed: {row['unrevealed']}"
    )
