"""The duties of reward epochs on a simulated Flare, with the real pool, lanes, keys and contracts' own checks."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any

import pytest
import structlog
from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.errors import (
    EPOCH_DUTY_REFUSED,
    NOT_REGISTERED,
    POLICY_KEY_ABSENT,
    REWARD_DATA_ABSENT,
    REWARD_DATA_WRONG,
    STEP_FAILED,
)
from chrono.flare.address import Address, checksummed
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.events import RewardsSigned, SigningPolicySigned, UptimeVoteSigned, VoterRegistered
from chrono.flare.signatures import address_of
from chrono.simulation.flare import epoch_turns
from chrono.simulation.flare.contracts.registrations import Power
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.node import Wire
from chrono.simulation.virtual_time import VirtualClock, run_virtual
from chrono.voting.epoch_words import DutyState
from tests.fakes.epoch_house import KEYS, STAKE_WEI, START_NS, US, EpochHouse, Published
from tests.fakes.fuzzing import LONG, TIMES
from tests.sim.process import Process, make_task

OURS = ("provider/epoch_", "chain/sender", "chain/entities", "attempt")
DUTIES = ("preRegisterVoter", "signNewSigningPolicy", "signUptimeVote", "signRewards")


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Hours pass in seconds; what is logged meanwhile is errors only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def slow_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other voters take minutes: whatever we do late is not done by them."""
    monkeypatch.setattr(epoch_turns, "_DELAY_S", (200.0, 260.0))


def played(scenario: Callable[[EpochHouse], Coroutine[Any, Any, None]], **options: Any) -> EpochHouse:
    """Play a scenario in virtual time; the house, as it ended."""

    async def main(clock: VirtualClock) -> EpochHouse:
        house = EpochHouse(clock, **options)
        try:
            await scenario(house)
            await clock.sleep(1)
            house.check()
        finally:
            await house.close()
        return house

    return run_virtual(main, start_ns=START_NS, tasks=make_task)


def ours(house: EpochHouse, kind: Any) -> list[int]:
    """The reward epochs of our events of a kind."""
    return [event.reward_epoch_id for event in house.events(kind) if event.voter == US]


class Counted(Process):
    """A process whose points are those of the duties alone: driver, steps, lane, log."""

    def point(self, site: str) -> None:
        if self.alive and not self.dissolving and not any(word in site for word in OURS):
            return
        super().point(site)


def epochs(last: int, dies_at: Callable[[int], int | None] = lambda _: None) -> Callable[[EpochHouse], Any]:
    """Live until a reward epoch has begun. `dies_at` says at which step the n-th process dies."""

    async def scenario(house: EpochHouse) -> None:
        def begin() -> None:
            process = Counted(kill_at=dies_at(len(house.processes) + 1))
            process.counting = True
            house.start(process)

        begin()
        end_ns: int | None = None
        while end_ns is None or house.clock.now_ns() < end_ns:
            await house.clock.sleep(1)
            house.check()
            if house.epoch >= last and end_ns is None:
                end_ns = house.clock.now_ns() + 100 * SECOND_NS
            if house.process is not None and not house.process.alive:
                begin()

    return scenario


async def until(house: EpochHouse, happened: Callable[[], bool]) -> None:
    while not happened():
        await house.clock.sleep(0.5)
        house.check()


def all_done_once(house: EpochHouse, last: int) -> None:
    """Every duty of every reward epoch up to the last begun one: done, once, and nothing was refused."""
    assert ours(house, VoterRegistered) == list(range(1, last + 1))
    assert ours(house, SigningPolicySigned) == list(range(2, last + 1))
    assert ours(house, UptimeVoteSigned) == list(range(1, last - 1))
    assert ours(house, RewardsSigned) == list(range(1, last - 1))
    told = Counter(house.calls())
    assert all(succeeded and count == 1 for (_, _, succeeded), count in told.items()), told


def test_every_duty_of_three_reward_epochs_is_done_once() -> None:
    house = played(epochs(5))
    all_done_once(house, 5)
    assert {name for name, _, _ in house.calls()} == set(DUTIES)
    assert house.reports()["register 5"].state is DutyState.DONE


def test_a_process_that_dies_at_each_of_its_steps_in_turn_repeats_nothing() -> None:
    """The first process dies at its first step, the second at its second, and so on, for three reward epochs."""
    house = played(epochs(4, lambda number: number))
    all_done_once(house, 4)
    assert len(house.processes) > 20


@pytest.mark.parametrize("seed", range(3 * TIMES))
def test_processes_that_die_anywhere_repeat_nothing(seed: int) -> None:
    chance = Random(seed)
    all_done_once(played(epochs(3, lambda _: chance.randint(1, 30))), 3)


@pytest.mark.skipif(not LONG, reason="every single step, some minutes: CHRONO_FUZZ=long")
@pytest.mark.timeout(3600)
def test_a_process_that_dies_at_any_one_step_repeats_nothing() -> None:
    points = played(epochs(3)).processes[0].points
    assert points > 200
    for at in range(1, points + 1):
        all_done_once(played(epochs(3, lambda number, at=at: at if number == 1 else None)), 3)  # type: ignore[misc]


def test_at_the_switch_of_generations_the_other_message_is_found_out() -> None:
    """The contracts move during reward epoch 2, and what registers is said otherwise from then on."""

    async def scenario(house: EpochHouse) -> None:
        house.start()
        await house.until_epoch(2)
        house.flare.redeploy(Generation.FIRST)
        await house.until_epoch(4)
        await asyncio.sleep(60)

    house = played(scenario)
    told = [event for event in house.events(VoterRegistered) if event.voter == US]
    assert [event.generation for event in told] == [Generation.SECOND] * 2 + [Generation.FIRST] * 2
    all_done_once(house, 4)


def test_evicted_we_register_directly_and_are_in_the_policy() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.start()
        await until(house, lambda: US in house.flare.deployment.registrations.voters(2))
        house.flare.evict(US)
        await house.until_epoch(2)

    house = played(scenario)
    assert ours(house, VoterRegistered) == [1, 2, 2]
    assert [name for name, _, _ in house.calls() if name == "registerVoter"] == ["registerVoter"]
    assert US in house.flare.deployment.identities(2)
    assert house.reports()["register 2"].state is DutyState.DONE


def test_a_newcomer_registers_directly() -> None:
    """It votes in no epoch yet, so it cannot pre-register; from the next one on it does."""

    async def scenario(house: EpochHouse) -> None:
        house.flare.step(house.clock.now_ns())
        house.start()
        await house.until_epoch(3)
        await asyncio.sleep(30)

    house = played(scenario, joins=False)
    assert ours(house, VoterRegistered) == [2, 3]
    names = [name for name, epoch, _ in house.calls() if epoch == 1]
    assert names == ["registerVoter"]
    assert ("preRegisterVoter", 2, True) in house.calls()


def test_too_light_for_a_place_we_are_told_why() -> None:
    """The contract's own words with their remedy, while there is still time to mend it."""

    async def scenario(house: EpochHouse) -> None:
        house.start()
        house.flare.deployment.registrations.set_power(US, Power(0, 0, 0))
        await until(house, lambda: house.flare.deployment.manager.acquired(2))
        await asyncio.sleep(30)
        waiting = house.reports()["register 2"]
        assert (waiting.state, waiting.reason) == (DutyState.WAITING, EPOCH_DUTY_REFUSED)
        assert waiting.facts["said"] == "voter weight zero"
        assert "vote power block" in waiting.facts["remedy"]
        await house.until_epoch(2)

    house = played(scenario)
    left_out = house.reports()["register 2"]
    assert (left_out.state, left_out.reason) == (DutyState.MISSED, NOT_REGISTERED)
    assert [name for name, _, _ in house.calls() if name == "registerVoter"] == []


def test_mended_in_time_we_register_all_the_same() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.start()
        registrations = house.flare.deployment.registrations
        power = registrations.power(US)
        registrations.set_power(US, Power(0, 0, 0))
        await until(house, lambda: house.flare.deployment.manager.acquired(2))
        await asyncio.sleep(70)
        registrations.set_power(US, power)
        await house.until_epoch(2)

    house = played(scenario)
    assert US in house.flare.deployment.identities(2)


@pytest.mark.parametrize("newest_first", [True, False])
def test_rotated_keys_sign_for_their_own_reward_epochs(newest_first: bool) -> None:
    """All hot keys change during reward epoch 1: they count from 2 on, and the old ones sign for 1 to the end."""
    rotated = Keyring(**{**structs.asdict(Keyring.of("us, rotated")), "identity": KEYS.identity})

    async def scenario(house: EpochHouse) -> None:
        house.start()
        await asyncio.sleep(200)
        house.flare.join(rotated.entity(stake_wei=STAKE_WEI), carried=False)
        await house.until_epoch(4)
        await asyncio.sleep(60)

    keys = (rotated.signing_policy, KEYS.signing_policy)
    house = played(scenario, keys=keys if newest_first else keys[::-1])
    old, new = (address_of(key) for key in (KEYS.signing_policy, rotated.signing_policy))
    signers = {
        kind: {event.reward_epoch_id: event.signing_policy_address for event in house.events(kind) if event.voter == US}
        for kind in (VoterRegistered, SigningPolicySigned, UptimeVoteSigned, RewardsSigned)
    }
    assert signers[VoterRegistered] == {1: old, 2: new, 3: new, 4: new}
    assert signers[SigningPolicySigned] == {2: old, 3: new, 4: new}
    assert signers[UptimeVoteSigned] == signers[RewardsSigned] == {1: old, 2: new}


def test_without_the_old_key_its_duties_are_told_as_missing() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.start()
        await until(house, lambda: "policy 2" in house.reports())
        await asyncio.sleep(5)
        report = house.reports()["policy 2"]
        assert report.reason is POLICY_KEY_ABSENT
        assert report.facts["address"] == checksummed(address_of(KEYS.signing_policy))

    other = Keyring.of("somebody else").signing_policy
    played(scenario, keys=(other,))


def test_rewards_that_come_late_or_wrong_are_signed_when_they_are_right() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.published.absent = 2
        house.start()
        await until(house, lambda: house.published.asked[1] == 1)
        await asyncio.sleep(1)
        assert house.reports()["rewards 1"].reason is REWARD_DATA_ABSENT
        await house.until_epoch(3)
        await asyncio.sleep(5)

    house = played(scenario)
    assert house.published.asked[1] == 3
    assert 1 in ours(house, RewardsSigned)


def test_somebody_elses_rewards_are_not_signed() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.published = Published(house.flare.network.name, identity=Address(bytes([9]) * 20))
        house.start()
        await until(house, lambda: house.published.asked[1] == 1)
        await asyncio.sleep(1)
        report = house.reports()["rewards 1"]
        assert report.reason is REWARD_DATA_WRONG
        assert "no fee claim" in report.facts["why"]
        await house.until_epoch(3)

    assert 1 not in ours(played(scenario), RewardsSigned)


@pytest.mark.parametrize("wire", [Wire.DOWN, Wire.HANGING, Wire.GARBAGE, Wire.OTHER_CHAIN])
def test_one_bad_node_of_three_costs_no_duty(wire: Wire) -> None:
    async def scenario(house: EpochHouse) -> None:
        house.nodes[0].faults.wire = wire
        house.start()
        await house.until_epoch(3)
        await asyncio.sleep(60)

    all_done_once(played(scenario), 3)


def test_blocks_that_are_taken_back_cost_no_duty() -> None:
    """Three blocks, their transactions forgotten, again and again."""

    async def scenario(house: EpochHouse) -> None:
        house.start()
        chance = Random(5)
        while house.epoch < 4:
            await asyncio.sleep(chance.randint(20, 90))
            house.flare.reorg(3, forget=True)
            house.check()
        await asyncio.sleep(120)

    house = played(scenario)
    assert set(range(1, 5)) <= set(ours(house, VoterRegistered))
    assert set(range(2, 5)) <= set(ours(house, SigningPolicySigned))
    assert set(range(1, 3)) <= set(ours(house, UptimeVoteSigned)) & set(ours(house, RewardsSigned))
    assert max(Counter(ours(house, SigningPolicySigned)).values()) == 1


class Broken(Published):
    """What reads the rewards has a fault of ours."""

    async def fetch(self, reward_epoch_id: int) -> Any:
        raise ZeroDivisionError("a fault of ours")


def test_a_fault_of_ours_in_one_duty_costs_no_other_one() -> None:
    async def scenario(house: EpochHouse) -> None:
        house.published = Broken(house.flare.network.name)
        await epochs(4)(house)

    house = played(scenario)
    assert ours(house, VoterRegistered) == [1, 2, 3, 4]
    assert ours(house, SigningPolicySigned) == [2, 3, 4]
    assert ours(house, UptimeVoteSigned) == [1, 2]
    assert ours(house, RewardsSigned) == []
    assert house.reports()["rewards 2"].reason is STEP_FAILED
