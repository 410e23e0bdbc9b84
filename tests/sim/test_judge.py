"""The judge of the local chain, which knows nothing of Chrono, finds nothing on a simulated one either."""

import asyncio
import json

import pytest

from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.offences import Offence
from chrono.simulation.virtual_time import VirtualClock
from tests.judge.dump import chain_of
from tests.judge.judgement import Judgement, judge
from tests.sim.dumping import document_of
from tests.sim.house import KEYS, House
from tests.sim.scenario import live

EPOCHS = 2
ROUNDS = 12


@pytest.mark.timeout(600)
def test_over_two_reward_epochs_with_crashes_every_root_is_right_and_we_commit_no_offence() -> None:
    async def main(clock: VirtualClock) -> tuple[Judgement, int]:
        house = House(clock, 5, network=network_at(clock.now_ns(), rounds=ROUNDS))
        with house.on_disk():
            await asyncio.sleep(1.0)
            house.start()
            first = house.round.id + 1
            culprit = house.flare.voters[1]
            for offset, offence in enumerate((Offence.NO_REVEAL, Offence.MISMATCH, Offence.TWO_ROOTS)):
                house.flare.offend(culprit, first + 2 + offset, offence)
            for round_id in range(first, first + EPOCHS * ROUNDS):
                await house.until(round_id, 7.0 * (round_id % 12))
                if round_id % 5 == 0:
                    house.kill(power=True)
                    await asyncio.sleep(2.0)
                    house.start()
            await house.until(first + EPOCHS * ROUNDS + 2)
            document = json.loads(json.dumps(document_of(house.flare)))
            rounds = range(first, first + EPOCHS * ROUNDS)
            found = judge(chain_of(document), rounds=rounds)
            await house.close()
        return found, culprit.entity.identity  # type: ignore[return-value]

    judgement, culprit = live(main, 5)
    us = KEYS.entity().identity
    assert judgement.faults == []
    assert us not in judgement.offences
    assert set(judgement.offences) == {culprit}
    ours = [conduct for _, conduct in judgement.of(us)]
    assert len(ours) == EPOCHS * ROUNDS
    assert sum(each.committed and each.revealed and each.signed for each in ours) >= len(ours) - 5
