"""What the reward epoch still forgives, counted by a running provider on a simulated Flare, and told with its reasons."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chrono.chain.ledger import KEPT_ROUNDS
from chrono.errors import CONTRACT_MISSING, COUNT_INCOMPLETE
from chrono.flare.address import Address
from chrono.flare.frames import FDC, SubmissionFunction
from chrono.flare.units import COIN_WEI
from chrono.provider.fdc_file import FdcFile
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.virtual_time import VirtualClock
from chrono.telemetry import BUDGET_LEFT
from chrono.voting.budget import CountedRound
from chrono.voting.provider_report import Budget
from tests.fakes.voting_house import START_NS, VotingHouse, play
from tests.integration.provider.test_provider_fdc import Fdc

HEAVY_WEI = 1_000_000_000 * COIN_WEI
"""With it our signature alone makes a round of the FDC final."""

LONG_EPOCHS = network_at(START_NS, rounds=60)
"""With reward epochs longer than what is read of a chain's transactions."""


def house_of(clock: VirtualClock, *protocols: Any) -> VotingHouse:
    return VotingHouse(clock, protocols=protocols, stake_wei=HEAVY_WEI)


def budget(house: VotingHouse) -> Budget:
    told = house.reports.provider
    assert told is not None
    return told.budget


def measured(condition: str) -> float:
    value: float = BUDGET_LEFT.labels(condition)._value.get()
    return value


def finalised(house: VotingHouse, before: int, rounds: int) -> int:
    """How many of the last rounds before a round the Relay holds as final for the FDC."""
    return sum(house.finalised(each, FDC) for each in range(before - rounds, before))


def test_the_rounds_that_the_fdc_rewards_are_counted_as_their_windows_end() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = house_of(clock, Fdc(clock))
        house.start()
        start = house.round_now().id
        for now in (start + 1, start + 3, start + 7):
            await house.until(now, 60)
            told = budget(house)
            assert told.fdc is not None
            # The newest two rounds are not over: the one that runs, and the one that is signed.
            rewarding = finalised(house, now - 1, told.fdc.rounds_over)
            assert (told.fdc.rounds, told.fdc.rewarding, told.fdc.rewarded) == (
                told.fdc.rounds_over,
                rewarding,
                rewarding,
            )
        assert rewarding >= 5
        assert told.fdc_rounds_left is not None
        assert measured("fdc") == told.fdc_rounds_left

    play(scenario)


def test_a_round_without_a_signature_of_the_fdc_rewards_nobody_and_counts_for_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        fdc = Fdc(clock)
        fdc.late_s = {SubmissionFunction.SUBMIT_SIGNATURES: None}
        house = house_of(clock, fdc)
        house.start()
        await house.until(house.round_now().id + 6)
        told = budget(house)
        assert told.fdc is not None
        assert (told.fdc.rewarding, told.fdc.rewarded) == (0, 0)
        assert told.fdc.rounds > 0
        assert told.fdc_rounds_left is None

    play(scenario)


def test_what_a_chain_cannot_tell_is_not_known_with_its_reason() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = house_of(clock)
        house.start()
        await house.until(house.round_now().id + 1, 30)
        told = budget(house)
        assert told.fast_updates_left is None
        assert told.fast_updates is None
        assert told.unknown["fast_updates_left"] in (CONTRACT_MISSING, COUNT_INCOMPLETE)
        assert measured("fast_updates") != measured("fast_updates")

    play(scenario)


def test_a_start_counts_the_rounds_whose_transactions_are_still_read() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = house_of(clock, Fdc(clock))
        house.start()
        start = house.round_now().id
        await house.until(start + 5)
        await house.kill()
        house.start()
        await house.until(start + 6, 60)
        told = budget(house)
        assert told.fdc is not None
        assert told.fdc.rounds == told.fdc.rounds_over > 4
        assert told.fdc.rewarded == finalised(house, start + 5, told.fdc.rounds_over)

    play(scenario)


def test_a_restart_knows_the_rounds_whose_transactions_are_not_read_any_more(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock, protocols=[Fdc(clock)], stake_wei=HEAVY_WEI, network=LONG_EPOCHS)
        house.fdc_rounds = FdcFile(tmp_path / "ours.fdc", house.flare.network, house.entity.identity)
        house.start()
        start = house.round_now().id
        await house.until(start + KEPT_ROUNDS + 6)
        before = budget(house).fdc
        assert before is not None
        await house.kill()
        house.start()
        await house.until(start + KEPT_ROUNDS + 7, 60)
        after = budget(house).fdc
        assert after is not None
        assert after.rounds == after.rounds_over > KEPT_ROUNDS + 3
        assert after.rewarded >= before.rewarded > KEPT_ROUNDS

    play(scenario)


def test_the_counts_of_another_chain_or_entity_are_not_taken(tmp_path: Path) -> None:
    counted = (CountedRound(3, 700, 1, 1), CountedRound(3, 701, 0, 1))
    ours, path = Address(b"\x11" * 20), tmp_path / "ours.fdc"
    FdcFile(path, LONG_EPOCHS, ours).save(counted)
    assert FdcFile(path, LONG_EPOCHS, ours).load() == counted
    assert FdcFile(path, LONG_EPOCHS, Address(b"\x12" * 20)).load() == ()
    later = replace(LONG_EPOCHS.timing, first_start_s=LONG_EPOCHS.timing.first_start_s + 90)
    for other in (replace(LONG_EPOCHS, chain_id=LONG_EPOCHS.chain_id + 1), replace(LONG_EPOCHS, timing=later)):
        assert FdcFile(path, other, ours).load() == ()
    path.write_bytes(path.read_bytes()[:-1])
    assert FdcFile(path, LONG_EPOCHS, ours).load() == ()


def test_what_the_others_earn_of_the_fdc_without_us_is_missed() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock, stake_wei=COIN_WEI)
        house.flare.attest(Attestations(3), house.flare.voters)
        house.start()
        now = house.round_now().id + 6
        await house.until(now, 60)
        told = budget(house)
        assert told.fdc is not None
        assert told.fdc.rewarding == finalised(house, now - 1, told.fdc.rounds_over) > 3
        assert told.fdc.rewarded == 0

    play(scenario)
