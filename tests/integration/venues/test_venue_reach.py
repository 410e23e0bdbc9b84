"""Whether a venue answers is found out over real sockets, and a venue that does not costs no more than the time given."""

from contextlib import AsyncExitStack

from chrono.ingest.venues.reach import first_to_answer
from chrono.ingest.venues.transport import Transport
from chrono.market.names import Venue
from tests.fakes.venue_house import markets_of
from tests.fakes.venue_server import venue


async def found(*, refuses: tuple[str, ...] = (), names: tuple[str, ...] = ("kraken", "coinbase")) -> str | None:
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(venue(name)) for name in names}
        for name in refuses:
            servers[name].rest_refuses = (451, {}, b"not from where you are")
        specs = {name: server.spec() for name, server in servers.items()}
        markets = {Venue(name): markets_of(specs[name], servers[name].wire.symbols) for name in names}
        network = Transport()
        stack.push_async_callback(network.close)
        return await first_to_answer(specs.values(), markets, network, 20.0)


async def test_one_venue_that_answers_is_enough() -> None:
    assert await found(refuses=("coinbase",)) == "kraken"
    assert await found(refuses=("kraken",)) == "coinbase"


async def test_venues_that_all_refuse_are_none() -> None:
    assert await found(refuses=("kraken", "coinbase")) is None


async def test_without_any_mapped_symbol_nobody_is_asked() -> None:
    assert await found(names=()) is None
