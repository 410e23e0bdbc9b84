"""The seat beside Flare's own system client: what it is handed, it sends; here the test sends it, from our addresses."""

import pytest

from chrono.errors import DRY_RUN, NOT_OUR_ADDRESS, ChronoError
from chrono.flare.address import Address
from chrono.flare.commit import commit_hash
from chrono.flare.frames import Frame, SubmissionFunction, decode_frames
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signatures import sign
from chrono.flare.transaction import Transaction
from chrono.flare.units import GWEI
from chrono.provider.handed_rounds import Handed, Status
from chrono.provider.setup import Seat
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.provider_report import Mode
from chrono.voting.reports import RoundPhase
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


def seated(clock: VirtualClock, mode: Mode = Mode.LIVE) -> VotingHouse:
    house = VotingHouse(clock, mode=mode, seat=Seat.DATA_PROVIDER)
    house.start()
    return house


async def hand(house: VotingHouse, function: SubmissionFunction, round_id: int) -> Handed:
    assert house.provider is not None
    sender = house.entity.submit_signatures if function is SIGNATURES else house.entity.submit
    return await house.provider.hand(function, round_id, sender)


async def send(house: VotingHouse, function: SubmissionFunction, handed: Handed) -> None:
    """As the system client does: the frames behind the selector, from the submit address."""
    assert handed.status is Status.OK
    nonce = house.flare.chain.nonce(house.entity.submit)
    transaction = Transaction(
        chain_id=house.flare.network.chain_id,
        nonce=nonce,
        to=house.flare.addresses["Submission"],
        value_wei=0,
        data=function.value + handed.data,
        gas=300_000,
        max_fee_wei=500 * GWEI,
        max_priority_fee_wei=100 * GWEI,
    )
    signed = transaction.signed(sign(transaction.signing_hash(), house.keys.submit))
    await house.nodes[0].send(signed.raw)


def test_what_is_handed_out_makes_a_whole_round() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        commit = await hand(house, SUBMIT1, round_id)
        assert await hand(house, SUBMIT1, round_id) == commit  # asked twice, the same
        await send(house, SUBMIT1, commit)
        assert (await hand(house, SUBMIT2, round_id)).status is Status.RETRY  # not before its voting epoch is over
        await house.until(round_id + 1, 20)
        reveal = await hand(house, SUBMIT2, round_id)
        await send(house, SUBMIT2, reveal)
        (fixed,), (shown,) = decode_frames(commit.data), decode_frames(reveal.data)
        payload = shown.payload
        assert fixed.payload == commit_hash(house.entity.submit, round_id, payload[:32], payload[32:])
        assert (await hand(house, SIGNATURES, round_id)).status is Status.RETRY
        await house.until(round_id + 1, 58)
        result = await hand(house, SIGNATURES, round_id)
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid
        final = house.flare.deployment.relays.final(100, round_id)
        assert final is not None
        assert ProtocolMessage.decode(result.data) == final
        assert len(result.data) == 38
        assert house.provider is not None
        assert house.provider._work is not None
        assert house.provider._work.journal.bound(100, round_id) == final.hash()  # for ever, before it was given
        assert (await hand(house, SUBMIT2, round_id)).status is Status.EMPTY  # a late reveal is no reveal
        await house.until(round_id + 2, 1)
        report = house.reports.round(round_id)
        assert report is not None
        assert (report.phase, report.reason) == (RoundPhase.FINALISED, None)
        assert all(each.ours is not None for each in report.feeds)

    play(scenario)


def test_the_commit_is_on_disk_before_it_is_handed_out() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        house.log.full = True
        refused = await hand(house, SUBMIT1, round_id)
        assert (refused.status, refused.data) == (Status.RETRY, b"")
        house.log.full = False
        await house.until(round_id, 81)
        commit = await hand(house, SUBMIT1, round_id)
        assert commit.status is Status.OK

    play(scenario)


def test_a_restart_hands_out_the_reveal_of_the_commit_before_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        commit = await hand(house, SUBMIT1, round_id)
        await house.kill()
        house.start()
        await house.until(round_id, 80)
        assert await hand(house, SUBMIT1, round_id) == commit
        await house.kill()
        house.start()
        await house.until(round_id + 1, 20)
        reveal = await hand(house, SUBMIT2, round_id)
        ((shown,), (fixed,)) = decode_frames(reveal.data), decode_frames(commit.data)
        payload = shown.payload
        assert fixed.payload == commit_hash(house.entity.submit, round_id, payload[:32], payload[32:])

    play(scenario)


def test_a_round_without_a_commit_has_no_reveal() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id + 1, 20)
        assert (await hand(house, SUBMIT2, round_id)).status is Status.EMPTY
        assert (await hand(house, SUBMIT1, round_id)).status is Status.EMPTY  # too late
        assert (await hand(house, SUBMIT1, round_id + 5)).status is Status.RETRY  # too early
        assert (await hand(house, SUBMIT2, round_id - 9)).status is Status.EMPTY

    play(scenario)


def test_another_address_is_told_apart() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        assert house.provider is not None
        with pytest.raises(ChronoError) as raised:
            await house.provider.hand(SUBMIT1, round_id, Address(b"\x11" * 20))
        assert raised.value.reason is NOT_OUR_ADDRESS

    play(scenario)


def test_a_dry_run_computes_everything_and_hands_out_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock, Mode.DRY_RUN)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        handed = await hand(house, SUBMIT1, round_id)
        assert (handed.status, handed.reason, handed.data) == (Status.EMPTY, DRY_RUN, b"")
        await house.until(round_id + 1, 20)
        assert (await hand(house, SUBMIT2, round_id)).status is Status.EMPTY
        await house.until(round_id + 1, 58)
        assert (await hand(house, SIGNATURES, round_id)).status is Status.EMPTY
        await house.until(round_id + 2, 1)
        report = house.reports.round(round_id)
        assert report is not None
        assert report.result is not None
        assert all(each.ours is not None for each in report.feeds)

    play(scenario)


def test_a_stop_waits_until_the_reveal_and_the_result_were_asked_for() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        await hand(house, SUBMIT1, round_id)
        assert house.provider is not None
        assert {owed.function for owed in house.provider.owed} == {SUBMIT2, SIGNATURES}
        await house.until(round_id + 1, 20)
        await hand(house, SUBMIT2, round_id)
        assert {owed.function for owed in house.provider.owed} == {SIGNATURES}
        await house.until(round_id + 1, 56)
        await hand(house, SIGNATURES, round_id)
        assert house.provider.owed == []

    play(scenario)


def test_a_seat_that_takes_over_from_a_submitter_reveals_what_that_committed() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        house.seat = Seat.DATA_PROVIDER
        house.start()
        await house.until(round_id + 1, 20)
        reveal = await hand(house, SUBMIT2, round_id)
        (commit,) = house.sent(SUBMIT1, round_id)
        (frame,) = decode_frames(reveal.data)
        assert commit == commit_hash(house.entity.submit, round_id, frame.payload[:32], frame.payload[32:])
        assert isinstance(frame, Frame)

    play(scenario)
