"""Whether any venue can be reached from here: asked once, before anything is built on the answer."""

import asyncio
from collections.abc import Iterable, Mapping

from chrono.ingest.venues.ports import LineError, Network
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.words import Ticked
from chrono.market.names import Market, Venue


async def first_to_answer(
    specs: Iterable[VenueSpec],
    markets: Mapping[Venue, Mapping[str, Market]],
    network: Network,
    within_s: float,
) -> str | None:
    """The name of the first venue that tells a price of a mapped symbol; None when none does within `within_s`."""
    asked = [asyncio.create_task(_answers(spec, list(markets.get(Venue(spec.name), ())), network)) for spec in specs]
    try:
        async with asyncio.timeout(within_s):
            for answered in asyncio.as_completed(asked):
                name = await answered
                if name is not None:
                    return name
    except TimeoutError:
        return None
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return None


async def _answers(spec: VenueSpec, symbols: list[str], network: Network) -> str | None:
    requests = spec.rest.tickers(symbols) if symbols else []
    for request in requests[:1]:
        try:
            answer = await network.fetch(request)
        except LineError:
            return None
        if spec.rest.refusal(answer.status, answer.headers, answer.body) is None:
            said = spec.rest.parse_tickers(answer.body)
            if any(isinstance(word, Ticked) and word.symbol in symbols for word in said):
                return spec.name
    return None
