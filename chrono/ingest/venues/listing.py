"""Which of our symbols a venue lists, read from its own instrument list at the start and again every hour.

Many venues refuse a whole request, some a whole subscription, for one symbol that they no longer know: so it is left
out before it is asked for. A list that does not fit ours is not believed: its spelling may have changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.ports import Answer, LineError, Network
from chrono.ingest.venues.reading import excerpt
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.waits import Backoff
from chrono.ingest.venues.words import Instrument, RefusalKind, Refused

FIRST_S: Final = 4.0
"""The venue is begun without its list when that has not come by then."""

EVERY_S: Final = 3600.0
RETRY_S: Final = 60.0
"""The first wait after a list that did not come; it doubles up to `EVERY_S`."""

REMEDY: Final = "chrono markets audit"

log = structlog.get_logger()


class Lister:
    """Reads the list of one venue. `tell` is called with all unlisted symbols whenever they have changed."""

    def __init__(
        self,
        spec: VenueSpec,
        symbols: Sequence[str],
        *,
        clock: Clock,
        network: Network,
        requests: Allowance,
        jitter: Callable[[], float],
        tell: Callable[[frozenset[str]], None],
    ) -> None:
        self.unlisted: frozenset[str] = frozenset()
        self._spec = spec
        self._symbols = symbols
        self._clock = clock
        self._network = network
        self._requests = requests
        self._jitter = jitter
        self._tell = tell
        self._backoff = Backoff(jitter)
        self._retry_s = RETRY_S
        self._looked = asyncio.Event()

    async def first(self) -> None:
        """Return when the list was looked at once, well or not, or after `FIRST_S`. `run` does the looking."""
        nap = asyncio.ensure_future(self._clock.sleep(FIRST_S))
        looked = asyncio.ensure_future(self._looked.wait())
        try:
            await asyncio.wait((nap, looked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            looked.cancel()
        if not self._looked.is_set():
            log.warning("venue_list_late", venue=self._spec.name, waited_s=FIRST_S)

    async def run(self) -> None:
        """Look at the list for ever. A chain has no such list: its pools do not go away."""
        if self._spec.through_node is not None:
            self._looked.set()
            return
        while True:
            try:
                wait_s = await self._look()
            except Exception:
                # A list that breaks us must not cost the stream.
                log.exception("venue_list_failed", venue=self._spec.name)
                wait_s = self._again_s()
            self._looked.set()
            await self._clock.sleep(wait_s * (1 + self._jitter() / 10))

    async def _look(self) -> float:
        """Look once; gives the seconds to the next look."""
        rest = self._spec.rest
        await self._requests.wait(self._clock, rest.instruments.weight)
        try:
            answer = await self._network.fetch(rest.instruments)
        except LineError as error:
            return self._unread(str(error))
        refused = rest.refusal(answer.status, answer.headers, answer.body)
        return self._read(answer) if refused is None else self._refused(refused)

    def _read(self, answer: Answer) -> float:
        instruments = self._spec.rest.parse_instruments(answer.body)
        unlisted = unlisted_of(self._symbols, instruments)
        if unlisted is None:
            return self._unread(f"it fits too few of our symbols: {len(instruments)} read, {excerpt(answer.body)}")
        self._retry_s = RETRY_S
        self._backoff.reset()
        gone, back = unlisted - self.unlisted, self.unlisted - unlisted
        self.unlisted = unlisted
        if gone:
            log.warning("venue_symbols_unlisted", venue=self._spec.name, symbols=sorted(gone), remedy=REMEDY)
        if back:
            log.info("venue_symbols_listed_again", venue=self._spec.name, symbols=sorted(back))
        if gone or back:
            self._tell(unlisted)
        return EVERY_S

    def _refused(self, refused: Refused) -> float:
        wait_ns = self._backoff.after_refusal_ns(refused)
        if refused.kind in (RefusalKind.RATE_LIMITED, RefusalKind.BANNED):
            # It was said to our address, so it holds for the tickers too.
            self._requests.close_until(self._clock.monotonic_ns() + wait_ns)
        return max(wait_ns / SECOND_NS, self._unread(refused.said))

    def _unread(self, why: str) -> float:
        log.warning("venue_list_not_taken", venue=self._spec.name, why=excerpt(why), unlisted=len(self.unlisted))
        return self._again_s()

    def _again_s(self) -> float:
        wait_s, self._retry_s = self._retry_s, min(self._retry_s * 2, EVERY_S)
        return wait_s


def unlisted_of(symbols: Sequence[str], instruments: Iterable[Instrument]) -> frozenset[str] | None:
    """Those of our symbols that the venue does not list, or does not trade now.

    None when the list is not to be believed: it would leave fewer than half of our symbols. A spelling that changed,
    a part of a list, or a pause of the whole venue look like that; single delistings do not.
    """
    active = {one.symbol for one in instruments if one.active}
    unlisted = frozenset(symbol for symbol in symbols if symbol not in active)
    return None if 2 * len(unlisted) > len(symbols) else unlisted
