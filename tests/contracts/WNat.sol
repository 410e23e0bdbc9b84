// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {History} from "./History.sol";
import {Resident} from "./Resident.sol";

/// Vote power and stake by block. The owner says how much there is; nobody has to lock real coins on a local chain.
contract WNat is Resident {
    using History for History.Line;

    mapping(address delegate => History.Line) private powers;
    mapping(bytes20 nodeId => History.Line) private stakes;
    History.Line private total;

    constructor(address place) Resident(place) {}

    function setVotePower(address delegate, uint256 wei_) external onlyOwner {
        total.set(total.latest() + wei_ - powers[delegate].latest());
        powers[delegate].set(wei_);
    }

    function setStake(bytes20 nodeId, uint256 wei_) external onlyOwner {
        stakes[nodeId].set(wei_);
    }

    function votePowerOf(address delegate) external view returns (uint256) {
        return powers[delegate].latest();
    }

    function votePowerOfAt(address delegate, uint256 blockNumber) external view returns (uint256) {
        return powers[delegate].valueAt(blockNumber);
    }

    function totalVotePowerAt(uint256 blockNumber) external view returns (uint256) {
        return total.valueAt(blockNumber);
    }

    function stakeOfAt(bytes20 nodeId, uint256 blockNumber) external view returns (uint256) {
        return stakes[nodeId].valueAt(blockNumber);
    }
}
