// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A signing policy as bytes: size(2) epoch(3) start round(4) threshold(2) seed(32), then size x (address(20) weight(2)).
library PolicyBytes {
    uint256 private constant HEAD = 43;
    uint256 private constant VOTER = 22;
    uint256 private constant MOST_VOTERS = 300;
    uint256 private constant MOST_WEIGHT = type(uint16).max;
    uint256 private constant BIPS = 10_000;
    uint256 private constant LEAST_THRESHOLD_BIPS = 5_000;
    uint256 private constant MOST_THRESHOLD_BIPS = 6_600;

    struct Policy {
        uint256 rewardEpochId;
        uint256 startVotingRoundId;
        uint256 threshold;
        address[] voters;
        uint256[] weights;
        bytes32 hash;
        uint256 length;
    }

    function encode(
        uint24 rewardEpochId,
        uint32 startVotingRoundId,
        uint16 threshold,
        uint256 seed,
        address[] calldata voters,
        uint16[] calldata weights
    ) internal pure returns (bytes memory encoded) {
        encoded = abi.encodePacked(uint16(voters.length), rewardEpochId, startVotingRoundId, threshold, seed);
        for (uint256 i = 0; i < voters.length; i++) encoded = abi.encodePacked(encoded, voters[i], weights[i]);
    }

    /// Chunks of 32 bytes, the last one filled up with zeros, each hashed onto what came before.
    function hash(bytes memory encoded) internal pure returns (bytes32 sum) {
        uint256 chunks = (encoded.length + 31) / 32;
        bytes memory padded = abi.encodePacked(encoded, new bytes(chunks * 32 - encoded.length));
        assembly ("memory-safe") {
            let at := add(padded, 32)
            sum := mload(at)
            for { let i := 1 } lt(i, chunks) { i := add(i, 1) } {
                at := add(at, 32)
                mstore(0, sum)
                mstore(32, mload(at))
                sum := keccak256(0, 64)
            }
        }
    }

    /// The policy with which `data` begins.
    function read(bytes calldata data) internal pure returns (Policy memory policy) {
        require(data.length >= HEAD, "Invalid sign policy metadata");
        uint256 size = uint16(bytes2(data[0:2]));
        policy.length = HEAD + size * VOTER;
        require(data.length >= policy.length, "Invalid sign policy length");
        policy.rewardEpochId = uint24(bytes3(data[2:5]));
        policy.startVotingRoundId = uint32(bytes4(data[5:9]));
        policy.threshold = uint16(bytes2(data[9:11]));
        policy.hash = hash(data[:policy.length]);
        policy.voters = new address[](size);
        policy.weights = new uint256[](size);
        for (uint256 i = 0; i < size; i++) {
            bytes calldata one = data[HEAD + i * VOTER:][:VOTER];
            policy.voters[i] = address(bytes20(one[:20]));
            policy.weights[i] = uint16(bytes2(one[20:22]));
        }
    }

    function requireSound(Policy memory policy) internal pure {
        require(policy.voters.length > 0, "must be non-trivial");
        require(policy.voters.length <= MOST_VOTERS, "too many voters");
        uint256 total;
        for (uint256 i = 0; i < policy.weights.length; i++) total += policy.weights[i];
        require(total <= MOST_WEIGHT, "total weight too big");
        require(policy.threshold * BIPS >= total * LEAST_THRESHOLD_BIPS, "too small threshold");
        require(policy.threshold * BIPS <= total * MOST_THRESHOLD_BIPS, "too big threshold");
    }
}
