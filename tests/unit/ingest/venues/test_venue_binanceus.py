"""Binance.US is another exchange with the same wire: its own addresses, its own limits."""

from chrono.ingest.venues.binance.endpoint import SPEC as WORLD
from chrono.ingest.venues.binanceus.endpoint import SPEC


def test_its_addresses_and_limits_are_its_own_and_its_wire_is_binances():
    assert SPEC.stream.url(["BTCUSD"]) == "wss://stream.binance.us:9443/stream"
    assert SPEC.rest.instruments.url.startswith("https://api.binance.us/")
    assert SPEC.rest.budget.units < WORLD.rest.budget.units
    assert SPEC.stream.parse is WORLD.stream.parse
