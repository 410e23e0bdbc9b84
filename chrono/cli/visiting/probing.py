"""One venue from the name of its host to its first live price, step by step: where it stops is what is wrong.

A step that fails does not stop those that do not lean on it: a venue may refuse its stream and answer by REST.
"""

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from chrono.cli.visiting.asking import NO_ANSWER, AskedInVainError, Asker, moved
from chrono.cli.visiting.listening import Ear, listen
from chrono.cli.visiting.roster import is_off
from chrono.clock import MS_NS, Clock
from chrono.ingest.venues.ports import Network
from chrono.ingest.venues.spec import Stream, VenueSpec
from chrono.ingest.venues.words import Offered, RefusalKind, Ticked
from chrono.market.names import Market, base_of

BUSY: Final = ("BTC", "ETH", "XRP", "SOL")
"""What is asked for and subscribed to, where the venue has it: these say something every second."""

MOST_ASKED: Final = 5
POLLED: Final = "it is only polled"


class Outcome(StrEnum):
    """How one step, or a whole visit, ended."""

    OK = "ok"
    PARTLY = "partly"
    """Some steps were good, others not."""
    SILENT = "silent"
    """Connected and subscribed, but no price came in time."""
    REFUSED = "refused"
    GEO = "geo"
    """The venue does not serve this place."""
    FAILED = "failed"
    OFF = "off"
    """A chain, and no node is named to read it through."""
    SKIPPED = "skipped"


NEXT: Final = {
    Outcome.PARTLY: "Chrono lives on what works; look at the step that failed",
    Outcome.SILENT: "probe again later; `chrono markets audit` tells which symbols are gone",
    Outcome.REFUSED: "wait as long as the venue says, and see that nothing else here uses up its limits",
    Outcome.GEO: "the venue does not serve this place: leave it out of [venues] enabled, or run elsewhere",
    Outcome.OFF: "name an Ethereum node in [venues] ethereum_rpc, or do without",
    Outcome.FAILED: "mend the first failed step: name, network, firewall, clock or certificates",
}
"""What to do after a visit that ended so."""


class Step(Struct, frozen=True):
    """One step. `ms` is how long it took, None when it was not tried; `said` tells what came or why not."""

    name: str
    outcome: Outcome
    ms: float | None = None
    said: str = ""


class Visit(Struct):
    """A venue, visited. `offset_ms`: our clock minus the time in its freshest price, the way to us included.

    `frames` are the messages of its stream, as they came.
    """

    venue: str
    steps: list[Step] = field(default_factory=list)
    offset_ms: float | None = None
    frames: list[bytes] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """How it ended, over all steps."""
        outcomes = {step.outcome for step in self.steps} - {Outcome.SKIPPED}
        if outcomes <= {Outcome.OK}:
            return Outcome.OK
        for worst in (Outcome.OFF, Outcome.GEO, Outcome.REFUSED):
            if worst in outcomes:
                return worst
        if Outcome.FAILED not in outcomes:
            return Outcome.SILENT
        reached = {step.name for step in self.steps if step.outcome is Outcome.OK}
        return Outcome.PARTLY if reached & {"tickers", "list", "price"} else Outcome.FAILED

    @property
    def is_polled(self) -> bool:
        """Whether the venue has no stream to listen to."""
        return self.step("stream").said == POLLED or self.outcome is Outcome.OFF

    def step(self, name: str) -> Step:
        """The step of this name; skipped when it was not reached."""
        return next((step for step in self.steps if step.name == name), Step(name, Outcome.SKIPPED))


def busy_symbols(books: Mapping[str, Market]) -> list[str]:
    """The venue's symbols of the busiest assets, else its first: what a probe asks for."""
    busy = [symbol for base in BUSY for symbol, market in books.items() if base_of(market) == base]
    return (busy or list(books))[:MOST_ASKED]


class Prober:
    """Visits one venue, asking for these symbols.

    `timeout_s` is for each step; after the first price it listens for `listen_s` more. `host` is where the venue is
    found instead (`HOST:PORT`), for the steps below HTTP.
    """

    def __init__(
        self,
        spec: VenueSpec,
        symbols: Sequence[str],
        network: Network,
        clock: Clock,
        *,
        timeout_s: float,
        listen_s: float = 0.0,
        host: str | None = None,
    ) -> None:
        self.visit = Visit(spec.name)
        self._spec = spec
        self._symbols = list(symbols)
        self._network = network
        self._clock = clock
        self._asker = Asker(spec, network, clock)
        self._timeout_s = timeout_s
        self._listen_s = listen_s
        self._host = host

    async def run(self) -> Visit:
        """All steps. Does not raise for what the venue or the network does."""
        if is_off(self._spec):
            self.visit.steps.append(Step("dns", Outcome.OFF, None, "no node is named to read it through"))
        elif await self._reach():
            await self._try("tickers", self._tickers())
            await self._try("list", self._list())
            stream = self._spec.stream
            if stream is None:
                self.visit.steps.append(Step("stream", Outcome.SKIPPED, None, POLLED))
            else:
                await self._stream(stream)
        return self.visit

    async def _reach(self) -> bool:
        url = self._spec.rest.instruments.url
        parts = urlsplit(moved(url, self._host) if self._host else url)
        host, is_secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        if not await self._try("dns", _resolved(host, port)) or not await self._try("tcp", _opened(host, port, None)):
            return False
        return not is_secure or await self._try("tls", _opened(host, port, ssl.create_default_context()))

    async def _tickers(self) -> str:
        if not self._symbols:
            raise AskedInVainError("the map has no books of it")
        body = await self._asker.ask(self._spec.rest.tickers(self._symbols)[0])
        said = self._spec.rest.parse_tickers(body)
        prices = sum(isinstance(word, Ticked | Offered) for word in said)
        if not prices:
            raise AskedInVainError(f"no price in the answer ({len(body)} bytes)")
        return f"{prices} prices"

    async def _list(self) -> str:
        found = self._spec.rest.parse_instruments(await self._asker.ask(self._spec.rest.instruments))
        if not found:
            raise AskedInVainError("no instrument in the answer")
        return f"{sum(one.active for one in found)} of {len(found)} instruments trade"

    async def _stream(self, stream: Stream) -> None:
        ear = Ear(stream, self._clock)
        try:
            if await self._try("stream", listen(self._asker, stream, self._symbols, ear, self._network, self._clock)):
                await self._price(ear)
                await self._clock.sleep(self._listen_s if ear.prices else 0.0)
        finally:
            ear.close()
        self.visit.frames, self.visit.offset_ms = ear.frames, ear.offset_ms

    async def _price(self, ear: Ear) -> None:
        """Without a price in time the venue is silent, unless it said why."""
        started_ns = self._clock.monotonic_ns()
        try:
            async with asyncio.timeout(self._timeout_s):
                said, outcome = await ear.first_price(), Outcome.OK
        except (TimeoutError, AskedInVainError):
            said = ear.why_silent()
            outcome = Outcome.SILENT if ear.refused is None else _outcome(ear.refused)
        self.visit.steps.append(Step("price", outcome, self._ms(started_ns), said))

    async def _try(self, name: str, work: Coroutine[None, None, str]) -> bool:
        """Do it within the time; tells the step. True when it was good."""
        started_ns = self._clock.monotonic_ns()
        outcome = Outcome.OK
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await work
        except AskedInVainError as error:
            outcome, said = _outcome(error.kind), error.said
        except TimeoutError:
            outcome, said = Outcome.FAILED, f"{NO_ANSWER} within {self._timeout_s:g} s"
        except OSError as error:  # what ssl raises is one
            outcome, said = Outcome.FAILED, f"{type(error).__name__}: {error}"[:200]
        self.visit.steps.append(Step(name, outcome, self._ms(started_ns), said))
        return outcome is Outcome.OK

    def _ms(self, started_ns: int) -> float:
        return (self._clock.monotonic_ns() - started_ns) / MS_NS


def _outcome(kind: RefusalKind | None) -> Outcome:
    if kind is None or kind is RefusalKind.FAULT:
        return Outcome.FAILED
    return Outcome.GEO if kind is RefusalKind.GEO else Outcome.REFUSED


async def _resolved(host: str, port: int) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise AskedInVainError(f"no address for its name ({error.strerror})") from error
    return f"{host} is {found[0][4][0]}"


async def _opened(host: str, port: int, context: ssl.SSLContext | None) -> str:
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host if context else None)
    secured = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return (secured.version() or "TLS") if secured else f"port {port} is open"
