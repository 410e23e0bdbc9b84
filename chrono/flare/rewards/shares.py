"""Dividing whole wei so that nothing is lost and nothing is made. Source: fsp.md section 7, steps 1, 4 and 8."""

from collections.abc import Sequence


def truncated(numerator: int, denominator: int) -> int:
    """`numerator / denominator` cut toward zero, as the reference divides; penalties are negative, so floor differs.

    Raises: ZeroDivisionError.
    """
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def equal_share(total: int, parts: int, place: int) -> int:
    """What part `place` (from 0) of `parts` gets of `total` wei: the first `total % parts` get one wei more.

    Raises: ZeroDivisionError for no parts.
    """
    share, remainder = divmod(total, parts)
    return share + (place < remainder)


def declining_shares(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` divided by `weights`, in their order: each takes its share of what is left, so that nothing is left.

    A weight of 0 takes nothing. Without any weight nobody takes anything. Negative amounts are cut toward zero.
    """
    left, weight_left = amount, sum(weights)
    shares = []
    for weight in weights:
        share = truncated(weight * left, weight_left) if weight else 0
        shares.append(share)
        left -= share
        weight_left -= weight
    return shares
