// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A value that is remembered by block: what is asked of a past block never changes.
library History {
    struct Entry {
        uint64 since;
        uint192 value;
    }

    struct Line {
        Entry[] entries;
    }

    function set(Line storage line, uint256 value) internal {
        uint256 count = line.entries.length;
        if (count > 0 && line.entries[count - 1].since == block.number) {
            line.entries[count - 1].value = uint192(value);
        } else {
            line.entries.push(Entry(uint64(block.number), uint192(value)));
        }
    }

    /// The value at the end of a block; 0 before the first.
    function valueAt(Line storage line, uint256 blockNumber) internal view returns (uint256) {
        for (uint256 i = line.entries.length; i > 0; i--) {
            if (line.entries[i - 1].since <= blockNumber) return line.entries[i - 1].value;
        }
        return 0;
    }

    function latest(Line storage line) internal view returns (uint256) {
        uint256 count = line.entries.length;
        return count == 0 ? 0 : line.entries[count - 1].value;
    }

    function addressAt(Line storage line, uint256 blockNumber) internal view returns (address) {
        return address(uint160(valueAt(line, blockNumber)));
    }

    function latestAddress(Line storage line) internal view returns (address) {
        return address(uint160(latest(line)));
    }

    function setAddress(Line storage line, address value) internal {
        set(line, uint160(value));
    }
}
