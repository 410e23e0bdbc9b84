// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

struct Signature {
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// Who signed a message: the Ethereum prefix before its 32-byte hash, s in the lower half, v 27 or 28.
library Signed {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function digest(bytes32 messageHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", messageHash));
    }

    /// The zero address when it is no signature.
    function signer(bytes32 messageHash, uint8 v, bytes32 r, bytes32 s) internal pure returns (address) {
        if (uint256(s) > HALF_ORDER || (v != 27 && v != 28)) return address(0);
        return ecrecover(digest(messageHash), v, r, s);
    }

    function signer(bytes32 messageHash, Signature calldata given) internal pure returns (address found) {
        found = signer(messageHash, given.v, given.r, given.s);
        require(found != address(0), "ECDSA: invalid signature");
    }
}
