// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Resident} from "./Resident.sol";
import {Relay} from "./Relay.sol";
import {Signature, Signed} from "./Signed.sol";
import {VoterRegistry} from "./VoterRegistry.sol";

/// What voters sign once in a reward epoch: the next policy, the uptime vote, the rewards. More than the threshold
/// settles each.
abstract contract SigningDuties is Resident {
    struct Epoch {
        uint64 randomStartTs;
        uint64 randomStartBlock;
        uint64 randomEndTs;
        uint64 randomEndBlock;
        uint64 policyStartTs;
        uint64 policyStartBlock;
        uint64 policyEndTs;
        uint64 policyEndBlock;
        uint64 startTs;
        uint64 startBlock;
        uint64 uptimeStartTs;
        uint64 votePowerBlock;
        uint32 startVotingRoundId;
        uint16 threshold;
        uint256 seed;
    }

    struct Ballot {
        uint256 weight;
        mapping(address voter => uint64) signedTs;
        mapping(address voter => uint64) signedBlock;
    }

    struct NumberOfWeightBasedClaims {
        uint256 rewardManagerId;
        uint256 noOfWeightBasedClaims;
    }

    mapping(uint256 rewardEpochId => Epoch) internal epochs;
    mapping(uint256 rewardEpochId => mapping(bytes32 messageHash => Ballot)) private ballots;
    mapping(uint256 rewardEpochId => bytes32) public uptimeVoteHash;
    mapping(uint256 rewardEpochId => bytes32) public rewardsHash;
    mapping(uint256 rewardEpochId => mapping(uint256 rewardManagerId => uint256)) public noOfWeightBasedClaims;

    event SigningPolicySigned(
        uint24 indexed rewardEpochId,
        address indexed signingPolicyAddress,
        address indexed voter,
        uint64 timestamp,
        bool thresholdReached
    );
    event UptimeVoteSigned(
        uint24 indexed rewardEpochId,
        address indexed signingPolicyAddress,
        address indexed voter,
        bytes32 uptimeVoteHash,
        uint64 timestamp,
        bool thresholdReached
    );
    event RewardsSigned(
        uint24 indexed rewardEpochId,
        address indexed signingPolicyAddress,
        address indexed voter,
        bytes32 rewardsHash,
        NumberOfWeightBasedClaims[] noOfWeightBasedClaims,
        uint64 timestamp,
        bool thresholdReached
    );

    /// The voters of the epoch before sign.
    function signNewSigningPolicy(uint24 rewardEpochId, bytes32 policyHash, Signature calldata signature) external {
        bytes32 known = Relay(neighbour("Relay")).toSigningPolicyHash(rewardEpochId);
        require(policyHash != 0 && policyHash == known, "new signing policy hash invalid");
        Epoch storage epoch = epochs[rewardEpochId];
        require(epoch.policyEndTs == 0, "new signing policy already signed");
        (address signer, address voter, bool reached) =
            _count(rewardEpochId, policyHash, signature, rewardEpochId - 1);
        if (reached) {
            epoch.policyEndTs = uint64(block.timestamp);
            epoch.policyEndBlock = uint64(block.number);
        }
        emit SigningPolicySigned(rewardEpochId, signer, voter, uint64(block.timestamp), reached);
    }

    function signUptimeVote(uint24 rewardEpochId, bytes32 voteHash, Signature calldata signature) external {
        require(voteHash != 0, "uptime vote hash zero");
        require(rewardEpochId < getCurrentRewardEpochId(), "epoch not ended yet");
        require(epochs[rewardEpochId].uptimeStartTs != 0, "sign uptime vote not started yet");
        require(uptimeVoteHash[rewardEpochId] == 0, "uptime vote hash already signed");
        bytes32 message = keccak256(abi.encode(rewardEpochId, voteHash));
        (address signer, address voter, bool reached) = _count(rewardEpochId, message, signature, rewardEpochId);
        if (reached) uptimeVoteHash[rewardEpochId] = voteHash;
        emit UptimeVoteSigned(rewardEpochId, signer, voter, voteHash, uint64(block.timestamp), reached);
    }

    function signRewards(
        uint24 rewardEpochId,
        NumberOfWeightBasedClaims[] calldata claims,
        bytes32 rewardsRoot,
        Signature calldata signature
    ) external {
        require(rewardsRoot != 0, "rewards hash zero");
        require(rewardEpochId < getCurrentRewardEpochId(), "epoch not ended yet");
        require(epochs[rewardEpochId + 1].policyEndTs != 0, "signing policy not signed yet");
        require(uptimeVoteHash[rewardEpochId] != 0, "uptime vote hash not signed yet");
        require(rewardsHash[rewardEpochId] == 0, "rewards hash already signed");
        bytes32 message = keccak256(abi.encode(rewardEpochId, keccak256(abi.encode(claims)), rewardsRoot));
        (address signer, address voter, bool reached) = _count(rewardEpochId, message, signature, rewardEpochId);
        if (reached) _settleRewards(rewardEpochId, claims, rewardsRoot);
        emit RewardsSigned(rewardEpochId, signer, voter, rewardsRoot, claims, uint64(block.timestamp), reached);
    }

    function getCurrentRewardEpochId() public view virtual returns (uint24);

    function getSeed(uint256 rewardEpochId) external view returns (uint256) {
        require(epochs[rewardEpochId].votePowerBlock != 0, "seed not initialized yet");
        return epochs[rewardEpochId].seed;
    }

    function getVotePowerBlock(uint256 rewardEpochId) external view returns (uint64 found) {
        found = epochs[rewardEpochId].votePowerBlock;
        require(found != 0, "vote power block not initialized yet");
    }

    function getStartVotingRoundId(uint256 rewardEpochId) external view returns (uint32) {
        require(epochs[rewardEpochId].policyStartTs != 0, "reward epoch not initialized yet");
        return epochs[rewardEpochId].startVotingRoundId;
    }

    function getThreshold(uint256 rewardEpochId) external view returns (uint16) {
        require(epochs[rewardEpochId].policyStartTs != 0, "reward epoch not initialized yet");
        return epochs[rewardEpochId].threshold;
    }

    function getRewardEpochStartInfo(uint24 rewardEpochId) external view returns (uint64, uint64) {
        return (epochs[rewardEpochId].startTs, epochs[rewardEpochId].startBlock);
    }

    function getRandomAcquisitionInfo(uint24 rewardEpochId) external view returns (uint64, uint64, uint64, uint64) {
        Epoch storage epoch = epochs[rewardEpochId];
        return (epoch.randomStartTs, epoch.randomStartBlock, epoch.randomEndTs, epoch.randomEndBlock);
    }

    function getSigningPolicySignInfo(uint24 rewardEpochId) external view returns (uint64, uint64, uint64, uint64) {
        Epoch storage epoch = epochs[rewardEpochId];
        return (epoch.policyStartTs, epoch.policyStartBlock, epoch.policyEndTs, epoch.policyEndBlock);
    }

    function getVoterSigningPolicySignInfo(uint24 rewardEpochId, address voter)
        external
        view
        returns (uint64, uint64)
    {
        bytes32 hash = Relay(neighbour("Relay")).toSigningPolicyHash(rewardEpochId);
        Ballot storage ballot = ballots[rewardEpochId][hash];
        return (ballot.signedTs[voter], ballot.signedBlock[voter]);
    }

    function _voters() internal view returns (VoterRegistry) {
        return VoterRegistry(neighbour("VoterRegistry"));
    }

    /// Counts a signature with the weight and the threshold of `electorate`, the reward epoch whose voters sign.
    function _count(uint24 rewardEpochId, bytes32 message, Signature calldata signature, uint24 electorate)
        private
        returns (address signer, address voter, bool reached)
    {
        signer = Signed.signer(message, signature);
        uint16 weight;
        (voter, weight) = _voters().getVoterWithNormalisedWeight(electorate, signer);
        Ballot storage ballot = ballots[rewardEpochId][message];
        require(ballot.signedTs[voter] == 0, "voter already signed");
        ballot.signedTs[voter] = uint64(block.timestamp);
        ballot.signedBlock[voter] = uint64(block.number);
        ballot.weight += weight;
        reached = ballot.weight > epochs[electorate].threshold;
    }

    function _settleRewards(uint24 rewardEpochId, NumberOfWeightBasedClaims[] calldata claims, bytes32 root) private {
        rewardsHash[rewardEpochId] = root;
        for (uint256 i = 0; i < claims.length; i++) {
            uint256 id = claims[i].rewardManagerId;
            require(i == 0 || id > claims[i - 1].rewardManagerId, "reward manager id not increasing");
            noOfWeightBasedClaims[rewardEpochId][id] = claims[i].noOfWeightBasedClaims;
        }
    }
}
