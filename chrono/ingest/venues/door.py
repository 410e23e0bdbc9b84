"""All venues behind one door: quotes out to whoever subscribed at once, and to the store behind."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from chrono.clock import Clock
from chrono.errors import UNKNOWN_MARKET, UNKNOWN_VENUE, ChronoError
from chrono.ingest.venues.behind import Behind, WrittenBehind
from chrono.ingest.venues.connector import Connector
from chrono.ingest.venues.peers import Peers
from chrono.ingest.venues.ports import Network, Store, Subscriber, TradeStore
from chrono.ingest.venues.report import Reporter, VenueReport
from chrono.ingest.venues.roster import NAMES, spec_of
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.transport import Transport
from chrono.market.names import Market, Venue, parse_market
from chrono.market.quote import Quote, Trade
from chrono.settings import Venues
from chrono.telemetry import SUBSCRIBER_FAILURES, VENUE_LIVE, VENUE_QUOTES

TURN_S: Final = 0.05
"""How often the books whose turn has come are looked for."""

REPORT_S: Final = 1.0

Part = tuple[str, Callable[[], Awaitable[None]]]

log = structlog.get_logger()


def venue_names(settings: Venues) -> tuple[str, ...]:
    """The venues that the settings enable. Raises: ChronoError(UNKNOWN_VENUE) for a name not on the roster."""
    names = NAMES if "all" in settings.enabled else settings.enabled
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise ChronoError(UNKNOWN_VENUE, venues=", ".join(unknown))
    return names


def enabled_specs(settings: Venues) -> dict[str, VenueSpec]:
    """The enabled venues that can be read: a chain only through the node that the settings name.

    Raises: ChronoError(UNKNOWN_VENUE) for a name that is not on the roster.
    """
    found: dict[str, VenueSpec] = {}
    for name in venue_names(settings):
        spec = spec_of(name)
        if spec.through_node is None:
            found[name] = spec
        elif settings.ethereum_rpc is not None:
            found[name] = spec.through_node(settings.ethereum_rpc.reveal())
        else:
            log.info("venue_off", venue=name, why="no node is named (venues.ethereum_rpc)")
    return found


def stored_trades(settings: Venues, markets: Mapping[Venue, Mapping[str, Market]]) -> frozenset[Market]:
    """The markets whose trades are stored. Raises: ChronoError(UNKNOWN_MARKET) for one that no venue is read for."""
    known = frozenset(market for symbols in markets.values() for market in symbols.values())
    if "all" in settings.store_trades:
        return known
    wanted = frozenset(parse_market(name.upper()) for name in settings.store_trades)
    if unknown := sorted(wanted - known):
        raise ChronoError(UNKNOWN_MARKET, market=", ".join(unknown), setting="venues.store_trades")
    return wanted


class VenueDoor:
    """Reads the venues. Nothing runs before `parts` are started."""

    def __init__(
        self,
        specs: Mapping[str, VenueSpec],
        markets: Mapping[Venue, Mapping[str, Market]],
        clock: Clock,
        *,
        write: Store | None = None,
        store_every_s: float = 10.0,
        write_trades: TradeStore | None = None,
        trades_of: frozenset[Market] = frozenset(),
        network: Network | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._network = Transport() if network is None else network
        self._behind = None if write is None else WrittenBehind(write, clock, store_every_s)
        self._trades: Behind[Trade] | None = None
        if write_trades is not None and trades_of:
            self._trades = Behind(write_trades, clock, "trades")
        self._subscribers: list[Subscriber] = []
        self._ready: list[Quote] = []
        self._turn: asyncio.Handle | None = None
        peers = Peers()
        self.connectors = {
            name: Connector(
                spec,
                markets.get(Venue(name), {}),
                clock=clock,
                network=self._network,
                peers=peers,
                jitter=jitter,
                tell=self._tell,
                tell_trades=self._keep_trades,
                trades_of=None if self._trades is None else trades_of,
            )
            for name, spec in specs.items()
        }
        self._reporters = {name: Reporter(connector) for name, connector in self.connectors.items()}

    @classmethod
    def build(
        cls,
        settings: Venues,
        markets: Mapping[Venue, Mapping[str, Market]],
        clock: Clock,
        *,
        write: Store | None = None,
        write_trades: TradeStore | None = None,
        network: Network | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> "VenueDoor":
        """The venues that the settings enable, for the markets that `markets` maps to their symbols.

        `markets` gives for each venue its symbols and the market that each is. A venue without any stays off.
        Raises: ChronoError(UNKNOWN_VENUE) for a name that is not on the roster.
        """
        specs = {name: spec for name, spec in enabled_specs(settings).items() if markets.get(Venue(name))}
        return cls(
            specs,
            markets,
            clock,
            write=write,
            store_every_s=settings.store_every_s,
            write_trades=write_trades,
            trades_of=stored_trades(settings, markets),
            network=network,
            jitter=jitter,
        )

    def on_quotes(self, callback: Subscriber) -> None:
        """Tell `callback` of every quote at once, before it is kept."""
        self._subscribers.append(callback)

    def parts(self) -> list[Part]:
        """What is to be supervised: one part per venue, the turns of the books, and the store."""
        parts: list[Part] = [(f"venue_{name}", connector.run) for name, connector in self.connectors.items()]
        parts.append(("venue_turns", self._turns))
        parts.append(("venue_reports", self._measure))
        if self._behind is not None:
            parts.append(("venue_store", self._behind.run))
        if self._trades is not None:
            parts.append(("venue_trades", self._trades.run))
        return parts

    def states(self) -> list[VenueReport]:
        """Every venue as it is now, by name."""
        now_ns, wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()
        return [reporter.report(now_ns, wall_ns) for _, reporter in sorted(self._reporters.items())]

    async def close(self) -> None:
        """Let go of the network; the parts are stopped already."""
        await self._network.close()

    def _tell(self, quotes: list[Quote]) -> None:
        """Hand over what one message gave, together with what else this turn of the loop gives."""
        self._ready.extend(quotes)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._hand_over)

    def _keep_trades(self, trades: list[Trade]) -> None:
        if self._trades is not None:
            self._trades.add(trades)

    def _hand_over(self) -> None:
        self._turn = None
        quotes, self._ready = self._ready, []
        for tell in self._subscribers:
            try:
                tell(quotes)
            except Exception:
                # The others must still be told.
                name = getattr(tell, "__qualname__", repr(tell))
                log.exception("subscriber_failed", subscriber=name)
                SUBSCRIBER_FAILURES.labels(name).inc()
        if self._behind is not None:
            self._behind.add(quotes)

    async def _turns(self) -> None:
        while True:
            await self._clock.sleep(TURN_S)
            now_ns = self._clock.monotonic_ns()
            for connector in self.connectors.values():
                quotes = connector.due(now_ns)
                if quotes:
                    self._tell(quotes)

    async def _measure(self) -> None:
        """Keep the metrics of each venue, and since when it is in its state."""
        told: dict[str, int] = {}
        while True:
            for report in self.states():
                VENUE_LIVE.labels(report.venue).set(report.state == "live")
                more = report.quotes - told.get(report.venue, 0)
                told[report.venue] = report.quotes
                VENUE_QUOTES.labels(report.venue, report.by or "none").inc(more)
            await self._clock.sleep(REPORT_S)
