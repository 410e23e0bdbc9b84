// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {EntityManager} from "./EntityManager.sol";
import {FlareSystemsManager} from "./FlareSystemsManager.sol";
import {Resident} from "./Resident.sol";
import {Signature, Signed} from "./Signed.sol";
import {VoterRegistry} from "./VoterRegistry.sol";

/// Registrations that wait for the vote power block. Second generation: a repeated one takes the place of the first.
contract VoterPreRegistry is Resident {
    struct Waiting {
        address[] voters;
        mapping(address voter => Signature) signatures;
    }

    mapping(uint256 rewardEpochId => Waiting) private waiting;

    event VoterPreRegistered(address indexed voter, uint32 indexed rewardEpochId);
    event VoterRegistrationFailed(address indexed voter, uint32 indexed rewardEpochId);

    constructor(address place) Resident(place) {}

    function preRegisterVoter(address voter, Signature calldata signature) external {
        FlareSystemsManager manager = FlareSystemsManager(neighbour("FlareSystemsManager"));
        uint32 epoch = manager.getCurrentRewardEpochId() + 1;
        (,,, uint64 endBlock) = manager.getRandomAcquisitionInfo(uint24(epoch));
        require(endBlock == 0, "pre-registration not opened anymore");
        require(
            VoterRegistry(neighbour("VoterRegistry")).isVoterRegistered(voter, epoch - 1),
            "voter currently not registered"
        );
        address signer = Signed.signer(keccak256(abi.encode(block.chainid, epoch, voter)), signature);
        address found = EntityManager(neighbour("EntityManager")).getVoterForSigningPolicyAddress(signer, block.number);
        require(found == voter, "invalid signature");
        Waiting storage list = waiting[epoch];
        if (list.signatures[voter].v == 0) list.voters.push(voter);
        list.signatures[voter] = signature;
        emit VoterPreRegistered(voter, epoch);
    }

    /// A registration that fails here only leaves a trace: it must be repeated directly.
    function triggerVoterRegistration(uint24 rewardEpochId) external onlyManager {
        VoterRegistry voters = VoterRegistry(neighbour("VoterRegistry"));
        Waiting storage list = waiting[rewardEpochId];
        for (uint256 i = 0; i < list.voters.length; i++) {
            try voters.registerVoter(list.voters[i], list.signatures[list.voters[i]]) {}
            catch {
                emit VoterRegistrationFailed(list.voters[i], rewardEpochId);
            }
        }
    }

    function getPreRegisteredVoters(uint256 rewardEpochId) external view returns (address[] memory) {
        return waiting[rewardEpochId].voters;
    }

    function isVoterPreRegistered(uint256 rewardEpochId, address voter) external view returns (bool) {
        return waiting[rewardEpochId].signatures[voter].v != 0;
    }
}
