"""The wholes that the protocol's shares are parts of. Source: fsp.md sections 3, 4 and 7."""

from typing import Final

BIPS: Final = 10_000
"""One whole, in basis points."""

PPM: Final = 1_000_000
"""One whole, in parts per million."""

GWEI: Final = 10**9
"""One gwei, in wei; stakes are counted in it."""

COIN_WEI: Final = 10**18
"""One coin (FLR, SGB and their test coins), in wei."""

COIN_GWEI: Final = COIN_WEI // GWEI
"""One coin, in gwei."""
