"""A ready-made consensus, with evidence that says what it was given."""

from decimal import Decimal

from chrono.errors import Reason
from chrono.market.names import Market, Venue
from chrono.pricing.estimate import Estimate, Evidence, Exclusion, Quality

BTC = Market("BTC/USD")


class Told:
    """Evidence that says what it was given."""

    def __init__(self, text: bytes = b"{}") -> None:
        self.text = text

    def derivation(self) -> bytes:
        return self.text


def estimate(
    at_ns: int,
    *,
    market: Market = BTC,
    price: str = "67234.5600",
    evidence: Evidence | None = None,
    reason: Reason | None = None,
) -> Estimate:
    number = Decimal(price)
    return Estimate(
        market=market, at_ns=at_ns, newest_at_ns=at_ns, price=number, volume=Decimal(3), vwap=None, twap=number,
        median=number, weighted_median=number, mean=number, std_dev=Decimal("0.10"), spread_bps=Decimal("1.5"),
        confidence=Decimal("0.9500"), quality=Quality.OK, sources=(Venue("binance"), Venue("kraken")),
        excluded=(Exclusion(Venue("okx"), 'out"lier\\', book=BTC),), minimum_sources=3, reason=reason,
        evidence=evidence or Told(),
    )  # fmt: skip
