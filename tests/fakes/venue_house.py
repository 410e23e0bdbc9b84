"""Venues on loopback, read by the real door: what a test of the whole path needs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from chrono.clock import SystemClock
from chrono.ingest.venues.door import VenueDoor
from chrono.ingest.venues.report import VenueReport
from chrono.ingest.venues.spec import Heartbeat, VenueSpec
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote
from tests.fakes.venue_server import VenueServer, running, venue

BTC, ETH = Market("BTC/USD"), Market("ETH/USD")

CALM = Heartbeat(every_s=60.0, silent_after_s=60.0)
"""No verdict about the socket within a test."""


class VenueHouse:
    """The door and the servers it reads. `quotes` is everything that was told."""

    def __init__(self, door: VenueDoor, servers: Mapping[str, VenueServer]) -> None:
        self.door = door
        self.servers = servers
        self.quotes: list[Quote] = []
        door.on_quotes(self.quotes.extend)

    def report(self, name: str) -> VenueReport:
        return next(report for report in self.door.states() if report.venue == name)

    def state(self, name: str) -> str:
        return self.report(name).state

    def told(self, name: str, market: Market = BTC) -> list[Quote]:
        return [quote for quote in self.quotes if quote.venue == name and quote.market == market]


def markets_of(spec: VenueSpec, symbols: tuple[str, ...]) -> dict[str, Market]:
    return dict(zip(symbols, (BTC, ETH), strict=True))


@asynccontextmanager
async def house(changes: Mapping[str, Mapping[str, object]], **how: object) -> AsyncIterator[VenueHouse]:
    """A door that reads these venues; each is given the changes of its spec that the test wants."""
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(venue(name)) for name in changes}
        specs = {name: servers[name].spec(**({"heartbeat": CALM} | dict(asked))) for name, asked in changes.items()}
        markets = {Venue(name): markets_of(specs[name], servers[name].wire.symbols) for name in specs}
        door = VenueDoor(specs, markets, SystemClock(), jitter=lambda: 0.0, **how)  # type: ignore[arg-type]
        built = VenueHouse(door, servers)
        try:
            await stack.enter_async_context(running(*(run for _, run in door.parts())))
            yield built
        finally:
            await stack.aclose()
            await door.close()
