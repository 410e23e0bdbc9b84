// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Calendar, Durations} from "./Calendar.sol";
import {FtsoRewardOffersManager} from "./FtsoRewardOffersManager.sol";
import {Relay} from "./Relay.sol";
import {Resident} from "./Resident.sol";
import {Signature} from "./Signed.sol";
import {SigningDuties} from "./SigningDuties.sol";
import {Submission} from "./Submission.sol";
import {VoterPreRegistry} from "./VoterPreRegistry.sol";
import {VoterRegistry} from "./VoterRegistry.sol";

/// Turns voting rounds and reward epochs. On Flare the node calls `daemonize` in every block; here the daemon's account.
contract FlareSystemsManager is SigningDuties {
    address public immutable daemon;
    uint64 public immutable firstVotingRoundStartTs;
    uint64 public immutable votingEpochDurationSeconds;
    uint64 public immutable firstRewardEpochStartTs;
    uint64 public immutable rewardEpochDurationSeconds;

    Durations public durations;
    uint64 public currentRewardEpochExpectedEndTs;
    uint32 public lastInitializedVotingRoundId;
    uint24 private currentRewardEpochId;
    uint24 private lastUptimeEpoch;

    event RandomAcquisitionStarted(uint24 indexed rewardEpochId, uint64 timestamp);
    event VotePowerBlockSelected(uint24 indexed rewardEpochId, uint64 votePowerBlock, uint64 timestamp);
    event RewardEpochStarted(uint24 indexed rewardEpochId, uint32 startVotingRoundId, uint64 timestamp);
    event SignUptimeVoteEnabled(uint24 indexed rewardEpochId, uint64 timestamp);
    event TriggeringVoterRegistrationFailed(uint24 indexed rewardEpochId);

    constructor(
        address place,
        address daemon_,
        Calendar memory calendar,
        Durations memory durations_,
        uint24 initialRewardEpochId,
        uint16 initialThreshold
    ) Resident(place) {
        daemon = daemon_;
        durations = durations_;
        firstVotingRoundStartTs = calendar.firstVotingRoundStartTs;
        votingEpochDurationSeconds = calendar.votingEpochDurationSeconds;
        firstRewardEpochStartTs = uint64(calendar.firstVotingRoundStartTs)
            + uint64(calendar.firstRewardEpochStartVotingRoundId) * calendar.votingEpochDurationSeconds;
        rewardEpochDurationSeconds =
            uint64(calendar.rewardEpochDurationInVotingEpochs) * calendar.votingEpochDurationSeconds;
        currentRewardEpochExpectedEndTs =
            firstRewardEpochStartTs + (uint64(initialRewardEpochId) + 1) * rewardEpochDurationSeconds;
        currentRewardEpochId = initialRewardEpochId;
        lastUptimeEpoch = initialRewardEpochId;
        epochs[initialRewardEpochId].threshold = initialThreshold;
    }

    /// Begins the initial reward epoch: told once, when all contracts are in the registry.
    function begin() external onlyOwner {
        require(epochs[currentRewardEpochId].startTs == 0, "already begun");
        lastInitializedVotingRoundId = getCurrentVotingEpochId();
        _start(currentRewardEpochId);
    }

    /// As governance may: an epoch is extended, for example, by asking for more voters than there are.
    function updateSettings(Durations calldata durations_) external onlyOwner {
        durations = durations_;
    }

    function daemonize() external returns (bool) {
        require(msg.sender == daemon, "only flare daemon");
        uint24 before = currentRewardEpochId;
        uint24 next = before + 1;
        if (block.timestamp + durations.newSigningPolicyInitializationStartSeconds >= currentRewardEpochExpectedEndTs) {
            if (_relay().toSigningPolicyHash(next) == 0) _prepare(next);
            if (_isTimeFor(next)) {
                currentRewardEpochId = next;
                currentRewardEpochExpectedEndTs += rewardEpochDurationSeconds;
                _start(next);
            }
        }
        if (getCurrentVotingEpochId() > lastInitializedVotingRoundId) _openRound(before);
        _enableUptimeVote();
        return true;
    }

    function getVoterRegistrationData(uint256 rewardEpochId)
        external
        view
        returns (uint256 votePowerBlock, bool enabled)
    {
        return (epochs[rewardEpochId].votePowerBlock, _isRegistrationOpen(rewardEpochId));
    }

    function isVoterRegistrationEnabled() external view returns (bool) {
        return _isRegistrationOpen(currentRewardEpochId + 1);
    }

    function getCurrentRewardEpochId() public view override returns (uint24) {
        return currentRewardEpochId;
    }

    function getCurrentVotingEpochId() public view returns (uint32) {
        return uint32((block.timestamp - firstVotingRoundStartTs) / votingEpochDurationSeconds);
    }

    /// One step on the way to the next policy: random number, vote power block, registration, policy.
    function _prepare(uint24 next) private {
        Epoch storage epoch = epochs[next];
        if (epoch.randomStartTs == 0) {
            epoch.randomStartTs = uint64(block.timestamp);
            epoch.randomStartBlock = uint64(block.number);
            _voters().setNewSigningPolicyInitializationStartBlockNumber(next);
            emit RandomAcquisitionStarted(next, uint64(block.timestamp));
        } else if (epoch.randomEndTs == 0) {
            _acquireRandom(next, epoch);
        } else if (!_isRegistrationOpen(next)) {
            _initialisePolicy(next, epoch);
        }
    }

    function _acquireRandom(uint24 next, Epoch storage epoch) private {
        (uint256 random, bool isSecure, uint256 randomTs) = _relay().getRandomNumber();
        Epoch storage present = epochs[next - 1];
        if (randomTs > epoch.randomStartTs && isSecure) {
            epoch.votePowerBlock = _votePowerBlock(present, epoch, random);
        } else if (
            block.number > epoch.randomStartBlock + durations.randomAcquisitionMaxDurationBlocks
                && block.timestamp > epoch.randomStartTs + durations.randomAcquisitionMaxDurationSeconds
        ) {
            // The same voters and seed once more; before there were any, a random number that is not secure must do.
            epoch.votePowerBlock = present.votePowerBlock;
            if (present.votePowerBlock == 0) epoch.votePowerBlock = _votePowerBlock(present, epoch, random);
            else random = present.seed;
        } else {
            return;
        }
        epoch.seed = random;
        epoch.randomEndTs = uint64(block.timestamp);
        epoch.randomEndBlock = uint64(block.number);
        emit VotePowerBlockSelected(next, epoch.votePowerBlock, uint64(block.timestamp));
        try VoterPreRegistry(neighbour("VoterPreRegistry")).triggerVoterRegistration(next) {}
        catch {
            emit TriggeringVoterRegistrationFailed(next);
        }
    }

    /// A block of the time between the two last acquisitions, the later one's own included.
    function _votePowerBlock(Epoch storage present, Epoch storage epoch, uint256 random)
        private
        view
        returns (uint64)
    {
        uint64 last = epoch.randomStartBlock;
        uint64 count = present.randomStartBlock == 0 ? 1 : last - present.randomStartBlock;
        return last - uint64(random % count);
    }

    function _isRegistrationOpen(uint256 rewardEpochId) private view returns (bool) {
        Epoch storage epoch = epochs[rewardEpochId];
        if (epoch.randomEndTs == 0) return false;
        return block.timestamp <= epoch.randomEndTs + durations.voterRegistrationMinDurationSeconds
            || block.number <= epoch.randomEndBlock + durations.voterRegistrationMinDurationBlocks
            || _voters().getNumberOfRegisteredVoters(rewardEpochId) < durations.signingPolicyMinNumberOfVoters;
    }

    function _initialisePolicy(uint24 next, Epoch storage epoch) private {
        epoch.policyStartTs = uint64(block.timestamp);
        epoch.policyStartBlock = uint64(block.number);
        uint32 expected =
            uint32((currentRewardEpochExpectedEndTs - firstVotingRoundStartTs) / votingEpochDurationSeconds);
        uint32 soonest = getCurrentVotingEpochId() + durations.newSigningPolicyMinNumberOfVotingRoundsDelay + 1;
        epoch.startVotingRoundId = expected < soonest ? soonest : expected;
        (address[] memory signers, uint16[] memory weights, uint16 sum) = _voters().createSigningPolicySnapshot(next);
        epoch.threshold = uint16((uint256(sum) * durations.signingPolicyThresholdPPM + 999_999) / 1_000_000);
        _relay().setSigningPolicy(
            Relay.SigningPolicy(next, epoch.startVotingRoundId, epoch.threshold, epoch.seed, signers, weights)
        );
    }

    function _isTimeFor(uint24 next) private view returns (bool) {
        return block.timestamp >= currentRewardEpochExpectedEndTs && _relay().toSigningPolicyHash(next) != 0
            && getCurrentVotingEpochId() >= epochs[next].startVotingRoundId;
    }

    function _start(uint24 rewardEpochId) private {
        Epoch storage epoch = epochs[rewardEpochId];
        epoch.startTs = uint64(block.timestamp);
        epoch.startBlock = uint64(block.number);
        emit RewardEpochStarted(rewardEpochId, epoch.startVotingRoundId, uint64(block.timestamp));
        FtsoRewardOffersManager(neighbour("FtsoRewardOffersManager")).triggerRewardEpochSwitchover(
            rewardEpochId, currentRewardEpochExpectedEndTs, rewardEpochDurationSeconds
        );
    }

    /// Commits belong to the reward epoch that is now, reveals and signatures to the one that was when they began.
    function _openRound(uint24 before) private {
        lastInitializedVotingRoundId = getCurrentVotingEpochId();
        VoterRegistry voters = _voters();
        address[] memory revealing = voters.getRegisteredSubmitAddresses(before);
        address[] memory committing =
            before == currentRewardEpochId ? revealing : voters.getRegisteredSubmitAddresses(currentRewardEpochId);
        Submission(neighbour("Submission")).initNewVotingRound(
            committing, revealing, committing, voters.getRegisteredSubmitSignaturesAddresses(before)
        );
    }

    function _enableUptimeVote() private {
        uint24 over = lastUptimeEpoch + 1;
        if (over >= currentRewardEpochId) return;
        Epoch storage following = epochs[over + 1];
        if (block.timestamp <= following.startTs + durations.submitUptimeVoteMinDurationSeconds) return;
        if (block.number <= following.startBlock + durations.submitUptimeVoteMinDurationBlocks) return;
        lastUptimeEpoch = over;
        epochs[over].uptimeStartTs = uint64(block.timestamp);
        emit SignUptimeVoteEnabled(over, uint64(block.timestamp));
    }

    function _relay() private view returns (Relay) {
        return Relay(neighbour("Relay"));
    }
}
