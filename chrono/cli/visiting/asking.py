"""One venue, asked by hand: its requests under its own budget, its answers told apart from its refusals."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from chrono.clock import Clock
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.ports import Answer, LineError, Listener, Network, Wire
from chrono.ingest.venues.spec import Request, VenueSpec
from chrono.ingest.venues.words import RefusalKind, Refused

NO_ANSWER: Final = "no answer"


class AskedInVainError(Exception):
    """The venue gave no usable answer. `kind` is the refusal's, None when nothing came at all."""

    def __init__(self, said: str, kind: RefusalKind | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.kind = kind


class Asker:
    """Asks one venue. All that it sends counts against one allowance, as when Chrono runs."""

    def __init__(self, spec: VenueSpec, network: Network, clock: Clock) -> None:
        self.spec = spec
        self._network = network
        self._clock = clock
        self._allowance = Allowance(spec.rest.budget)

    async def ask(self, request: Request) -> bytes:
        """The body of a good answer. Raises: AskedInVainError without one, or with a refusal."""
        await self._allowance.wait(self._clock, request.weight)
        try:
            answer = await self._network.fetch(request)
        except LineError as error:
            raise AskedInVainError(f"{NO_ANSWER}: {error}") from error
        refused = self.spec.rest.refusal(answer.status, answer.headers, answer.body)
        if refused is not None:
            raise AskedInVainError(told(refused), refused.kind)
        return answer.body


def told(refused: Refused) -> str:
    """A refusal in a few words."""
    return f"{refused.kind.value.replace('_', ' ')}: {refused.said}"[:200]


class Elsewhere(Struct, frozen=True):
    """A network that finds a venue at another address, in the clear: a stand-in on this machine, or a tunnel.

    `host` is `HOST:PORT`. Fits: ingest.venues.ports.Network.
    """

    network: Network
    host: str

    async def connect(self, url: str, listener: Listener) -> Wire:
        """As the network's, at the other address."""
        return await self.network.connect(moved(url, self.host), listener)

    async def fetch(self, request: Request) -> Answer:
        """As the network's, at the other address."""
        return await self.network.fetch(replace(request, url=moved(request.url, self.host)))

    async def close(self) -> None:
        """As the network's."""
        await self.network.close()


def moved(url: str, host: str) -> str:
    """The URL at `HOST:PORT` without TLS; its path and query stay."""
    parts = urlsplit(url)
    scheme = "ws" if parts.scheme in ("ws", "wss") else "http"
    return urlunsplit((scheme, host, parts.path, parts.query, ""))


def placed(network: Network, addresses: Mapping[str, str], venue: str) -> Network:
    """The network as this venue is to be found: elsewhere where an address is given for it."""
    return Elsewhere(network, addresses[venue]) if venue in addresses else network


def addresses_of(given: Iterable[str]) -> dict[str, str]:
    """`VENUE=HOST:PORT` by venue. Raises: ValueError for anything else."""
    found = {}
    for text in given:
        venue, sign, host = text.partition("=")
        if not (venue and sign and host.rpartition(":")[2].isdecimal()):
            raise ValueError(f"{text!r}: expected VENUE=HOST:PORT")
        found[venue] = host
    return found
