// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {EntityManager} from "./EntityManager.sol";
import {FlareSystemsCalculator} from "./FlareSystemsCalculator.sol";
import {FlareSystemsManager} from "./FlareSystemsManager.sol";
import {Resident} from "./Resident.sol";
import {Signature, Signed} from "./Signed.sol";

/// The voters of each reward epoch, in the order in which they came. Second generation: the message names the chain.
contract VoterRegistry is Resident {
    uint256 private constant NORMAL = type(uint16).max;

    struct PublicKey {
        bytes32 x;
        bytes32 y;
    }

    struct Electorate {
        address[] voters;
        mapping(address voter => uint256) weights;
        uint256 sum;
    }

    uint256 public maxVoters;
    bool public publicKeyRequired;
    mapping(uint256 rewardEpochId => uint256) public newSigningPolicyInitializationStartBlockNumber;
    mapping(bytes20 beneficiary => uint256) public chilledUntilRewardEpochId;
    mapping(uint256 rewardEpochId => Electorate) private electorates;

    event VoterRegistered(
        address indexed voter,
        uint32 indexed rewardEpochId,
        address indexed signingPolicyAddress,
        address submitAddress,
        address submitSignaturesAddress,
        PublicKey publicKey,
        uint256 registrationWeight,
        Signature signature
    );
    event VoterRemoved(address indexed voter, uint256 indexed rewardEpochId);

    constructor(address place, uint256 most) Resident(place) {
        maxVoters = most;
    }

    function setMaxVoters(uint256 most) external onlyOwner {
        maxVoters = most;
    }

    function setPublicKeyRequired(bool required) external onlyOwner {
        publicKeyRequired = required;
    }

    function setNewSigningPolicyInitializationStartBlockNumber(uint256 rewardEpochId) external onlyManager {
        newSigningPolicyInitializationStartBlockNumber[rewardEpochId] = block.number;
    }

    function registerVoter(address voter, Signature calldata signature) external {
        FlareSystemsManager manager = FlareSystemsManager(neighbour("FlareSystemsManager"));
        EntityManager entities = EntityManager(neighbour("EntityManager"));
        uint32 epoch = manager.getCurrentRewardEpochId() + 1;
        EntityManager.VoterAddresses memory addresses = _addresses(entities, voter, epoch);
        address signer = Signed.signer(keccak256(abi.encode(block.chainid, epoch, voter)), signature);
        require(signer == addresses.signingPolicyAddress, "invalid signature");
        uint256 weight = _weigh(manager, entities, voter, epoch);
        PublicKey memory key = _publicKey(entities, voter, epoch);
        _place(epoch, voter, weight);
        emit VoterRegistered(
            voter,
            epoch,
            addresses.signingPolicyAddress,
            addresses.submitAddress,
            addresses.submitSignaturesAddress,
            key,
            weight,
            signature
        );
    }

    /// The policy's columns; from now on the weights of the epoch are fixed.
    function createSigningPolicySnapshot(uint256 rewardEpochId)
        external
        onlyManager
        returns (address[] memory signers, uint16[] memory weights, uint16 sum)
    {
        Electorate storage electorate = electorates[rewardEpochId];
        uint256 count = electorate.voters.length;
        uint256 total;
        for (uint256 i = 0; i < count; i++) total += electorate.weights[electorate.voters[i]];
        electorate.sum = total;
        weights = new uint16[](count);
        for (uint256 i = 0; i < count; i++) {
            weights[i] = uint16((electorate.weights[electorate.voters[i]] * NORMAL) / total);
            sum += weights[i];
        }
        signers = _accounts(rewardEpochId, EntityManager.Role.SigningPolicy);
    }

    function getVoterWithNormalisedWeight(uint256 rewardEpochId, address signer)
        external
        view
        returns (address voter, uint16 weight)
    {
        Electorate storage electorate = electorates[rewardEpochId];
        require(electorate.sum > 0, "reward epoch id not supported");
        uint256 since = newSigningPolicyInitializationStartBlockNumber[rewardEpochId];
        voter = EntityManager(neighbour("EntityManager")).getVoterForSigningPolicyAddress(signer, since);
        require(voter != signer, "invalid signing policy address");
        require(electorate.weights[voter] > 0, "voter not registered");
        weight = uint16((electorate.weights[voter] * NORMAL) / electorate.sum);
    }

    function isVoterRegistered(address voter, uint256 rewardEpochId) external view returns (bool) {
        return electorates[rewardEpochId].weights[voter] > 0;
    }

    function getRegisteredVoters(uint256 rewardEpochId) external view returns (address[] memory) {
        return electorates[rewardEpochId].voters;
    }

    function getNumberOfRegisteredVoters(uint256 rewardEpochId) external view returns (uint256) {
        return electorates[rewardEpochId].voters.length;
    }

    function getVoterRegistrationWeight(address voter, uint256 rewardEpochId) external view returns (uint256 weight) {
        weight = electorates[rewardEpochId].weights[voter];
        require(weight > 0, "voter not registered");
    }

    function getRegisteredSubmitAddresses(uint256 rewardEpochId) external view returns (address[] memory) {
        return _accounts(rewardEpochId, EntityManager.Role.Submit);
    }

    function getRegisteredSubmitSignaturesAddresses(uint256 rewardEpochId) external view returns (address[] memory) {
        return _accounts(rewardEpochId, EntityManager.Role.SubmitSignatures);
    }

    function getRegisteredSigningPolicyAddresses(uint256 rewardEpochId) external view returns (address[] memory) {
        return _accounts(rewardEpochId, EntityManager.Role.SigningPolicy);
    }

    function _addresses(EntityManager entities, address voter, uint256 epoch)
        private
        view
        returns (EntityManager.VoterAddresses memory found)
    {
        uint256 since = newSigningPolicyInitializationStartBlockNumber[epoch];
        require(since != 0, "registration not available yet");
        found = entities.getVoterAddressesAt(voter, since);
        require(found.signingPolicyAddress != voter, "signing policy address not set");
        require(found.submitAddress != voter, "submit address not set");
        require(found.submitSignaturesAddress != voter, "submit signatures address not set");
    }

    function _weigh(FlareSystemsManager manager, EntityManager entities, address voter, uint32 epoch)
        private
        returns (uint256 weight)
    {
        (uint256 votePowerBlock, bool enabled) = manager.getVoterRegistrationData(epoch);
        require(votePowerBlock != 0, "vote power block zero");
        require(enabled, "voter registration not enabled");
        require(entities.getDelegationAddressOfAt(voter, votePowerBlock) != voter, "delegation address not set");
        weight = FlareSystemsCalculator(neighbour("FlareSystemsCalculator")).calculateRegistrationWeight(
            voter, epoch, votePowerBlock
        );
        require(weight > 0, "voter weight zero");
    }

    function _publicKey(EntityManager entities, address voter, uint256 epoch)
        private
        view
        returns (PublicKey memory key)
    {
        (key.x, key.y) = entities.getPublicKeyOfAt(voter, newSigningPolicyInitializationStartBlockNumber[epoch]);
        require(!publicKeyRequired || key.x != 0 || key.y != 0, "public key required");
    }

    /// Where all places are taken, the lightest gives its own to a heavier one; of equals the one who came last.
    function _place(uint256 epoch, address voter, uint256 weight) private {
        Electorate storage electorate = electorates[epoch];
        require(electorate.weights[voter] == 0, "already registered");
        electorate.weights[voter] = weight;
        uint256 count = electorate.voters.length;
        if (count < maxVoters) {
            electorate.voters.push(voter);
            return;
        }
        uint256 lightest = 0;
        for (uint256 i = 1; i < count; i++) {
            if (electorate.weights[electorate.voters[i]] <= electorate.weights[electorate.voters[lightest]]) {
                lightest = i;
            }
        }
        address removed = electorate.voters[lightest];
        require(electorate.weights[removed] < weight, "vote power too low");
        delete electorate.weights[removed];
        electorate.voters[lightest] = voter;
        emit VoterRemoved(removed, epoch);
    }

    function _accounts(uint256 epoch, EntityManager.Role role) private view returns (address[] memory found) {
        EntityManager entities = EntityManager(neighbour("EntityManager"));
        address[] storage voters = electorates[epoch].voters;
        uint256 since = newSigningPolicyInitializationStartBlockNumber[epoch];
        found = new address[](voters.length);
        for (uint256 i = 0; i < found.length; i++) found[i] = entities.accountAt(role, voters[i], since);
    }
}
