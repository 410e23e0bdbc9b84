"""Values as other processes see them: the JSON in Redis, and how it becomes an Estimate again."""

from base64 import b64encode
from decimal import Decimal
from secrets import token_bytes
from typing import Any

import msgspec
from msgspec import Struct, json

from chrono.clock import to_rfc3339
from chrono.errors import NO_DERIVATION, ChronoError
from chrono.market.names import Market
from chrono.pricing.estimate import Estimate

_EVIDENCE = "evidence"
_VALUES = tuple(field for field in msgspec.structs.fields(Estimate) if field.name != _EVIDENCE)
_Numbers: Any = msgspec.defstruct("_Numbers", [(field.name, field.type) for field in _VALUES], frozen=True)


class Elsewhere(Struct, frozen=True):
    """The evidence of a value that another instance computed: it has the inputs, we have not."""

    instance: str

    def derivation(self) -> bytes:
        """Raises: ChronoError(NO_DERIVATION)."""
        raise ChronoError(NO_DERIVATION, computed_by=self.instance)


class Shared(Struct, frozen=True):
    """One value in Redis: what any reader expects of a price first, then the whole estimate."""

    symbol: str
    price: Decimal
    volume: Decimal | None
    source: str
    timestamp: str
    at_us: int
    instance: str
    estimate: _Numbers

    def to_estimate(self) -> Estimate:
        """The estimate, whose evidence is elsewhere."""
        numbers = {field.name: getattr(self.estimate, field.name) for field in _VALUES}
        return Estimate(**numbers, evidence=Elsewhere(self.instance))


def new_instance() -> str:
    """A name of this process that no other bears."""
    return b64encode(token_bytes(9), altchars=b"-_").decode()


def encode(estimate: Estimate, instance: str) -> bytes:
    """The value as JSON."""
    numbers = _Numbers(**{field.name: getattr(estimate, field.name) for field in _VALUES})
    return json.encode(
        Shared(
            symbol=estimate.market,
            price=estimate.price,
            volume=estimate.volume,
            source="aggregated",
            timestamp=to_rfc3339(estimate.at_ns),
            at_us=estimate.at_ns // 1000,
            instance=instance,
            estimate=numbers,
        )
    )


def decode(told: bytes) -> Shared | None:
    """The value; None when another program, or another version, wrote something else there."""
    try:
        return json.decode(told, type=Shared)
    except msgspec.MsgspecError:
        return None


def latest_key(market: Market) -> str:
    """Where the newest value of a market lies."""
    return f"latest:{market}"


def price_key(market: Market) -> str | None:
    """Where the newest dollar price of a base lies; None for a market in another currency."""
    base, _, quote = market.partition("/")
    return f"price:{base}:latest" if quote == "USD" else None


def range_key(market: Market, start_ns: int, end_ns: int, interval: str) -> str:
    """Where the answer to a range query lies."""
    return f"range:{market}:{to_rfc3339(start_ns)}:{to_rfc3339(end_ns)}:{interval}"


def consensus_key(market: Market, at_ns: int) -> str:
    """Where the answer to a consensus query lies."""
    return f"consensus:{market}:{to_rfc3339(at_ns)}"
