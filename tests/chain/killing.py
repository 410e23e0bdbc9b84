"""Chrono votes in a few calm rounds, and then is killed again and again; what the judge says of both."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chain.chrono_run import ChronoRun
from tests.chain.deployment import Plan
from tests.chain.entity import Entity
from tests.chain.scene import FIVE, Provider, Scene
from tests.judge.chain import Chain
from tests.judge.frames import SUBMIT1
from tests.judge.node import Node, read_chain

OURS = "eve"
LONGEST_LIFE_S = 3.0
CALM_ROUNDS = 2


@dataclass(frozen=True)
class Absence:
    """Wall seconds from a kill until Chrono answered again."""

    from_s: float
    to_s: float


@dataclass(frozen=True)
class Voted:
    """`calm` and `killed` are the judge's documents; `reported` is what Chrono says of its values by round."""

    plan: Plan
    ours: Entity
    offender: Entity
    calm: dict[str, Any]
    chain: Chain
    reported: dict[int, list[dict[str, Any]]]
    killed: dict[str, Any]
    absences: list[Absence]

    def of_ours(self, told: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = told["voters"]["0x" + self.ours.identity.raw.hex()]
        return row

    def page(self) -> str:
        row, away = self.of_ours(self.killed), sorted(each.to_s - each.from_s for each in self.absences)
        return (
            f"{len(self.absences)} kills in {row['rounds']} rounds: {row['committed']} committed,"
            f" {row['revealed']} revealed, {row['signed']} signed; back after {away[len(away) // 2]:.1f} s"
            f" (most {away[-1]:.1f} s); not revealed: {row['unrevealed']}"
        )


def vote_and_die(folder: Path, kills: int) -> Voted:
    """Everything on one chain, since chains cannot be hurried. The offender begins when the calm rounds are over."""
    later = range(CALM_ROUNDS, CALM_ROUNDS + 3)
    mischief = {what: [at] for what, at in zip(("silent", "double", "conflicting"), later, strict=True)}
    offender = Provider("dot", 7, mischief=mischief)
    with Scene(folder, [*FIVE[:3], offender, Provider(OURS, 10, is_twin=False)], plan(kills)) as scene:
        scene.run_twins()
        with ChronoRun(scene, OURS) as ours:
            scene.until_first_policy()
            first = scene.first_round()
            scene.until_round(first + CALM_ROUNDS + 1)
            calm = json.loads(scene.judge("--json").stdout)
            chain = read_chain(Node(scene.rpc.url), bytes.fromhex(scene.registry[2:]), reveal_s=scene.plan.reveal_s)
            reported = {each: ours.round(each)["feeds"] for each in range(first, first + CALM_ROUNDS)}
            luck = random.Random(20_261_121)
            absences = [live_and_die(scene, ours, luck, number % 4 == 0) for number in range(kills)]
            scene.until_round(max(scene.round(), first + later[-1]) + 2)
        killed = json.loads(scene.judge("--json").stdout)
        entities = scene.entities
        return Voted(scene.plan, entities[OURS], entities["dot"], calm, chain, reported, killed, absences)


def plan(kills: int) -> Plan:
    """One reward epoch, however many kills: its turn is another story."""
    return Plan(0, epoch_s=12, reveal_s=6, rounds_per_reward_epoch=40 + 2 * kills)


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
