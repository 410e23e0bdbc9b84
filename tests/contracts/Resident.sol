// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {FlareContractRegistry} from "./FlareContractRegistry.sol";

/// A contract that finds its neighbours through the registry, and has an owner who stands in for governance.
abstract contract Resident {
    FlareContractRegistry public immutable registry;
    address public immutable owner = msg.sender;

    constructor(address place) {
        registry = FlareContractRegistry(place);
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "only owner");
        _;
    }

    modifier onlyManager() {
        require(msg.sender == neighbour("FlareSystemsManager"), "only flare system manager");
        _;
    }

    function neighbour(string memory name) internal view returns (address place) {
        place = registry.getContractAddressByName(name);
        require(place != address(0), "contract not in the registry");
    }
}
