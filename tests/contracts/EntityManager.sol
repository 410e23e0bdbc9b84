// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {History} from "./History.sol";
import {Resident} from "./Resident.sol";
import {SortitionKey} from "./SortitionKey.sol";

/// Which addresses and keys an entity has, by block. An address is proposed by the identity and confirmed by itself.
contract EntityManager is Resident {
    using History for History.Line;

    enum Role {
        Delegation,
        Submit,
        SubmitSignatures,
        SigningPolicy
    }

    struct VoterAddresses {
        address submitAddress;
        address submitSignaturesAddress;
        address signingPolicyAddress;
    }

    struct PublicKey {
        bytes32 x;
        bytes32 y;
    }

    struct KeySince {
        uint256 since;
        PublicKey key;
    }

    struct NodesSince {
        uint256 since;
        bytes20[] ids;
    }

    mapping(Role role => mapping(address voter => History.Line)) private addressOf;
    mapping(Role role => mapping(address account => History.Line)) private voterOf;
    mapping(Role role => mapping(address voter => address)) private proposed;
    mapping(address voter => KeySince[]) private keys;
    mapping(bytes32 key => address) private voterOfKey;
    mapping(address voter => NodesSince[]) private nodes;

    event DelegationAddressProposed(address indexed voter, address indexed delegationAddress);
    event DelegationAddressRegistrationConfirmed(address indexed voter, address indexed delegationAddress);
    event SubmitAddressProposed(address indexed voter, address indexed submitAddress);
    event SubmitAddressRegistrationConfirmed(address indexed voter, address indexed submitAddress);
    event SubmitSignaturesAddressProposed(address indexed voter, address indexed submitSignaturesAddress);
    event SubmitSignaturesAddressRegistrationConfirmed(address indexed voter, address indexed submitSignaturesAddress);
    event SigningPolicyAddressProposed(address indexed voter, address indexed signingPolicyAddress);
    event SigningPolicyAddressRegistrationConfirmed(address indexed voter, address indexed signingPolicyAddress);
    event PublicKeyRegistered(address indexed voter, bytes32 indexed part1, bytes32 indexed part2);
    event NodeIdRegistered(address indexed voter, bytes20 indexed nodeId);

    constructor(address place) Resident(place) {}

    function proposeDelegationAddress(address account) external {
        require(_propose(Role.Delegation, account), "delegation address already registered");
        emit DelegationAddressProposed(msg.sender, account);
    }

    function confirmDelegationAddressRegistration(address voter) external {
        require(_isFree(Role.Delegation, msg.sender), "delegation address already registered");
        require(_confirm(Role.Delegation, voter), "delegation address not in registration queue");
        emit DelegationAddressRegistrationConfirmed(voter, msg.sender);
    }

    function proposeSubmitAddress(address account) external {
        require(_propose(Role.Submit, account), "submit address already registered");
        emit SubmitAddressProposed(msg.sender, account);
    }

    function confirmSubmitAddressRegistration(address voter) external {
        require(_isFree(Role.Submit, msg.sender), "submit address already registered");
        require(_confirm(Role.Submit, voter), "submit address not in registration queue");
        emit SubmitAddressRegistrationConfirmed(voter, msg.sender);
    }

    function proposeSubmitSignaturesAddress(address account) external {
        require(_propose(Role.SubmitSignatures, account), "submit signatures address already registered");
        emit SubmitSignaturesAddressProposed(msg.sender, account);
    }

    function confirmSubmitSignaturesAddressRegistration(address voter) external {
        require(_isFree(Role.SubmitSignatures, msg.sender), "submit signatures address already registered");
        require(_confirm(Role.SubmitSignatures, voter), "submit signatures address not in registration queue");
        emit SubmitSignaturesAddressRegistrationConfirmed(voter, msg.sender);
    }

    function proposeSigningPolicyAddress(address account) external {
        require(_propose(Role.SigningPolicy, account), "signing policy address already registered");
        emit SigningPolicyAddressProposed(msg.sender, account);
    }

    function confirmSigningPolicyAddressRegistration(address voter) external {
        require(_isFree(Role.SigningPolicy, msg.sender), "signing policy address already registered");
        require(_confirm(Role.SigningPolicy, voter), "signing policy address not in registration queue");
        emit SigningPolicyAddressRegistrationConfirmed(voter, msg.sender);
    }

    /// The key for block-latency feeds; `proof` is its possession, bound to the identity that calls.
    function registerPublicKey(bytes32 x, bytes32 y, bytes calldata proof) external {
        require(x != 0 || y != 0, "public key invalid");
        SortitionKey.requireProof(msg.sender, x, y, proof);
        bytes32 hash = keccak256(abi.encode(x, y));
        require(voterOfKey[hash] == address(0), "public key already registered");
        PublicKey memory before = getPublicKey(msg.sender, block.number);
        delete voterOfKey[keccak256(abi.encode(before.x, before.y))];
        voterOfKey[hash] = msg.sender;
        keys[msg.sender].push(KeySince(block.number, PublicKey(x, y)));
        emit PublicKeyRegistered(msg.sender, x, y);
    }

    /// As on a chain without a verifier of staking certificates: the owner assigns nodes instead.
    function registerNodeId(bytes20, bytes calldata, bytes calldata) external pure {
        revert("node id registration not enabled");
    }

    function assignNodeIds(address voter, bytes20[] calldata ids) external onlyOwner {
        nodes[voter].push(NodesSince(block.number, ids));
        for (uint256 i = 0; i < ids.length; i++) emit NodeIdRegistered(voter, ids[i]);
    }

    function getVoterAddresses(address voter) external view returns (VoterAddresses memory) {
        return getVoterAddressesAt(voter, block.number);
    }

    /// An address that was never confirmed is the identity itself.
    function getVoterAddressesAt(address voter, uint256 blockNumber) public view returns (VoterAddresses memory) {
        return VoterAddresses(
            accountAt(Role.Submit, voter, blockNumber),
            accountAt(Role.SubmitSignatures, voter, blockNumber),
            accountAt(Role.SigningPolicy, voter, blockNumber)
        );
    }

    function getDelegationAddressOf(address voter) external view returns (address) {
        return accountAt(Role.Delegation, voter, block.number);
    }

    function getDelegationAddressOfAt(address voter, uint256 blockNumber) external view returns (address) {
        return accountAt(Role.Delegation, voter, blockNumber);
    }

    function getVoterForDelegationAddress(address account, uint256 blockNumber) external view returns (address) {
        return voterAt(Role.Delegation, account, blockNumber);
    }

    function getVoterForSubmitAddress(address account, uint256 blockNumber) external view returns (address) {
        return voterAt(Role.Submit, account, blockNumber);
    }

    function getVoterForSubmitSignaturesAddress(address account, uint256 blockNumber) external view returns (address) {
        return voterAt(Role.SubmitSignatures, account, blockNumber);
    }

    function getVoterForSigningPolicyAddress(address account, uint256 blockNumber) external view returns (address) {
        return voterAt(Role.SigningPolicy, account, blockNumber);
    }

    function getPublicKeyOf(address voter) external view returns (bytes32, bytes32) {
        return getPublicKeyOfAt(voter, block.number);
    }

    function getPublicKeyOfAt(address voter, uint256 blockNumber) public view returns (bytes32, bytes32) {
        PublicKey memory key = getPublicKey(voter, blockNumber);
        return (key.x, key.y);
    }

    function getPublicKey(address voter, uint256 blockNumber) public view returns (PublicKey memory key) {
        KeySince[] storage line = keys[voter];
        for (uint256 i = line.length; i > 0; i--) {
            if (line[i - 1].since <= blockNumber) return line[i - 1].key;
        }
    }

    function getNodeIdsOf(address voter) external view returns (bytes20[] memory) {
        return getNodeIdsOfAt(voter, block.number);
    }

    function getNodeIdsOfAt(address voter, uint256 blockNumber) public view returns (bytes20[] memory ids) {
        NodesSince[] storage line = nodes[voter];
        for (uint256 i = line.length; i > 0; i--) {
            if (line[i - 1].since <= blockNumber) return line[i - 1].ids;
        }
    }

    function accountAt(Role role, address voter, uint256 blockNumber) public view returns (address) {
        address account = addressOf[role][voter].addressAt(blockNumber);
        return account == address(0) ? voter : account;
    }

    function voterAt(Role role, address account, uint256 blockNumber) public view returns (address) {
        address voter = voterOf[role][account].addressAt(blockNumber);
        return voter == address(0) ? account : voter;
    }

    function _isFree(Role role, address account) private view returns (bool) {
        return voterOf[role][account].latestAddress() == address(0);
    }

    function _propose(Role role, address account) private returns (bool) {
        if (!_isFree(role, account)) return false;
        proposed[role][msg.sender] = account;
        return true;
    }

    function _confirm(Role role, address voter) private returns (bool) {
        if (proposed[role][voter] != msg.sender) return false;
        delete proposed[role][voter];
        address before = addressOf[role][voter].latestAddress();
        if (before != address(0)) voterOf[role][before].setAddress(address(0));
        addressOf[role][voter].setAddress(msg.sender);
        voterOf[role][msg.sender].setAddress(voter);
        return true;
    }
}
