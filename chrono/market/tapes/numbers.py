"""Floats of a table as the decimals that they were written as."""

from decimal import Decimal

_REMEMBERED = 100_000


class Decimals(dict[float, Decimal]):
    """The shortest decimal of each float, remembered: venues repeat their prices all day."""

    def __missing__(self, number: float) -> Decimal:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[number] = decimal = Decimal(repr(number))
        return decimal
