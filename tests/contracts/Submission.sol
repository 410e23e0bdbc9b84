// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Resident} from "./Resident.sol";

/// Takes commits, reveals and signatures. What they say is behind the selector and is read off chain; here only counts
/// whether the sender is a voter who has not yet called in this round: then the answer is true, and on Flare the node
/// gives the gas back.
contract Submission is Resident {
    mapping(address sender => bool) private mayCommit;
    mapping(address sender => bool) private mayReveal;
    mapping(address sender => bool) private maySubmit3;
    mapping(address sender => bool) private maySign;

    event NewVotingRoundInitiated();

    constructor(address place) Resident(place) {}

    /// A new voting epoch: the manager tells who may call what in it.
    function initNewVotingRound(
        address[] calldata submit1Addresses,
        address[] calldata submit2Addresses,
        address[] calldata submit3Addresses,
        address[] calldata submitSignaturesAddresses
    ) external onlyManager {
        _allow(mayCommit, submit1Addresses);
        _allow(mayReveal, submit2Addresses);
        _allow(maySubmit3, submit3Addresses);
        _allow(maySign, submitSignaturesAddresses);
        emit NewVotingRoundInitiated();
    }

    function submit1() external returns (bool) {
        return _firstOf(mayCommit);
    }

    function submit2() external returns (bool) {
        return _firstOf(mayReveal);
    }

    function submit3() external returns (bool) {
        return _firstOf(maySubmit3);
    }

    function submitSignatures() external returns (bool) {
        return _firstOf(maySign);
    }

    function submitAndPass(bytes calldata) external pure returns (bool) {
        revert("submitAndPass disabled");
    }

    function _allow(mapping(address => bool) storage may, address[] calldata senders) private {
        for (uint256 i = 0; i < senders.length; i++) may[senders[i]] = true;
    }

    function _firstOf(mapping(address => bool) storage may) private returns (bool) {
        if (!may[msg.sender]) return false;
        delete may[msg.sender];
        return true;
    }
}
