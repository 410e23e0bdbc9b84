"""What the contracts were deployed with, network by network, against our table of networks."""

import pytest

from chrono.flare import weights
from chrono.flare.frames import FDC, FTSO
from chrono.flare.networks import NETWORKS, AtLeast, Network
from chrono.flare.signing_policy import RAISED_THRESHOLD_BIPS
from tests.fakes.chain_records import needs_chain, record

pytestmark = needs_chain


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_our_table_says_what_was_deployed(network: Network) -> None:
    deployed = record(f"chain/systems_deployment_{network.name}.json")
    timing, cycle = network.timing, network.cycle
    ours = {
        "rewardManagerId": network.chain_id,
        "firstVotingRoundStartTs": timing.first_start_s,
        "votingEpochDurationSeconds": timing.epoch_s,
        "firstRewardEpochStartVotingRoundId": timing.first_reward_epoch_round,
        "rewardEpochDurationInVotingEpochs": timing.rounds_per_reward_epoch,
        "relayThresholdIncreaseBIPS": RAISED_THRESHOLD_BIPS,
        "messageFinalizationWindowInRewardEpochs": network.finalisation_reward_epochs,
        "signingPolicyThresholdPPM": weights.THRESHOLD_PPM,
        "signingPolicyMinNumberOfVoters": cycle.fewest_voters,
        "maxVotersPerRewardEpoch": cycle.most_voters,
        "wNatCapPPM": weights.WNAT_CAP_PPM,
        "signingPolicySignNoRewardsDurationBlocks": cycle.policy_signing_unrewarded_blocks,
        "rewardExpiryOffsetSeconds": network.claim_expiry_s,
        "maxNodeIdsPerEntity": network.most_nodes,
        "feePercentageUpdateOffset": network.fee_delay_reward_epochs,
        "defaultFeePercentageBIPS": network.default_fee_bips,
        "ftsoProtocolId": FTSO,
        "fdcProtocolId": FDC,
        "submissionWindowBlocks": network.fast_update_window_blocks,
    }
    assert ours == {name: deployed[name] for name in ours}
    # incentiveOfferDurationBlocks is left out: it was 8 when the contracts were deployed, and was raised since.


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_phases_of_a_reward_epoch_last_as_long_as_deployed(network: Network) -> None:
    deployed = record(f"chain/systems_deployment_{network.name}.json")

    def both(seconds: str, blocks: str) -> AtLeast:
        return AtLeast(deployed[seconds], deployed[blocks])

    cycle = network.cycle
    assert cycle.registration == both("voterRegistrationMinDurationSeconds", "voterRegistrationMinDurationBlocks")
    assert cycle.uptime_vote == both("submitUptimeVoteMinDurationSeconds", "submitUptimeVoteMinDurationBlocks")
    assert cycle.random_acquisition_most == both(
        "randomAcquisitionMaxDurationSeconds", "randomAcquisitionMaxDurationBlocks"
    )
    assert cycle.policy_signing_unpunished == both(
        "signingPolicySignNonPunishableDurationSeconds", "signingPolicySignNonPunishableDurationBlocks"
    )
