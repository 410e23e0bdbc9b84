"""Venues on loopback that also have an instrument list: what the commands that visit venues need."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from tests.fakes.venue_server import VenueServer, answer
from tests.fakes.venue_wires import WIRES

MAP = """
[BTC]
feed = "BTC/USD"
name = "Bitcoin"
decimals = 2
[BTC.books]
coinbase = { BTC-USD = "USD" }
binance = { BTCUSDT = "USDT" }
kraken = { "BTC/USD" = "USD" }

[ETH]
feed = "ETH/USD"
name = "Ethereum"
decimals = 3
[ETH.books]
coinbase = { ETH-USD = "USD" }
binance = { ETHUSDT = "USDT" }
kraken = { "ETH/USD" = "USD" }
"""
"""A market map of just what the three venues quote."""

NAMES = ("coinbase", "binance", "kraken")
PATHS = {"coinbase": "product_type=SPOT", "binance": "exchangeInfo", "kraken": "AssetPairs"}


class ListingServer(VenueServer):
    """A venue with a list: `listed` are the symbols of its list, and whether each is traded."""

    def __init__(self, name: str) -> None:
        super().__init__(WIRES[name](), every_s=0.02)

    async def _request(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        if PATHS[self.wire.name] in request.path and self.rest_refuses is None:
            self.lists += 1
            return answer(200, {}, self.wire.instruments(self.listed))
        return await super()._request(connection, request)


@asynccontextmanager
async def listing_venues() -> AsyncIterator[dict[str, ListingServer]]:
    """Coinbase, Binance and Kraken, running."""
    async with AsyncExitStack() as stack:
        servers = {name: ListingServer(name) for name in NAMES}
        for server in servers.values():
            await server.start()
            stack.push_async_callback(server.stop)
        yield servers


def at(servers: Mapping[str, VenueServer]) -> list[str]:
    """The options that send the command to these servers."""
    return [part for name, server in servers.items() for part in ("--at", f"{name}=127.0.0.1:{server.port}")]
