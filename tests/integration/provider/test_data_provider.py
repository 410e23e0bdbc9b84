"""The seat beside Flare's own system client: what it is handed, it sends; here the test sends it, from our addresses."""

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from chrono.errors import DRY_RUN, JOURNAL_BROKEN, NOT_OUR_ADDRESS, STOPPING, UNKNOWN_SUBMISSION, ChronoError
from chrono.flare.address import Address
from chrono.flare.commit import commit_hash
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, decode_frames
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signatures import sign
from chrono.flare.transaction import Transaction
from chrono.flare.units import GWEI
from chrono.provider.handed_rounds import Handed, Status
from chrono.provider.setup import Seat
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.journal import Journal
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.provider_report import Mode
from chrono.voting.reports import RoundPhase
from tests.fakes.voting_house import MemoryLog, VotingHouse, play

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


def counted(phase: str, outcome: str) -> float:
    labels = {"protocol": "100", "phase": phase, "outcome": outcome}
    return REGISTRY.get_sample_value("chrono_ftso_submissions_total", labels) or 0.0


def test_what_the_system_client_sent_is_counted_as_sent() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id + 1, 1)
        kinds = [(phase, outcome) for phase in ("submit1", "submit2") for outcome in ("ok", "missing")]
        before = [counted(*kind) for kind in kinds]
        await house.until(round_id + 1, 75)
        await send(house, SUBMIT1, await hand(house, SUBMIT1, round_id + 1))
        await house.until(round_id + 2, 20)
        await send(house, SUBMIT2, await hand(house, SUBMIT2, round_id + 1))
        await house.until(round_id + 3, 1)
        after = [counted(*kind) for kind in kinds]
        # `round_id` itself was over meanwhile too, and nothing was asked for it.
        assert [late - early for late, early in zip(after, before, strict=True)] == [1, 1, 1, 1]

    play(scenario)


async def committed(house: VotingHouse, round_id: int) -> None:
    """A round of which the system client has sent the commit and the reveal."""
    await house.until(round_id, 75)
    await send(house, SUBMIT1, await hand(house, SUBMIT1, round_id))
    await house.until(round_id + 1, 20)
    await send(house, SUBMIT2, await hand(house, SUBMIT2, round_id))


def journal_of(house: VotingHouse) -> Journal:
    assert house.provider is not None
    assert house.provider._work is not None
    return house.provider._work.journal


def test_another_result_than_the_bound_one_is_never_handed_out() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await committed(house, round_id)
        journal_of(house).bind(FTSO, round_id, b"\x07" * 32)
        await house.until(round_id + 1, 58)
        refused = await hand(house, SIGNATURES, round_id)
        assert (refused.status, refused.data) == (Status.EMPTY, b"")

    play(scenario)


def test_a_result_that_cannot_be_bound_is_handed_out_when_the_disk_takes_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await committed(house, round_id)
        await house.until(round_id + 1, 50)
        house.log.full = True
        refused = await hand(house, SIGNATURES, round_id)
        assert (refused.status, refused.data, refused.reason) == (Status.RETRY, b"", JOURNAL_BROKEN)
        assert journal_of(house).bound(FTSO, round_id) is None
        house.log.full = False
        await house.until(round_id + 1, 60)
        assert (await hand(house, SIGNATURES, round_id)).status is Status.OK

    play(scenario)


def test_after_a_lost_journal_neither_a_result_nor_a_commit_is_handed_out() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await committed(house, round_id)
        await house.kill()
        house.log = MemoryLog()
        house.start()
        await house.until(round_id + 1, 58)
        result = await hand(house, SIGNATURES, round_id)
        assert (result.status, result.reason) == (Status.RETRY, UNKNOWN_SUBMISSION)
        await house.until(round_id + 1, 75)
        commit = await hand(house, SUBMIT1, round_id + 1)
        assert (commit.status, commit.reason) == (Status.RETRY, UNKNOWN_SUBMISSION)

    play(scenario)


async def half_given(house: VotingHouse, round_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is on disk, while that it was given is not: so it was not."""

    def refuse(*_: object) -> None:
        raise ChronoError(JOURNAL_BROKEN, cause="the test's disk is full")

    await house.until(round_id, 75)
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "hand_out", refuse)
        with pytest.raises(ChronoError):
            await hand(house, SUBMIT1, round_id)
    assert journal_of(house).committed(round_id) is not None


def test_a_commit_that_was_not_given_in_time_is_not_given_late_and_has_no_reveal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await half_given(house, round_id, monkeypatch)
        await house.until(round_id, 86)
        assert (await hand(house, SUBMIT1, round_id)).status is Status.EMPTY
        await house.until(round_id + 1, 20)
        assert (await hand(house, SUBMIT2, round_id)).status is Status.EMPTY

    play(scenario)


def test_while_stopping_what_was_given_is_given_again_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        given = await hand(house, SUBMIT1, round_id)
        assert house.provider is not None
        assert house.provider._work is not None
        house.provider._work.rounds.stopping = True
        assert await hand(house, SUBMIT1, round_id) == given
        house.provider._work.rounds.stopping = False
        await half_given(house, round_id + 1, monkeypatch)
        house.provider._work.rounds.stopping = True
        refused = await hand(house, SUBMIT1, round_id + 1)
        assert (refused.status, refused.data, refused.reason) == (Status.RETRY, b"", STOPPING)

    play(scenario)


def test_a_reveal_is_asked_for_by_the_address_of_its_commit_whoever_submits_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = seated(clock)
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        await hand(house, SUBMIT1, round_id)
        membership = RewardEpochFacts.membership

        def turned(self: RewardEpochFacts, identity: Address) -> Membership | None:
            member = membership(self, identity)
            return None if member is None else replace(member, submit=Address(b"\x11" * 20))

        monkeypatch.setattr(RewardEpochFacts, "membership", turned)
        await house.until(round_id + 1, 20)
        assert (await hand(house, SUBMIT2, round_id)).status is Status.OK
        assert house.provider is not None
        with pytest.raises(ChronoError) as raised:
            await house.provider.hand(SUBMIT2, round_id, Address(b"\x11" * 20))
        assert raised.value.reason is NOT_OUR_ADDRESS

    play(scenario)
