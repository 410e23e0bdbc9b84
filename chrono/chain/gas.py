"""Gas limits from the size of what is sent: explicit and small, since a node wants the limit at the fee cap upfront.

They are never estimated, for an estimate may fail, and a reveal must not wait for it. What a limit leaves unused costs
nothing; a call that ran out of it is sent once more with half as much again. Source: fsp.md sections 2 and 6.
"""

from typing import Final

BASE_GAS: Final = 21_000
BYTE_GAS: Final = 40
"""For a byte of calldata: 16 on Flare today; 40 where calldata has a floor price (EIP-7623)."""

SUBMISSION_GAS: Final = 60_000
"""What a function of Submission does besides: it looks one flag up, and takes it away."""

RELAY_GAS: Final = 300_000
"""What a relay does besides verifying: it hashes the policy and stores the root."""

SIGNATURE_GAS: Final = 12_000
"""For each signature that it verifies: the recovery costs 3,000, reading and weighing it the rest."""

SIGNATURE_BYTES: Final = 67


def submission_gas(calldata_bytes: int) -> int:
    """The limit of submit1, submit2 or submitSignatures with so much calldata."""
    return BASE_GAS + BYTE_GAS * calldata_bytes + SUBMISSION_GAS


def relay_gas(calldata_bytes: int) -> int:
    """The limit of a relay with so much calldata, as if it held nothing but signatures."""
    return BASE_GAS + BYTE_GAS * calldata_bytes + RELAY_GAS + SIGNATURE_GAS * (calldata_bytes // SIGNATURE_BYTES)
