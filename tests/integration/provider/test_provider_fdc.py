"""A sub-protocol travels with us: joined when it is in time, alone when it is late, and never at our cost."""

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, decode_calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.units import COIN_WEI
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.actions import Fetched
from chrono_core import keccak256
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES
BIT_VOTE = bytes.fromhex("0003") + b"\x05"


class Fdc:
    """An fdc-client. `late_s` is how long it thinks, by function; None: for ever."""

    protocol_id = FDC

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.late_s: dict[SubmissionFunction, float | None] = {}
        self.asked: list[tuple[SubmissionFunction, int, Address]] = []

    def message(self, round_id: int) -> ProtocolMessage:
        return ProtocolMessage(FDC, round_id, False, keccak256(b"attestations of %d" % round_id))

    async def fetch(self, function: SubmissionFunction, round_id: int, sender: Address) -> Fetched:
        self.asked.append((function, round_id, sender))
        late_s = self.late_s.get(function, 0.0)
        await self.clock.sleep(1e6 if late_s is None else late_s)
        if function is SIGNATURES:
            return Fetched(data=self.message(round_id).encode(), additional=BIT_VOTE)
        payload = b"" if function is SUBMIT1 else BIT_VOTE
        return Fetched(data=bytes(Frame(FDC, round_id, payload)))


def calls(house: VotingHouse, function: SubmissionFunction, round_id: int) -> list[list[int]]:
    """The protocols in each call of ours on chain that is about a round."""
    found = []
    for block in house.flare.chain.blocks:
        for signed, sender, _ in block.mined:
            ours = sender in (house.entity.submit, house.entity.submit_signatures)
            if ours and signed.transaction.data[:4] == function.value:
                frames = decode_calldata(signed.transaction.data)[1]
                if frames[0].voting_round_id == round_id:
                    found.append([frame.protocol_id for frame in frames])
    return found


async def house_with(clock: VirtualClock, fdc: Fdc) -> tuple[VotingHouse, int]:
    house = VotingHouse(clock, protocols=[fdc], stake_wei=1_000_000_000 * COIN_WEI)
    house.start()
    return house, house.round_now().id + 1


def test_the_parts_of_both_protocols_share_a_transaction_and_both_are_finalised() -> None:
    async def scenario(clock: VirtualClock) -> None:
        fdc = Fdc(clock)
        house, round_id = await house_with(clock, fdc)
        await house.until(round_id + 2)
        for function in (SUBMIT1, SUBMIT2, SIGNATURES):
            assert calls(house, function, round_id) == [[FTSO, FDC]], function
        (signature,) = house.sent(SIGNATURES, round_id, FDC)
        payload = SignaturePayload.decode(signature)
        assert payload.signer(fdc.message(round_id)) == house.entity.signing_policy
        assert payload.unsigned_message == BIT_VOTE
        assert house.finalised(round_id)
        assert house.flare.deployment.relays.final(FDC, round_id) == fdc.message(round_id)

    play(scenario)


def test_a_late_protocol_goes_alone_and_our_reveal_does_not_wait_for_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        fdc = Fdc(clock)
        fdc.late_s = {SUBMIT2: 10.0}
        house, round_id = await house_with(clock, fdc)
        await house.until(round_id + 1, 20)
        assert calls(house, SUBMIT2, round_id) == [[FTSO]]
        await house.until(round_id + 2)
        assert calls(house, SUBMIT2, round_id) == [[FTSO], [FDC]]

    play(scenario)


def test_a_dead_protocol_costs_us_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        fdc = Fdc(clock)
        fdc.late_s = dict.fromkeys((SUBMIT1, SUBMIT2, SIGNATURES))
        house, round_id = await house_with(clock, fdc)
        await house.until(round_id + 3)
        for each in (round_id, round_id + 1):
            for function in (SUBMIT1, SUBMIT2, SIGNATURES):
                assert calls(house, function, each) == [[FTSO]]
            report = house.reports.round(each)
            assert report is not None
            assert all(sent.margin_ms is not None and sent.margin_ms > 0 for sent in report.transactions)

    play(scenario)


def test_a_bit_vote_that_left_makes_its_signature_owed_across_a_restart() -> None:
    async def scenario(clock: VirtualClock) -> None:
        fdc = Fdc(clock)
        house, round_id = await house_with(clock, fdc)
        await house.until(round_id + 1, 35)
        assert calls(house, SUBMIT2, round_id) == [[FTSO, FDC]]
        await house.kill()
        await clock.sleep_until(clock.now_ns() + 5 * SECOND_NS)
        provider = house.start()
        await house.until(round_id + 1, 42)
        owed = {(owed.protocol_id, owed.function) for owed in provider.owed if owed.round_id == round_id}
        assert (FDC, SIGNATURES) in owed
        await house.until(round_id + 2)
        assert len(house.sent(SIGNATURES, round_id, FDC)) == 1

    play(scenario)
