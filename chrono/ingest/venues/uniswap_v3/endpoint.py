"""How pools are read: polled through a node that the operator names (setting `venues.ethereum_rpc`)."""

from collections.abc import Sequence
from typing import Final

from chrono.ingest.venues.spec import Budget, Request, Rest, VenueSpec
from chrono.ingest.venues.uniswap_v3.calls import identities, prices
from chrono.ingest.venues.uniswap_v3.parse import parse_instruments, parse_tickers, refusal
from chrono.ingest.venues.uniswap_v3.pools import POOLS

_POOLS_PER_REQUEST: Final = 4
"""With the block nine calls to a batch: some nodes take no more than ten."""

_BLOCK_S: Final = 12.0


def through_node(url: str) -> VenueSpec:
    """The venue as read through the node at `url`. Without one nothing is asked."""

    def tickers(symbols: Sequence[str]) -> list[Request]:
        known = [symbol for symbol in symbols if symbol in POOLS] if url else []
        shares = [known[at : at + _POOLS_PER_REQUEST] for at in range(0, len(known), _POOLS_PER_REQUEST)]
        return [Request(url, "POST", prices(pools), 1.0 + 2 * len(pools)) for pools in shares]

    return VenueSpec(
        name="uniswap_v3",
        title="Uniswap v3 on Ethereum",
        docs="https://docs.uniswap.org/contracts/v3/reference/core/UniswapV3Pool",
        stream=None,
        rest=Rest(
            tickers=tickers,
            parse_tickers=parse_tickers,
            instruments=Request(url, "POST", identities(), 3.0 * len(POOLS)),
            parse_instruments=parse_instruments,
            refusal=refusal,
            budget=Budget(units=60, per_s=1),
            poll_every_s=_BLOCK_S,
        ),
        quotes_late_s=60.0,
        through_node=through_node,
    )


SPEC: Final = through_node("")
"""Off: `through_node` makes the venue that can be read."""
