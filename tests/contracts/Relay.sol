// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Calendar} from "./Calendar.sol";
import {PolicyBytes} from "./PolicyBytes.sol";
import {Resident} from "./Resident.sol";
import {Signed} from "./Signed.sol";

/// Finalises rounds: takes a message when voters of more weight than the threshold have signed it.
contract Relay is Resident {
    uint256 private constant MESSAGE_BYTES = 38;
    uint256 private constant SIGNATURE_BYTES = 67;
    uint256 private constant BIPS = 10_000;
    uint256 private constant GOVERNANCE = 1;

    struct SigningPolicy {
        uint24 rewardEpochId;
        uint32 startVotingRoundId;
        uint16 threshold;
        uint256 seed;
        address[] voters;
        uint16[] weights;
    }

    struct StateData {
        uint8 randomNumberProtocolId;
        uint32 firstVotingRoundStartTs;
        uint8 votingEpochDurationSeconds;
        uint32 firstRewardEpochStartVotingRoundId;
        uint16 rewardEpochDurationInVotingEpochs;
        uint16 thresholdIncreaseBIPS;
        uint32 randomVotingRoundId;
        bool isSecureRandom;
        uint32 lastInitializedRewardEpoch;
        bool noSigningPolicyRelay;
        uint32 messageFinalizationWindowInRewardEpochs;
    }

    StateData public stateData;
    mapping(uint256 rewardEpochId => bytes32) public toSigningPolicyHash;
    mapping(uint256 rewardEpochId => uint256) public startingVotingRoundIds;
    mapping(uint256 protocolId => mapping(uint256 votingRoundId => bytes32)) public merkleRoots;

    event SigningPolicyInitialized(
        uint24 indexed rewardEpochId,
        uint32 startVotingRoundId,
        uint16 threshold,
        uint256 seed,
        address[] voters,
        uint16[] weights,
        bytes signingPolicyBytes,
        uint64 timestamp
    );
    event SigningPolicyRelayed(uint256 indexed rewardEpochId);
    event ProtocolMessageRelayed(
        uint8 indexed protocolId, uint32 indexed votingRoundId, bool isSecureRandom, bytes32 merkleRoot
    );

    /// `isHome`: policies come from the manager of this chain; elsewhere each is relayed, signed under the one before.
    constructor(
        address place,
        Calendar memory calendar,
        uint8 randomNumberProtocolId,
        uint16 thresholdIncreaseBIPS,
        uint32 windowInRewardEpochs,
        uint24 initialRewardEpochId,
        uint32 initialStartVotingRoundId,
        bytes32 initialPolicyHash,
        bool isHome
    ) Resident(place) {
        stateData.randomNumberProtocolId = randomNumberProtocolId;
        stateData.firstVotingRoundStartTs = calendar.firstVotingRoundStartTs;
        stateData.votingEpochDurationSeconds = calendar.votingEpochDurationSeconds;
        stateData.firstRewardEpochStartVotingRoundId = calendar.firstRewardEpochStartVotingRoundId;
        stateData.rewardEpochDurationInVotingEpochs = calendar.rewardEpochDurationInVotingEpochs;
        stateData.thresholdIncreaseBIPS = thresholdIncreaseBIPS;
        stateData.lastInitializedRewardEpoch = initialRewardEpochId;
        stateData.noSigningPolicyRelay = isHome;
        stateData.messageFinalizationWindowInRewardEpochs = windowInRewardEpochs;
        toSigningPolicyHash[initialRewardEpochId] = initialPolicyHash;
        startingVotingRoundIds[initialRewardEpochId] = initialStartVotingRoundId;
    }

    function setSigningPolicy(SigningPolicy calldata policy) external onlyManager returns (bytes32 hash) {
        require(policy.rewardEpochId == stateData.lastInitializedRewardEpoch + 1, "not next reward epoch");
        require(policy.voters.length > 0, "must be non-trivial");
        require(policy.voters.length == policy.weights.length, "size mismatch");
        bytes memory encoded = PolicyBytes.encode(
            policy.rewardEpochId,
            policy.startVotingRoundId,
            policy.threshold,
            policy.seed,
            policy.voters,
            policy.weights
        );
        hash = PolicyBytes.hash(encoded);
        _initialise(policy.rewardEpochId, policy.startVotingRoundId, hash);
        emit SigningPolicyInitialized(
            policy.rewardEpochId,
            policy.startVotingRoundId,
            policy.threshold,
            policy.seed,
            policy.voters,
            policy.weights,
            encoded,
            uint64(block.timestamp)
        );
    }

    /// Behind the selector: policy, message (or 0 and the next policy), count (2 bytes), count x (v r s index).
    function relay() external returns (bytes memory) {
        bytes calldata data = msg.data[4:];
        PolicyBytes.Policy memory policy = PolicyBytes.read(data);
        require(toSigningPolicyHash[policy.rewardEpochId] == policy.hash, "Signing policy hash mismatch");
        data = data[policy.length:];
        require(data.length > 0, "Too short message");
        if (data[0] == 0) {
            _relayPolicy(policy, data[1:]);
            return abi.encode(uint256(0));
        }
        require(data.length >= MESSAGE_BYTES, "Too short message");
        uint256 threshold = _checkMessage(policy, uint8(data[0]), uint32(bytes4(data[1:5])), data[5] != 0);
        _checkSignatures(policy, keccak256(data[:MESSAGE_BYTES]), data[MESSAGE_BYTES:], threshold);
        _finalise(uint8(data[0]), uint32(bytes4(data[1:5])), data[5] != 0, bytes32(data[6:MESSAGE_BYTES]));
        return abi.encode(uint256(1));
    }

    function isFinalized(uint256 protocolId, uint256 votingRoundId) external view returns (bool) {
        return merkleRoots[protocolId][votingRoundId] != 0;
    }

    /// Of the newest finalised round of the protocol that gives random numbers.
    function getRandomNumber() external view returns (uint256 random, bool isSecure, uint256 timestamp) {
        uint256 round = stateData.randomVotingRoundId;
        random = uint256(keccak256(abi.encode(merkleRoots[stateData.randomNumberProtocolId][round])));
        timestamp = stateData.firstVotingRoundStartTs + (round + 1) * stateData.votingEpochDurationSeconds;
        return (random, stateData.isSecureRandom, timestamp);
    }

    function getVotingRoundId(uint256 timestamp) external view returns (uint256) {
        return (timestamp - stateData.firstVotingRoundStartTs) / stateData.votingEpochDurationSeconds;
    }

    /// Whether a leaf belongs to a finalised round: siblings upwards, each pair in ascending order.
    function verify(uint256 protocolId, uint256 votingRoundId, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        for (uint256 i = 0; i < proof.length; i++) {
            leaf = leaf < proof[i] ? keccak256(abi.encode(leaf, proof[i])) : keccak256(abi.encode(proof[i], leaf));
        }
        return leaf == merkleRoots[protocolId][votingRoundId];
    }

    function _initialise(uint24 rewardEpochId, uint32 startVotingRoundId, bytes32 hash) private {
        toSigningPolicyHash[rewardEpochId] = hash;
        startingVotingRoundIds[rewardEpochId] = startVotingRoundId;
        stateData.lastInitializedRewardEpoch = rewardEpochId;
    }

    /// What the policy may say of the round, and the weight to exceed: more while it stands in for a late one.
    function _checkMessage(PolicyBytes.Policy memory policy, uint256 protocolId, uint256 round, bool isSecure)
        private
        view
        returns (uint256)
    {
        if (protocolId == GOVERNANCE) {
            require(round == 0, "Wrong message format");
            require(!isSecure, "Wrong message format2");
        } else {
            require(merkleRoots[protocolId][round] == 0, "Already relayed");
        }
        uint256 first = stateData.firstRewardEpochStartVotingRoundId;
        require(round >= first, "Invalid voting round id");
        uint256 expected = (round - first) / stateData.rewardEpochDurationInVotingEpochs;
        uint256 newest = stateData.lastInitializedRewardEpoch;
        require(expected >= policy.rewardEpochId, "Wrong sign policy reward epoch");
        require(expected + stateData.messageFinalizationWindowInRewardEpochs >= newest, "Message too old");
        require(round >= policy.startVotingRoundId, "Delayed sign policy");
        if (expected == policy.rewardEpochId) return policy.threshold;
        if (newest == policy.rewardEpochId) return (policy.threshold * stateData.thresholdIncreaseBIPS) / BIPS;
        require(round < startingVotingRoundIds[policy.rewardEpochId + 1], "Must use new sign policy");
        return policy.threshold;
    }

    function _checkSignatures(
        PolicyBytes.Policy memory policy,
        bytes32 messageHash,
        bytes calldata data,
        uint256 threshold
    ) private pure {
        require(data.length >= 2, "No signature count");
        uint256 count = uint16(bytes2(data[:2]));
        require(data.length >= 2 + count * SIGNATURE_BYTES, "Not enough signatures");
        uint256 weight;
        uint256 next;
        for (uint256 i = 0; i < count; i++) {
            bytes calldata one = data[2 + i * SIGNATURE_BYTES:][:SIGNATURE_BYTES];
            uint256 index = uint16(bytes2(one[65:67]));
            require(index < policy.voters.length, "Index out of range");
            require(index >= next, "Index out of order");
            next = index + 1;
            address signer = Signed.signer(messageHash, uint8(one[0]), bytes32(one[1:33]), bytes32(one[33:65]));
            require(signer != address(0) && signer == policy.voters[index], "Wrong signature");
            weight += policy.weights[index];
            if (weight > threshold) return;
        }
        revert("Not enough weight");
    }

    function _finalise(uint8 protocolId, uint32 round, bool isSecure, bytes32 root) private {
        if (protocolId != GOVERNANCE) merkleRoots[protocolId][round] = root;
        if (protocolId == stateData.randomNumberProtocolId && round > stateData.randomVotingRoundId) {
            stateData.randomVotingRoundId = round;
            stateData.isSecureRandom = isSecure;
        }
        emit ProtocolMessageRelayed(protocolId, round, isSecure, root);
    }

    function _relayPolicy(PolicyBytes.Policy memory policy, bytes calldata data) private {
        require(!stateData.noSigningPolicyRelay, "Sign policy relay disabled");
        PolicyBytes.Policy memory following = PolicyBytes.read(data);
        require(policy.rewardEpochId == stateData.lastInitializedRewardEpoch, "Not with last intialized");
        require(following.rewardEpochId == policy.rewardEpochId + 1, "Not next reward epoch");
        PolicyBytes.requireSound(following);
        _checkSignatures(policy, following.hash, data[following.length:], policy.threshold);
        _initialise(uint24(following.rewardEpochId), uint32(following.startVotingRoundId), following.hash);
        emit SigningPolicyRelayed(following.rewardEpochId);
    }
}
