"""The Flare network of `chrono dev`: in memory, with short epochs, simulated voters around our prices, and ourselves.

It votes on what our market prices: nobody there knows more than we do.

Nothing leaves the process. What signs are keys that anybody can read in the source; they are worth nothing elsewhere.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from chrono.clock import Clock
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.networks import Network
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.market.map import MarketMap
from chrono.provider.hot_keys import HotKey, HotKeys
from chrono.provider.memory_log import MemoryLog
from chrono.provider.setup import ProviderSetup
from chrono.provider.voter import Crossing
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.venues import ASSETS, CURRENCIES
from chrono.voting.provider_report import Mode

EPOCH_S: Final = 20
REVEAL_S: Final = 10
"""A round is over in less than a minute, so that its whole course can be watched."""

ROUNDS: Final = 45
"""Of a reward epoch: a quarter of an hour."""


class DevFlare:
    """The network and our place in it. Fits voter.Begin; made anew with the thread that runs it."""

    def __init__(self, clock: Clock, *, simulated: bool) -> None:
        """`simulated`: our market is the simulated one, which prices a third of the feeds."""
        self._clock = clock
        self._feeds = simulated_feeds() if simulated else all_feeds()
        self.network: Network = network_at(clock.now_ns(), rounds=ROUNDS, epoch_s=EPOCH_S, reveal_s=REVEAL_S)

    @asynccontextmanager
    async def __call__(self, crossing: Crossing) -> AsyncIterator[ProviderSetup]:
        """The network, running beside the provider in its loop."""

        def price(feed: FeedId, at_ns: int) -> Decimal | None:
            """What the market says now, which all voters see."""
            del at_ns
            (found,) = crossing.market([feed])
            return found

        flare = SimulatedFlare(self._clock, network=self.network, feeds=self._feeds, prices=price)
        keys = Keyring.of("chrono dev")
        entity = keys.entity()
        flare.join(entity)
        flare.begin()
        # The round that runs has begun already, and we may still vote in it: the others are to as well.
        flare.rounds.plan(self.network.timing.round_at(self._clock.now_ns()).id)
        yield ProviderSetup(
            network=self.network,
            identity=entity.identity,
            registry=flare.registry,
            nodes=flare.nodes(),
            clock=self._clock,
            log=MemoryLog(),
            values=crossing.values,
            keys=_opened(keys),
            mode=Mode.LIVE,
            reports=crossing.reports,
            tally=crossing.tally,
            besides=(("flare", flare.run),),
        )


def all_feeds() -> list[Feed]:
    """Every feed that Flare votes on, in the order of the market map."""
    return [Feed(FeedId(each.category, each.market), each.decimals) for each in MarketMap.load().feeds]


def simulated_feeds() -> list[Feed]:
    """Those that the simulated market prices."""
    priced = {f"{asset.name}/USD" for asset in (*ASSETS, *CURRENCIES)}
    return [feed for feed in all_feeds() if feed.id.name in priced]


def _opened(keys: Keyring) -> HotKeys:
    entity = keys.entity()
    return HotKeys(
        (
            HotKey(Role.SUBMIT, entity.submit, SecretKey(keys.submit)),
            HotKey(Role.SUBMIT_SIGNATURES, entity.submit_signatures, SecretKey(keys.submit_signatures)),
            HotKey(Role.SIGNING_POLICY, entity.signing_policy, SecretKey(keys.signing_policy)),
        )
    )
