// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Where the contracts of this chain are, by name. Everything else is found through it.
contract FlareContractRegistry {
    address public immutable owner = msg.sender;
    string[] private names;
    mapping(bytes32 name => address) private places;

    /// Puts a contract under a name, or another one in its place, as a redeployment does.
    function set(string calldata name, address place) external {
        require(msg.sender == owner, "only owner");
        bytes32 key = keccak256(bytes(name));
        if (places[key] == address(0)) names.push(name);
        places[key] = place;
    }

    /// The zero address for a name that nobody has.
    function getContractAddressByName(string calldata name) external view returns (address) {
        return places[keccak256(bytes(name))];
    }

    function getAllContracts() external view returns (string[] memory, address[] memory) {
        address[] memory found = new address[](names.length);
        for (uint256 i = 0; i < found.length; i++) found[i] = places[keccak256(bytes(names[i]))];
        return (names, found);
    }
}
