// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {EntityManager} from "./EntityManager.sol";
import {Resident} from "./Resident.sol";
import {WNat} from "./WNat.sol";

/// How much a voter weighs who registers: the three-quarter power of stake and capped delegations.
contract FlareSystemsCalculator is Resident {
    uint256 private constant PPM = 1_000_000;

    /// Delegations count up to this share of all of them.
    uint256 public immutable wNatCapPPM;
    uint16 public immutable delegationFeeBIPS;
    /// How often stake counts; 5 by the rules of FIP.16.
    uint256 public stakeFactor = 1;

    event VoterRegistrationInfo(
        address indexed voter,
        uint32 indexed rewardEpochId,
        address delegationAddress,
        uint16 delegationFeeBIPS,
        uint256 wNatWeight,
        uint256 wNatCappedWeight,
        bytes20[] nodeIds,
        uint256[] nodeWeights
    );

    constructor(address place, uint256 capPPM, uint16 feeBIPS) Resident(place) {
        wNatCapPPM = capPPM;
        delegationFeeBIPS = feeBIPS;
    }

    function setStakeFactor(uint256 factor) external onlyOwner {
        stakeFactor = factor;
    }

    function calculateRegistrationWeight(address voter, uint32 rewardEpochId, uint256 votePowerBlock)
        external
        returns (uint256)
    {
        require(msg.sender == neighbour("VoterRegistry"), "only voter registry");
        EntityManager entities = EntityManager(neighbour("EntityManager"));
        WNat wNat = WNat(neighbour("WNat"));
        bytes20[] memory nodeIds = entities.getNodeIdsOfAt(voter, votePowerBlock);
        uint256[] memory stakes = new uint256[](nodeIds.length);
        uint256 sum;
        for (uint256 i = 0; i < nodeIds.length; i++) {
            stakes[i] = wNat.stakeOfAt(nodeIds[i], votePowerBlock);
            sum += stakes[i] * stakeFactor;
        }
        address delegation = entities.getDelegationAddressOfAt(voter, votePowerBlock);
        uint256 power = wNat.votePowerOfAt(delegation, votePowerBlock);
        uint256 cap = (wNat.totalVotePowerAt(votePowerBlock) * wNatCapPPM) / PPM;
        uint256 capped = power < cap ? power : cap;
        emit VoterRegistrationInfo(
            voter, rewardEpochId, delegation, delegationFeeBIPS, power, capped, nodeIds, stakes
        );
        uint256 root = squareRoot(sum + capped);
        return root * squareRoot(root);
    }

    /// The greatest integer whose square is not more.
    function squareRoot(uint256 square) public pure returns (uint256 root) {
        if (square == 0) return 0;
        root = square;
        uint256 next = square / 2 + 1;
        while (next < root) {
            root = next;
            next = (square / root + root) / 2;
        }
    }
}
