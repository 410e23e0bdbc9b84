// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// How time is counted; given at deployment, so that a local chain may have short epochs.
struct Calendar {
    uint32 firstVotingRoundStartTs;
    uint8 votingEpochDurationSeconds;
    uint32 firstRewardEpochStartVotingRoundId;
    uint16 rewardEpochDurationInVotingEpochs;
}

/// What lasts how long before and after a reward epoch begins, and how many are needed.
struct Durations {
    uint16 randomAcquisitionMaxDurationSeconds;
    uint16 randomAcquisitionMaxDurationBlocks;
    uint16 newSigningPolicyInitializationStartSeconds;
    uint8 newSigningPolicyMinNumberOfVotingRoundsDelay;
    uint16 voterRegistrationMinDurationSeconds;
    uint16 voterRegistrationMinDurationBlocks;
    uint16 submitUptimeVoteMinDurationSeconds;
    uint16 submitUptimeVoteMinDurationBlocks;
    uint24 signingPolicyThresholdPPM;
    uint16 signingPolicyMinNumberOfVoters;
}
