"""What the simulated contracts demand: each refusal in the words of the real ones, and what is taken back."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.events import (
    RandomAcquisitionStarted,
    RewardEpochStarted,
    RewardsSigned,
    SigningPolicyInitialized,
    SignUptimeVoteEnabled,
    UptimeVoteSigned,
    VotePowerBlockSelected,
    VoterRegistered,
    VoterRegistrationInfo,
    VoterRemoved,
)
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.frames import FTSO
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import IndexedSignature, Relay
from chrono.flare.signatures import eth_signed, sign
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.system_messages import UPTIME_VOTE_HASH, uptime_message
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.rules import SimulationRules
from chrono.simulation.flare.voter import send
from tests.fakes.simulated_flare import START_S, STRANGER, HandDriven, spelled

REGISTRATION_OPEN_S = 60


@pytest.fixture
def driven() -> HandDriven:
    made = HandDriven(seed=11)
    made.flare.begin()
    return made


def opened(driven: HandDriven) -> None:
    """Until registration for reward epoch 2 is open."""
    while not driven.deployment.manager.registration(2)[1]:
        driven.pass_s(5)


def policy_of(driven: HandDriven, epoch: int = 1) -> SigningPolicy:
    found = driven.deployment.relays.policy(epoch)
    assert found is not None
    return found


def relay_of(driven: HandDriven, signers: Sequence[int], round_id: int, policy: SigningPolicy | None = None) -> bytes:
    """A relay of some message, signed by these voters of the policy."""
    made = policy or policy_of(driven)
    message = ProtocolMessage(FTSO, round_id, False, bytes(31) + b"\x07")
    keys = {voter.entity.signing_policy: voter.keys for voter in driven.flare.voters}
    signatures = [
        IndexedSignature(place, sign(message.digest(), keys[policy_of(driven).voters[place]].signing_policy))
        for place in signers
    ]
    return Relay(made, message, tuple(signatures)).calldata()


class TestRelay:
    def test_takes_more_weight_than_the_threshold(self, driven: HandDriven) -> None:
        data = relay_of(driven, [0, 1, 3], 21)
        assert driven.said("Relay", data) == ""
        assert driven.bring(STRANGER, "Relay", data)
        assert driven.final(21) is not None

    def test_refuses_weight_equal_to_the_threshold(self, driven: HandDriven) -> None:
        # Four voters of 16383: the threshold is 32766, which is what two of them have.
        assert policy_of(driven).threshold == sum(policy_of(driven).weights[:2])
        assert driven.said("Relay", relay_of(driven, [0, 1], 21)) == "Not enough weight"

    def test_refuses_signatures_out_of_order(self, driven: HandDriven) -> None:
        assert driven.said("Relay", relay_of(driven, [1, 0, 2], 21)) == "Index out of order"

    def test_refuses_another_policy(self, driven: HandDriven) -> None:
        other = replace(policy_of(driven), threshold=1)
        assert driven.said("Relay", relay_of(driven, [0, 1, 2], 21, other)) == "Signing policy hash mismatch"

    def test_refuses_a_round_twice(self, driven: HandDriven) -> None:
        data = relay_of(driven, [0, 1, 2], 21)
        assert driven.bring(STRANGER, "Relay", data)
        assert driven.said("Relay", data) == "Already relayed"
        assert not driven.bring(STRANGER, "Relay", data)

    def test_refuses_a_round_before_its_policy(self, driven: HandDriven) -> None:
        assert driven.said("Relay", relay_of(driven, [0, 1, 2], 12)) == "Wrong sign policy reward epoch"


class TestRegistration:
    def test_is_not_available_before_random_acquisition(self, driven: HandDriven) -> None:
        voter = driven.flare.voters[0]
        data = driven.registration(voter.keys, voter.entity)
        assert driven.said("VoterRegistry", data) == "registration not available yet"

    def test_is_closed_once_the_policy_is_made(self, driven: HandDriven) -> None:
        while driven.deployment.relays.newest < 2:
            driven.pass_s(5)
        stranger = STRANGER.entity()
        driven.flare.join(stranger, carried=False)
        assert driven.said("VoterRegistry", driven.registration(STRANGER, stranger)) != ""

    def test_refuses_a_second_one(self, driven: HandDriven) -> None:
        opened(driven)
        voter = driven.flare.voters[0]
        assert voter.entity.identity in driven.deployment.registrations.voters(2)
        assert driven.said("VoterRegistry", driven.registration(voter.keys, voter.entity)) == "already registered"

    def test_refuses_another_signer(self, driven: HandDriven) -> None:
        opened(driven)
        data = driven.registration(STRANGER, driven.flare.voters[0].entity)
        assert driven.said("VoterRegistry", data) == "invalid signature"

    def test_takes_a_newcomer_who_joined_before(self, driven: HandDriven) -> None:
        newcomer = Keyring.of("newcomer")
        driven.flare.join(newcomer.entity(), carried=False)
        opened(driven)
        data = driven.registration(newcomer, newcomer.entity())
        assert driven.bring(newcomer, "VoterRegistry", data)
        assert newcomer.entity().identity in driven.deployment.registrations.voters(2)

    def test_looks_at_the_addresses_of_the_block_in_which_random_acquisition_began(self, driven: HandDriven) -> None:
        newcomer = Keyring.of("newcomer")
        opened(driven)
        driven.flare.join(newcomer.entity(), carried=False)
        said = driven.said("VoterRegistry", driven.registration(newcomer, newcomer.entity()))
        assert said == "signing policy address not set"

    @pytest.mark.parametrize(
        ("missing", "reason"),
        [
            ("signing_policy", "signing policy address not set"),
            ("submit", "submit address not set"),
            ("submit_signatures", "submit signatures address not set"),
            ("delegation", "delegation address not set"),
        ],
    )
    def test_needs_every_address(self, driven: HandDriven, missing: str, reason: str) -> None:
        newcomer = Keyring.of("newcomer")
        entity = newcomer.entity()
        driven.flare.join(replace(entity, **{missing: entity.identity}), carried=False)
        opened(driven)
        assert driven.said("VoterRegistry", driven.registration(newcomer, entity)) == reason

    def test_needs_weight(self, driven: HandDriven) -> None:
        newcomer = Keyring.of("newcomer")
        driven.flare.join(newcomer.entity(wnat_wei=0), carried=False)
        opened(driven)
        assert driven.said("VoterRegistry", driven.registration(newcomer, newcomer.entity())) == "voter weight zero"

    def test_of_a_full_list_the_lightest_makes_room_for_the_heavier_only(self) -> None:
        network = network_at(START_S * 10**9)
        rules = replace(SimulationRules.of(network), most_voters=4)
        driven = HandDriven(seed=12, network=network, rules=rules)
        driven.flare.begin()
        light, heavy = Keyring.of("light"), Keyring.of("heavy")
        driven.flare.join(light.entity(wnat_wei=COIN_WEI), carried=False)
        driven.flare.join(heavy.entity(stake_wei=10**8 * COIN_WEI), carried=False)
        opened(driven)
        driven.pass_s(10)
        before = list(driven.deployment.registrations.voters(2))
        assert driven.said("VoterRegistry", driven.registration(light, light.entity())) == "vote power too low"
        assert driven.bring(heavy, "VoterRegistry", driven.registration(heavy, heavy.entity()))
        assert list(driven.deployment.registrations.voters(2)) == [*before[:3], heavy.entity().identity]
        assert VoterRemoved(before[3], 2) in driven.events()

    def test_an_evicted_voter_is_told_of_and_gone(self, driven: HandDriven) -> None:
        opened(driven)
        victim = driven.flare.voters[1].entity.identity
        driven.flare.evict(victim)
        assert victim not in driven.deployment.registrations.voters(2)
        driven.pass_s(15)
        assert VoterRemoved(victim, 2) in driven.events()

    def test_both_generations_tell_their_own_events(self, driven: HandDriven) -> None:
        driven.until_round(41)
        driven.flare.redeploy(Generation.FIRST)
        moved = driven.flare.addresses["VoterRegistry"]
        driven.until_round(61)
        told = [each for each in driven.events() if isinstance(each, VoterRegistered | VoterRegistrationInfo)]
        generations = {(type(each), each.reward_epoch_id): each.generation for each in told}
        for kind in (VoterRegistered, VoterRegistrationInfo):
            assert generations[kind, 2] is Generation.SECOND
            assert generations[kind, 3] is Generation.FIRST
        assert {log.address for block in driven.chain.blocks for log in block.logs} >= {moved}


class TestPreregistration:
    def test_is_for_present_voters_only(self, driven: HandDriven) -> None:
        driven.flare.join(STRANGER.entity(), carried=False)
        data = driven.registration(STRANGER, STRANGER.entity(), preregister=True)
        assert driven.said("VoterPreRegistry", data) == "voter currently not registered"

    def test_refuses_another_signer(self, driven: HandDriven) -> None:
        data = driven.registration(STRANGER, driven.flare.voters[0].entity, preregister=True)
        assert driven.said("VoterPreRegistry", data) == "invalid signature"

    def test_ends_with_the_vote_power_block(self, driven: HandDriven) -> None:
        opened(driven)
        voter = driven.flare.voters[0]
        data = driven.registration(voter.keys, voter.entity, preregister=True)
        assert driven.said("VoterPreRegistry", data) == "pre-registration not opened anymore"

    def test_may_be_repeated_in_the_second_generation_only(self, driven: HandDriven) -> None:
        voter = driven.flare.voters[0]
        assert driven.bring(
            voter.keys, "VoterPreRegistry", driven.registration(voter.keys, voter.entity, preregister=True)
        )
        assert driven.said("VoterPreRegistry", driven.registration(voter.keys, voter.entity, preregister=True)) == ""
        driven.flare.redeploy(Generation.FIRST)
        again = driven.said("VoterPreRegistry", driven.registration(voter.keys, voter.entity, preregister=True))
        assert again == "voter already pre-registered"


class TestRewardEpochs:
    def test_turn_by_the_calendar_with_every_event_in_its_place(self, driven: HandDriven) -> None:
        driven.until_round(45)
        told = driven.events()
        of_two = [
            type(each)
            for each in told
            if getattr(each, "reward_epoch_id", None) == 2
            and isinstance(each, RandomAcquisitionStarted | VotePowerBlockSelected | RewardEpochStarted)
        ]
        assert of_two == [RandomAcquisitionStarted, VotePowerBlockSelected, RewardEpochStarted]
        started = next(each for each in told if isinstance(each, RewardEpochStarted) and each.reward_epoch_id == 2)
        assert started.start_voting_round_id == 40

    def test_a_delayed_policy_starts_four_rounds_after_it_is_made_and_raises_the_threshold_until_then(
        self, driven: HandDriven
    ) -> None:
        driven.flare.hold_policy(43)
        driven.until_round(43, 20)
        policies = [each.policy for each in driven.events() if isinstance(each, SigningPolicyInitialized)]
        assert [(each.reward_epoch_id, each.start_voting_round_id) for each in policies] == [(1, 20), (2, 47)]
        driven.until_round(46, 60)
        assert driven.final(41) is not None
        ruling = driven.deployment.ruling(41)
        assert ruling is not None
        assert ruling.policy.reward_epoch_id == 1
        driven.until_round(50)
        assert all(driven.final(round_id) is not None for round_id in range(41, 48))

    def test_while_it_is_late_two_thirds_of_the_weight_are_no_longer_enough(self, driven: HandDriven) -> None:
        driven.flare.hold_policy(45)
        driven.until_round(43)
        ruling = driven.deployment.ruling(42)
        assert ruling is not None
        assert ruling.threshold == policy_of(driven).threshold * 12_000 // 10_000

    def test_policy_uptime_and_rewards_are_signed(self, driven: HandDriven) -> None:
        driven.until_round(60)
        told = driven.events()
        assert driven.deployment.manager.state(2).policy_signed
        for kind in (SignUptimeVoteEnabled, UptimeVoteSigned, RewardsSigned):
            assert any(isinstance(each, kind) and each.reward_epoch_id == 1 for each in told)
        assert any(isinstance(each, RewardsSigned) and each.threshold_reached for each in told)

    def test_an_uptime_vote_before_its_time_is_refused(self, driven: HandDriven) -> None:
        voter = driven.flare.voters[0]
        signature = spelled(sign(eth_signed(uptime_message(1)), voter.keys.signing_policy))
        data = FUNCTION_BY_NAME["signUptimeVote"].encode(1, UPTIME_VOTE_HASH, signature)
        assert driven.said("FlareSystemsManager", data) == "epoch not ended yet"
        driven.until_round(40, 12)
        assert driven.said("FlareSystemsManager", data) == "sign uptime vote not started yet"

    def test_nobody_signs_twice(self, driven: HandDriven) -> None:
        while driven.deployment.relays.newest < 2:
            driven.pass_s(1)
        voter = driven.flare.voters[0]
        policy_hash = policy_of(driven, 2).hash()
        signature = spelled(sign(eth_signed(policy_hash), voter.keys.signing_policy))
        data = FUNCTION_BY_NAME["signNewSigningPolicy"].encode(2, policy_hash, signature)
        driven.pass_s(10)
        said = driven.said("FlareSystemsManager", data)
        assert said in ("voter already signed", "new signing policy already signed")


class TestChain:
    def test_what_a_reorg_takes_back_the_contracts_forget_too(self, driven: HandDriven) -> None:
        assert driven.bring(STRANGER, "Relay", relay_of(driven, [0, 1, 2], 21))
        assert driven.final(21) is not None
        driven.chain.reorg(2, forget=True)
        assert driven.final(21) is None

    def test_the_first_call_of_a_round_is_refunded_and_the_second_is_not(self, driven: HandDriven) -> None:
        voter = driven.flare.voters[0]
        driven.flare.offend(voter, driven.round + 1, Offence.SILENT)
        driven.until_round(driven.round + 1, 20)
        paid = []
        for _ in range(2):
            before = driven.chain.balance(voter.entity.submit)
            data = bytes.fromhex("6c532fae")
            send(driven.chain, voter.keys.submit, voter.entity.submit, driven.chain.submission, data)
            driven.pass_s(2)
            paid.append(before - driven.chain.balance(voter.entity.submit))
        assert paid[0] == 21_000 * 25 * 10**9
        assert paid[1] > paid[0]

    def test_a_stranger_is_not_refunded(self, driven: HandDriven) -> None:
        assert driven.bring(STRANGER, "Submission", bytes.fromhex("6c532fae"))
        spent = 10**24 - driven.chain.balance(Address(STRANGER.entity().signing_policy))
        assert spent > 21_000 * 25 * 10**9
