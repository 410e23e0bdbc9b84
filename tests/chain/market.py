"""What feeds are worth on the local chain: the same for everybody up to a little noise, and a function of the round."""

import hashlib
import math
from decimal import ROUND_HALF_UP, Decimal

KNOWN = {
    "BTC/USD": 97_000.0,
    "ETH/USD": 3_400.0,
    "FLR/USD": 0.0148,
    "XRP/USD": 2.21,
    "SOL/USD": 187.0,
    "LTC/USD": 104.0,
}
NOISE = 0.0004
SWING = 0.01
ROUNDS_OF_SWING = 40


def price(feed: str, round_id: int) -> float:
    """In USD, moving slowly from round to round."""
    base = KNOWN.get(feed, 1 + _chance(feed, 0) * 99)
    return base * (1 + SWING * math.sin(round_id * 2 * math.pi / ROUNDS_OF_SWING + _chance(feed, 1) * 6))


def vote(name: str, feed: str, decimals: int, round_id: int) -> int | None:
    """A twin's value; now and then it has none."""
    luck = _chance(f"{name} {feed}", round_id)
    if luck > 0.97:
        return None
    value = Decimal(price(feed, round_id) * (1 + NOISE * (2 * luck - 1)))
    return int(value.scaleb(decimals).quantize(Decimal(1), ROUND_HALF_UP))


def _chance(text: str, number: int) -> float:
    told = hashlib.sha256(f"{text} {number}".encode()).digest()
    return int.from_bytes(told[:6], "big") / 2**48
