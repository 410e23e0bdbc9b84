"""A start that meets one node alone: what is owed goes out, and nothing new is begun before a second one agrees."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chrono.chain.contracts_file import ContractsFile
from chrono.errors import CONTRACTS_MOVED, NOT_CONFIRMED, ChronoError
from chrono.flare.address import Address
from chrono.flare.frames import SubmissionFunction
from chrono.simulation.flare.node import NodeFaults, Wire
from chrono.simulation.virtual_time import VirtualClock
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2


def kept_in(folder: Path, house: VotingHouse) -> ContractsFile:
    return ContractsFile(folder / "simulated.contracts", house.flare.network.chain_id, house.flare.registry)


def wired(house: VotingHouse, wire: Wire) -> None:
    """Two of three nodes are so."""
    for node in house.nodes[1:]:
        node.faults = NodeFaults(wire=wire)


async def committed(house: VotingHouse, folder: Path) -> int:
    """Commit, end, and begin again where two of three nodes are away; the round."""
    house.contracts = kept_in(folder, house)
    house.start()
    round_id = house.round_now().id + 2
    await house.until(round_id, 87)
    assert house.sent(SUBMIT1, round_id) != []
    await house.kill()
    wired(house, Wire.DOWN)
    house.start()
    return round_id


def test_a_reveal_is_sent_by_the_one_node_that_is_left_and_nothing_new_is_begun(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        round_id = await committed(house, tmp_path)
        await house.until(round_id + 2, 60)
        assert len(house.sent(SUBMIT2, round_id)) == 1
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid
        assert house.sent(SUBMIT1, round_id + 1) == []
        waits = _provider(house).awaiting
        assert waits.reason is NOT_CONFIRMED
        wired(house, Wire.FINE)
        await house.until(round_id + 5)
        assert house.sent(SUBMIT1, round_id + 4) != []
        assert _provider(house).awaiting.reason is None

    play(scenario)


def test_without_what_was_found_last_nothing_is_begun(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.contracts = kept_in(tmp_path, house)
        wired(house, Wire.DOWN)
        house.start()
        await house.until(house.round_now().id + 1)
        assert house.provider is not None
        assert house.provider.chain_state == "degraded"
        assert "it waits for the contracts" in house.watched[-1].away

    play(scenario)


def test_contracts_that_moved_meanwhile_are_found_where_they_are_now(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        kept = kept_in(tmp_path, house)
        house.contracts = kept
        house.start()
        await clock.sleep(5)
        await house.kill()
        found = kept.load()
        assert found is not None
        elsewhere = Address(b"\x77" * 20)
        old = replace(found.contracts, now=found.contracts.now | {"FtsoRewardOffersManager": elsewhere})
        kept.save(replace(found, contracts=old))
        wired(house, Wire.DOWN)
        house.start()
        await clock.sleep(5)
        assert house.task is not None
        assert not house.task.done()
        wired(house, Wire.FINE)
        await clock.sleep(40)
        moved = house.task.exception()
        assert isinstance(moved, ChronoError)
        assert moved.reason is CONTRACTS_MOVED
        assert kept.load() == found
        house.start()
        round_id = house.round_now().id + 2
        await house.until(round_id + 1)
        assert house.sent(SUBMIT1, round_id) != []

    play(scenario)


def test_what_is_kept_of_another_chain_or_registry_is_as_none(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.contracts = kept_in(tmp_path, house)
        house.start()
        await clock.sleep(5)
        path, chain_id = tmp_path / "simulated.contracts", house.flare.network.chain_id
        assert house.contracts.load() is not None
        assert ContractsFile(path, chain_id + 1, house.flare.registry).load() is None
        assert ContractsFile(path, chain_id, Address(b"\x77" * 20)).load() is None
        path.write_bytes(path.read_bytes()[:-1] + b"\x00")
        assert house.contracts.load() is None

    play(scenario)


def _provider(house: VotingHouse) -> Any:
    assert house.reports.provider is not None
    return house.reports.provider
