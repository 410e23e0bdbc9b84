"""All hot keys turn at a reward epoch: its last round is revealed and signed with the old ones, by the same process."""

from msgspec.structs import replace

from chrono.flare.address import Address
from chrono.flare.epochs import RewardEpoch
from chrono.flare.frames import SubmissionFunction, decode_calldata
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.virtual_time import VirtualClock
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


def senders(house: VotingHouse, function: SubmissionFunction, round_id: int, ours: set[Address]) -> list[Address]:
    """Which of these accounts sent something about a round."""
    found = []
    for block in house.flare.chain.blocks:
        for signed, sender, _ in block.mined:
            if sender in ours and signed.transaction.data[:4] == function.value:
                frames = decode_calldata(signed.transaction.data)[1]
                if frames[0].voting_round_id == round_id:
                    found.append(sender)
    return found


def last_of_epoch_1(house: VotingHouse) -> int:
    return RewardEpoch(2, house.timing).expected_start_round - 1


def test_the_last_round_of_a_reward_epoch_is_served_by_its_own_keys_across_the_turn_and_a_restart() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        new = Keyring.of("ours, turned")
        old_entity, drawn = house.entity, new.entity()
        turned = replace(drawn, identity=old_entity.identity, delegation=old_entity.delegation)
        house.rings = (house.keys, new)
        house.start()
        await house.until(house.round_now().id + 1)
        chain = house.flare.chain
        house.flare.deployment.entities.install(turned, chain.head.number)
        for account in (turned.submit, turned.submit_signatures, turned.signing_policy):
            chain.fund(account, 1000 * COIN_WEI)
        last = last_of_epoch_1(house)
        await house.until(last, 85)
        await house.kill()
        await house.until(last + 1, 5)
        house.start()
        await house.until(last + 3)
        ours = {old_entity.submit, old_entity.submit_signatures, turned.submit, turned.submit_signatures}
        assert senders(house, SUBMIT1, last, ours) == senders(house, SUBMIT2, last, ours) == [old_entity.submit]
        assert senders(house, SIGNATURES, last, ours) == [old_entity.submit_signatures]
        assert senders(house, SUBMIT1, last + 1, ours) == senders(house, SUBMIT2, last + 1, ours) == [turned.submit]
        assert senders(house, SIGNATURES, last + 1, ours) == [turned.submit_signatures]
        for round_id, submit in ((last, old_entity.submit), (last + 1, turned.submit)):
            outcome = house.flare.rounds.outcome(round_id)
            assert outcome is not None
            assert submit in outcome.valid
            assert house.finalised(round_id)

    play(scenario)


def test_who_is_dropped_from_the_next_reward_epoch_still_ends_the_last_round_of_this_one() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock, carried=False)
        house.start()
        last = last_of_epoch_1(house)
        while house.flare.deployment.relays.policy(2) is None:  # somebody heavier, again and again
            if house.entity.identity in house.flare.deployment.registrations.voters(2):
                house.flare.evict(house.entity.identity)
            await clock.sleep(1)
        await house.until(last + 3)
        ours = {house.entity.submit, house.entity.submit_signatures}
        assert house.flare.deployment.reward_epoch_of(last + 1) == 2
        assert house.entity.identity not in house.flare.deployment.identities(2)
        assert senders(house, SUBMIT2, last, ours) == [house.entity.submit]
        assert senders(house, SIGNATURES, last, ours) == [house.entity.submit_signatures]
        assert senders(house, SUBMIT1, last + 1, ours) == []
        report = house.reports.round(last + 1)
        assert report is not None
        assert report.reason is not None
        assert report.reason.code == "not_a_voter"

    play(scenario)


def test_a_key_that_is_not_here_is_named_and_costs_only_its_own_duty() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        stranger = Keyring.of("somebody else")
        house.rings = (replace(house.keys, submit_signatures=stranger.submit_signatures),)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 2, 1)
        assert len(house.sent(SUBMIT2, round_id)) == 1
        assert house.sent(SIGNATURES, round_id) == []
        report = house.reports.round(round_id)
        assert report is not None
        assert report.reason is not None
        assert report.reason.code == "hot_key_absent"

    play(scenario)
