"""Accounts on chain: 20 bytes, written with the checksum of EIP-55."""

from typing import NewType

from chrono_core import keccak256

Address = NewType("Address", bytes)
"""An account's 20 bytes."""

ADDRESS_BYTES = 20


def parse_address(text: str) -> Address:
    """The address that `text` spells: 0x and 40 hex digits. Mixed case must carry its right EIP-55 checksum.

    Raises: ValueError.
    """
    digits = text.removeprefix("0x")
    if len(digits) != 2 * ADDRESS_BYTES:
        raise ValueError(f"an address has 0x and 40 hex digits: {text[:60]}")
    address = Address(bytes.fromhex(digits))
    if len(address) != ADDRESS_BYTES:
        raise ValueError(f"an address has no spaces: {text}")  # which fromhex would step over
    if digits not in (digits.lower(), digits.upper()) and checksummed(address) != "0x" + digits:
        raise ValueError(f"the checksum of {text} is wrong; did you mean {checksummed(address)}?")
    return address


def checksummed(address: bytes) -> str:
    """The address with its EIP-55 checksum in the case of its letters."""
    digits = address.hex()
    hashed = keccak256(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(h, 16) >= 8 else c for c, h in zip(digits, hashed, strict=False))
