"""The update itself: for each feed one step up, one step down, or none.

Two bits per feed, most significant first: 01 up, 11 down, 00 (and 10) none. Feed values are 32-bit
unsigned integers on chain, eight to a storage slot. Fixed points: range and sample size have 120
fraction bits, precision and scale 127. Source: fsp.md section 8; `FastUpdater._applySubmitted`,
`FixedPointArithmetic.sol`, and for the choice the official Go client's `GetDeltas`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

UP, NONE, DOWN = 1, 0, -1
SCALE_BITS: Final = 127
SAMPLE_BITS: Final = 120
FEEDS_PER_SLOT: Final = 8
VALUE_BITS: Final = 32
_TWO_BITS: Final = {NONE: 0b00, UP: 0b01, DOWN: 0b11}
_STEP: Final = (NONE, UP, NONE, DOWN)


def encode_deltas(deltas: Sequence[int]) -> bytes:
    """One delta (1, 0, -1) per feed, in the order of the feeds; four to a byte, the last one filled with none.

    Raises: ValueError for anything else than 1, 0 and -1.
    """
    packed = bytearray(-(-len(deltas) // 4))
    for place, delta in enumerate(deltas):
        if delta not in _TWO_BITS:
            raise ValueError(f"deltas[{place}] is {delta}: a feed goes up (1), down (-1) or nowhere (0)")
        packed[place // 4] |= _TWO_BITS[delta] << 2 * (3 - place % 4)
    return bytes(packed)


def decode_deltas(data: bytes) -> list[int]:
    """Four deltas per byte, as the contract reads them: 10 is none."""
    return [_STEP[byte >> shift & 0b11] for byte in data for shift in (6, 4, 2, 0)]


def precision(range_: int, sample_size: int) -> int:
    """How far one delta moves a feed, as a share of it (127 fraction bits): range / sample size, rounded down.

    Raises: ZeroDivisionError for a sample size of 0, as the contract reverts.
    """
    return (range_ << SCALE_BITS) // sample_size


def scale(range_: int, sample_size: int) -> int:
    """What a delta multiplies or divides by (127 fraction bits): one and the precision."""
    return (1 << SCALE_BITS) + precision(range_, sample_size)


def apply_deltas(values: Sequence[int], deltas: bytes, scale_: int) -> list[int]:
    """The feed values after one update, as the contract's storage holds them.

    A value that grows beyond 32 bits spills into its left neighbour in the slot, and is cut off at the
    slot's end: the contract does the same. Deltas beyond the last feed change nothing here.
    """
    moved = list(values)
    for place, step in enumerate(decode_deltas(deltas)[: len(moved)]):
        if step == UP:
            moved[place] = moved[place] * scale_ >> SCALE_BITS
        elif step == DOWN:
            moved[place] = (moved[place] << SCALE_BITS) // scale_
    return _stored(moved)


def _stored(values: list[int]) -> list[int]:
    """What is read back after the values were or-ed into slots of eight."""
    low = (1 << VALUE_BITS) - 1
    kept = [value & low for value in values]
    for place, value in enumerate(values):
        left = place
        while (value := value >> VALUE_BITS) and left % FEEDS_PER_SLOT:
            left -= 1
            kept[left] |= value & low
    return kept


def chain_price(value: int, decimals: int) -> Decimal:
    """The price that a feed value on chain stands for; its decimals may be negative."""
    return Decimal(value).scaleb(-decimals)


def block_step(range_: int, sample_size: int) -> Fraction:
    """How far all updates that are expected in a block move a feed, as a share of it: precision * sample size."""
    return Fraction(precision(range_, sample_size) * sample_size, 1 << (SCALE_BITS + SAMPLE_BITS))


def choose_deltas(
    chain: Sequence[Decimal | None],
    own: Sequence[Decimal | None],
    step: Fraction,
    draw: Callable[[], float],
) -> list[int]:
    """The official client's choice: towards our price, surely beyond a step, else with probability distance / step.

    Shapes: both (feeds,), in the order of the feeds; None is a feed that is gone or a price that we do not
    know, and stays. `draw` gives numbers in [0, 1), once for every known feed within a step. The list ends
    with the last feed for which both are known. Raises: ValueError for columns of different length.
    """
    chosen: list[int] = []
    known = 0
    for on_chain, ours in zip(chain, own, strict=True):
        if on_chain is None or ours is None:
            chosen.append(NONE)
            continue
        chosen.append(_choose(Fraction(on_chain), Fraction(ours), step, draw))
        known = len(chosen)
    return chosen[:known]


def _choose(on_chain: Fraction, ours: Fraction, step: Fraction, draw: Callable[[], float]) -> int:
    distance, reach = abs(ours - on_chain), step * on_chain
    moves = distance > reach or Fraction(draw()) * reach < distance
    if not moves or distance == 0:
        return NONE
    return UP if ours > on_chain else DOWN
