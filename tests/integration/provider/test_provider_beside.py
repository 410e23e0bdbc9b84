"""Beside another program that votes for the same entity: a dry run, and the seat of the data provider."""

from chrono.flare.address import Address
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction
from chrono.flare.signatures import sign
from chrono.flare.transaction import Transaction
from chrono.flare.units import GWEI
from chrono.provider.handed_rounds import Status
from chrono.provider.setup import Seat
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.actions import Fetched
from chrono.voting.provider_report import Mode
from tests.fakes.voting_house import MemoryLog, VotingHouse, play

SUBMIT1 = SubmissionFunction.SUBMIT1


class Fdc:
    """An fdc-client that our settings name."""

    protocol_id = FDC

    async def fetch(self, function: SubmissionFunction, round_id: int, sender: Address) -> Fetched:
        return Fetched(ready=False)


def test_a_dry_run_beside_the_voter_of_the_same_entity_calls_nobody_a_stranger() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        today = house.task  # whatever votes for the entity now
        await house.until(house.round_now().id + 2)
        house.log, house.mode = MemoryLog(), Mode.DRY_RUN
        house.reports = type(house.reports)()
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 3)
        assert house.watched[-1].strangers == 0
        for each in (round_id, round_id + 1, round_id + 2):
            report = house.reports.round(each)
            assert report is not None
            assert report.mode is Mode.DRY_RUN
            assert report.reason is None or report.reason.code == "dry_run"
            assert report.transactions == ()
        assert all(outcome.ours is not None for outcome in report.feeds)
        assert today is not None
        assert not today.done()

    play(scenario)


def test_the_system_client_s_frames_of_other_protocols_are_no_stranger_s() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock, seat=Seat.DATA_PROVIDER, protocols=[Fdc()])
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        commit = await provider.hand(SUBMIT1, round_id, house.entity.submit)
        await send(house, SUBMIT1.value + commit.data + bytes(Frame(FDC, round_id, b"\x01")))
        await house.until(round_id + 1, 75)
        assert house.watched[-1].strangers == 0
        assert (await provider.hand(SUBMIT1, round_id + 1, house.entity.submit)).status is Status.OK
        await send(house, SUBMIT1.value + bytes(Frame(FTSO, round_id + 1, b"\x02" * 32)))  # but a commit of ours is
        await clock.sleep(5)
        assert house.watched[-1].strangers == 1

    play(scenario)


async def send(house: VotingHouse, data: bytes) -> None:
    transaction = Transaction(
        chain_id=house.flare.network.chain_id,
        nonce=house.flare.chain.nonce(house.entity.submit),
        to=house.flare.addresses["Submission"],
        value_wei=0,
        data=data,
        gas=300_000,
        max_fee_wei=500 * GWEI,
        max_priority_fee_wei=100 * GWEI,
    )
    signed = transaction.signed(sign(transaction.signing_hash(), house.keys.submit))
    await house.nodes[0].send(signed.raw)
