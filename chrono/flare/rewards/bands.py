"""Which values a round pays for: those between the quartiles, and those near the median. Source: fsp.md 7, step 4."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono.flare.median import Median
from chrono.flare.units import BIPS, PPM
from chrono_core import keccak256

_BPS_STEP: Final = Decimal("0.01")


class PrimaryBand(Struct, frozen=True):
    """From one quartile to the other (IQR): half of the weight stands in it."""

    low: int
    high: int

    def holds(self, value: int, feed_id: bytes, voting_round_id: int, submit: Address) -> bool:
        """Whether a value is paid for by this band; on its edge that depends on the round and the voter."""
        if value in {self.low, self.high}:
            return on_quartile_counts(feed_id, voting_round_id, submit)
        return self.low < value < self.high


class SecondaryBand(Struct, frozen=True):
    """The neighbours of the median (PCT), as far as the offer says; its edges do not belong to it."""

    lower: int
    upper: int

    def __contains__(self, value: int) -> bool:
        return self.lower < value < self.upper


def primary_band(median: Median) -> PrimaryBand | None:
    """None when the median has no quartiles."""
    if median.quartile1 is None or median.quartile3 is None:
        return None
    return PrimaryBand(median.quartile1, median.quartile3)


def secondary_band(median: Median, width_ppm: int) -> SecondaryBand:
    """The values less than `width_ppm` of the median away from it, in whole units."""
    width = abs(median.value) * width_ppm // PPM
    return SecondaryBand(median.value - width, median.value + width)


def on_quartile_counts(feed_id: bytes, voting_round_id: int, submit: Address) -> bool:
    """Whether a value that equals a quartile counts as inside: a coin that nobody can choose decides for each voter."""
    # abi.encode(bytes, uint256, address): the dynamic bytes stand behind the three words of the head.
    head = word(3 * 32) + word(voting_round_id) + bytes(12) + submit
    tail = word(len(feed_id)) + feed_id.ljust(-(-len(feed_id) // 32) * 32, b"\0")
    return keccak256(head + tail)[-1] % 2 == 1


def deviation_bps(value: int, median: int) -> Decimal | None:
    """How far a value lies above the median (below: negative), in bps of it, two places; None for a median of 0."""
    if not median:
        return None
    return (Decimal((value - median) * BIPS) / abs(median)).quantize(_BPS_STEP)
