"""A venue's REST tickers: asked once at the start, and for the books that the stream does not speak of."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.culprits import ABOUT_SYMBOLS, Culprits, asked_by
from chrono.ingest.venues.listing import EVERY_S, REMEDY
from chrono.ingest.venues.ports import LineError, Network
from chrono.ingest.venues.spec import Request, VenueSpec
from chrono.ingest.venues.waits import Backoff
from chrono.ingest.venues.words import Refused, Said, Ticked, Unread
from chrono.telemetry import VENUE_MESSAGES, VENUE_REFUSALS

log = structlog.get_logger()


class Poller:
    """Asks for the symbols that `wanted()` names, every `poll_every_s`, and at once when `hurry` is called.

    Symbols for which the venue refuses a whole request are left out for an hour: they are found by halving it.
    """

    def __init__(
        self,
        spec: VenueSpec,
        *,
        clock: Clock,
        network: Network,
        requests: Allowance,
        jitter: Callable[[], float],
        wanted: Callable[[], Sequence[str]],
        hear: Callable[[list[Said]], None],
        most_left_out: int = 1,
    ) -> None:
        self.refused: Refused | None = None
        self.failure = ""
        self.answered_ns: int | None = None
        self._spec = spec
        self._clock = clock
        self._network = network
        self._requests = requests
        self._jitter = jitter
        self._wanted = wanted
        self._hear = hear
        self._most_left_out = most_left_out
        self._left_out: dict[str, int] = {}
        self._witness = ""
        self._backoff = Backoff(jitter)
        self._kick = asyncio.Event()

    @property
    def left_out(self) -> tuple[str, ...]:
        """The symbols that are not asked for, because the venue refused them."""
        now_ns = self._clock.monotonic_ns()
        return tuple(symbol for symbol, until_ns in self._left_out.items() if now_ns < until_ns)

    def take_back(self, symbols: Iterable[str]) -> None:
        """The venue lists these again."""
        for symbol in symbols:
            self._left_out.pop(symbol, None)

    def hurry(self) -> None:
        """Ask again now, as far as the budget goes: a connection was lost, or a book froze."""
        self._kick.set()

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            self._kick.clear()
            try:
                left_out = self.left_out
                symbols = [symbol for symbol in self._wanted() if symbol not in left_out]
                wait_s = await self._round(symbols) if symbols else self._spec.rest.poll_every_s
            except Exception:
                # An answer that breaks us must not cost the stream.
                log.exception("venue_poll_failed", venue=self._spec.name)
                wait_s = self._backoff.next_ns() / SECOND_NS
            if self.refused is None and not self.failure:
                await self._pause(wait_s)
            else:
                # What was refused is not hurried.
                await self._clock.sleep(wait_s)

    async def _pause(self, seconds: float) -> None:
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        kicked = asyncio.ensure_future(self._kick.wait())
        try:
            await asyncio.wait((nap, kicked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            kicked.cancel()

    async def _round(self, symbols: Sequence[str]) -> float:
        """Ask for all of them; gives the seconds to wait for the next round."""
        culprits = Culprits()
        wait_s = None
        for request in self._spec.rest.tickers(symbols):
            wait_s = await self._ask(request, symbols, culprits)
            if wait_s is not None:
                break
        if culprits.guilty:
            wait_s = await self._blame(culprits, wait_s)
        if wait_s is not None:
            return wait_s
        self._backoff.reset()
        return self._spec.rest.poll_every_s * (1 + self._jitter() / 10)

    async def _ask(self, request: Request, symbols: Sequence[str], culprits: Culprits) -> float | None:
        """One of the requests for `symbols`, in parts when it is refused for one of them. Gives the seconds to stay
        away when the venue is to be left alone.
        """
        tickers = self._spec.rest.tickers
        group: Sequence[str] = ()
        while True:
            outcome = await self._fetch(request)
            if isinstance(outcome, float):
                return outcome
            if outcome is None:
                culprits.answered()
            else:
                group = group or asked_by(tickers, request, symbols)
                if outcome.kind not in ABOUT_SYMBOLS or not group:
                    return self._stay_away(outcome)
                culprits.refused(group, outcome)
                if culprits.is_hopeless:
                    return self._stay_away(outcome)
            group = culprits.next()
            if not group:
                return None
            (request,) = tickers(group)

    async def _blame(self, culprits: Culprits, wait_s: float | None) -> float | None:
        """Leave out what was found guilty; when nobody is to blame but the venue, stay away from it."""
        if wait_s is None and not culprits.has_answer:
            wait_s = await self._ask_witness(culprits)
        blamed = culprits.blamed(self._most_left_out)
        if blamed:
            until_ns = self._clock.monotonic_ns() + int(EVERY_S * (1 + self._jitter() / 10) * SECOND_NS)
            self._left_out |= dict.fromkeys(blamed, until_ns)
            log.warning("venue_symbols_refused", venue=self._spec.name, symbols=sorted(blamed), remedy=REMEDY)
            if wait_s is None:
                self.refused, self.failure = None, ""
        elif wait_s is None and culprits.refusal is not None:
            return self._stay_away(culprits.refusal)
        return wait_s

    async def _ask_witness(self, culprits: Culprits) -> float | None:
        """Where nothing was answered, ask for a symbol that was answered before: when it still is, the fault lies with
        the others.
        """
        tickers = self._spec.rest.tickers
        asked = tickers((self._witness,)) if self._witness else []
        if len(asked) != 1 or any(tickers((symbol,)) == asked for symbol in culprits.guilty):
            return None
        outcome = await self._fetch(asked[0])
        if outcome is None:
            culprits.answered()
        return outcome if isinstance(outcome, float) else None

    async def _fetch(self, request: Request) -> Refused | float | None:
        """One request. Gives the refusal, or the seconds to stay away when there was no answer."""
        await self._requests.wait(self._clock, request.weight)
        name, rest = self._spec.name, self._spec.rest
        try:
            answer = await self._network.fetch(request)
        except LineError as error:
            self.failure = str(error)
            return self._backoff.next_ns() / SECOND_NS
        refused = rest.refusal(answer.status, answer.headers, answer.body)
        said = [] if refused is not None else rest.parse_tickers(answer.body)
        refused = refused or next((word for word in said if isinstance(word, Refused)), None)
        if refused is not None:
            VENUE_REFUSALS.labels(name, refused.kind.value).inc()
            return refused
        self._heard(said)
        return None

    def _heard(self, said: list[Said]) -> None:
        self.refused, self.failure = None, ""
        self.answered_ns = self._clock.monotonic_ns()
        VENUE_MESSAGES.labels(self._spec.name, "asked").inc()
        bad = sum(isinstance(word, Unread) for word in said)
        if bad:
            VENUE_MESSAGES.labels(self._spec.name, "unread").inc(bad)
        self._witness = next((word.symbol for word in said if isinstance(word, Ticked)), self._witness)
        self._hear(said)

    def _stay_away(self, refused: Refused) -> float:
        log.warning("venue_refused", venue=self._spec.name, kind=refused.kind.value, said=refused.said, by="rest")
        self.refused, self.failure = refused, refused.said
        wait_ns = self._backoff.after_refusal_ns(refused)
        self._requests.close_until(self._clock.monotonic_ns() + wait_ns)
        return wait_ns / SECOND_NS
