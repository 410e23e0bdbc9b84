"""What can go wrong at a venue, on demand."""

from enum import StrEnum

from msgspec import Struct

from chrono.market.names import Market, Venue


class FaultKind(StrEnum):
    """How a simulated venue misbehaves."""

    FROZEN = "frozen"
    """It repeats its last price with fresh times."""
    SILENT = "silent"
    """It says nothing."""
    LAGGING = "lagging"
    """Its quotes arrive `factor` seconds late, with their true times."""
    WRONG = "wrong"
    """Its prices are multiplied by `factor`."""
    DEPEG = "depeg"
    """The asset itself is worth `factor` of what it was, at every venue: `market` is `USDC/USD`, `venue` None."""


class Fault(Struct, frozen=True):
    """One misbehaviour from `from_ns` on, up to but not including `until_ns`.

    `venue` None means every venue, `market` None every market of it.
    """

    kind: FaultKind
    venue: Venue | None
    market: Market | None
    from_ns: int
    until_ns: int
    factor: float = 10.0

    def strikes(self, venue: Venue, market: Market, at_ns: int) -> bool:
        """Whether it acts on this book now."""
        here = self.venue in (None, venue) and self.market in (None, market)
        return here and self.from_ns <= at_ns < self.until_ns
