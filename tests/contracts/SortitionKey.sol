// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Possession of a key on alt_bn128: a Schnorr signature of the identity's address (SHA-256 of its 20 bytes).
library SortitionKey {
    uint256 private constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    function requireProof(address voter, bytes32 x, bytes32 y, bytes calldata proof) internal view {
        (uint256 s, uint256 rx, uint256 ry) = abi.decode(proof, (uint256, uint256, uint256));
        bytes32 message = sha256(abi.encodePacked(voter));
        uint256 challenge = uint256(keccak256(abi.encodePacked(x, y, message, rx, ry))) % ORDER;
        (uint256 ax, uint256 ay) = _times(1, 2, s);
        (uint256 bx, uint256 by) = _times(uint256(x), uint256(y), challenge);
        (uint256 gotX, uint256 gotY) = _plus(ax, ay, bx, by);
        require(gotX == rx && gotY == ry, "public key verification failed");
    }

    function _times(uint256 x, uint256 y, uint256 factor) private view returns (uint256, uint256) {
        return _call(7, abi.encode(x, y, factor));
    }

    function _plus(uint256 ax, uint256 ay, uint256 bx, uint256 by) private view returns (uint256, uint256) {
        return _call(6, abi.encode(ax, ay, bx, by));
    }

    function _call(uint160 precompile, bytes memory input) private view returns (uint256, uint256) {
        (bool good, bytes memory answer) = address(precompile).staticcall(input);
        require(good && answer.length == 64, "public key invalid");
        return abi.decode(answer, (uint256, uint256));
    }
}
