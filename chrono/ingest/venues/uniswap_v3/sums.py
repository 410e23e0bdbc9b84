"""The sums of a pool: price from square root, and whether a tick belongs to a price. Whole numbers and Decimal only.

A pool keeps the square root of token1's raw amount per raw amount of token0, times 2**96, and the tick i for which
1.0001**i is the highest not above that price (Uniswap v3 white paper, sections 6.1 and 6.2).
"""

from decimal import Context, Decimal
from typing import Final

LEAST_ROOT: Final = 4_295_128_739
MOST_ROOT: Final = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
"""The pool's own bounds (TickMath): a root from LEAST_ROOT up to below MOST_ROOT."""

MOST_TICK: Final = 887_272

_Q192: Final = 2**192
_STEP: Final = Decimal("1.0001")
_TOLD: Final = Context(prec=28)
_FINE: Final = Context(prec=45)
_LESS, _MORE = Decimal("0.999999999999999"), Decimal("1.000000000000001")
"""How far the contract's own rounding of a root may lie beside the exact one, as a share."""


def price_of(root: int, decimals0: int, decimals1: int, *, is_inverted: bool = False) -> Decimal:
    """Token1 per token0 (inverted: token0 per token1) in whole tokens, rightly rounded to 28 digits.

    `root` is sqrtPriceX96. Raises: ValueError when it is outside of what a pool can hold.
    """
    if not LEAST_ROOT <= root < MOST_ROOT:
        raise ValueError("a root that no pool can hold")
    above, below = root * root * 10**decimals0, _Q192 * 10**decimals1
    if is_inverted:
        above, below = below, above
    return _TOLD.divide(Decimal(above), Decimal(below))


def is_tick_of(tick: int, root: int) -> bool:
    """Whether a pool can hold this tick and this root at once. The lower end of the next tick may be reached."""
    if abs(tick) > MOST_TICK:
        return False
    raw = _FINE.divide(Decimal(root * root), Decimal(_Q192))
    lower = _FINE.power(_STEP, tick)
    upper = _FINE.multiply(lower, _STEP)
    return _FINE.multiply(lower, _LESS) <= raw <= _FINE.multiply(upper, _MORE)


def signed(word: int, bits: int) -> int:
    """A word of the ABI as a signed whole number. Raises: ValueError when it does not fit into `bits`."""
    number = word - 2**256 if word >= 2**255 else word
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f"more than {bits} bits")
    return number
