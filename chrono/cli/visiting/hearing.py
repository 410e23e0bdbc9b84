"""What an audit of the market map wants to hear: each venue's instrument list, and its tickers some seconds apart.

The answers come from the venues, or from a folder that an earlier run recorded: `VENUE.instruments.json` and
`VENUE.tickers-ROUND-PART.json`, each one answer as it was received.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chrono.cli.visiting.asking import AskedInVainError, Asker
from chrono.clock import Clock
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.words import Offered, RefusalKind, Refused, Said, Ticked
from chrono.market.audit import candidates
from chrono.market.audit_words import Heard, Listing, Round, Told
from chrono.market.map import MarketMap
from chrono.market.names import Venue

WIDEST: Final = Decimal("0.1")
"""Offers further apart than a tenth have no middle worth the name; the last price is taken."""

AWAY: Final = (None, RefusalKind.GEO, RefusalKind.BANNED)
"""Who did not answer at all, or serves nobody here, is not asked again in the same audit."""

Step = Callable[[str], None]
"""Told of each answer, for a progress bar."""


class Plan(Struct, frozen=True):
    """What is to be heard: `rounds` of prices, `apart_s` seconds apart; `record` keeps the answers in a folder."""

    map: MarketMap
    rounds: int = 2
    apart_s: float = 5.0
    record: Path | None = None

    def keep(self, name: str, body: bytes) -> None:
        """Write one answer into the folder, when one is given."""
        if self.record is not None:
            (self.record / name).write_bytes(body)


async def hear_all(askers: Sequence[Asker], plan: Plan, clock: Clock, on_step: Step) -> list[Heard]:
    """All venues at once: the lists first, then round after round."""

    async def told(visit: "_Visit", work: Awaitable[None]) -> None:
        await work
        on_step(visit.heard.venue)

    visits = [_Visit(asker, plan, clock) for asker in askers]
    await asyncio.gather(*(told(visit, visit.list()) for visit in visits))
    for number in range(1, plan.rounds + 1):
        if number > 1:
            await clock.sleep(plan.apart_s)
        await asyncio.gather(*(told(visit, visit.round(number)) for visit in visits))
    return [visit.heard for visit in visits]


class _Visit:
    """One venue during one audit."""

    def __init__(self, asker: Asker, plan: Plan, clock: Clock) -> None:
        self.heard = Heard(Venue(asker.spec.name), None, ())
        self._asker = asker
        self._plan = plan
        self._clock = clock
        self._is_away = False

    async def list(self) -> None:
        """Its instrument list."""
        spec = self._asker.spec
        try:
            body = await self._asker.ask(spec.rest.instruments)
        except AskedInVainError as error:
            self._trouble(error)
            return
        self._plan.keep(f"{spec.name}.instruments.json", body)
        self.heard = with_list(self.heard, spec, body)

    async def round(self, number: int) -> None:
        """One round of its tickers, for the books of the map and those that could be added; nothing when it is away."""
        spec = self._asker.spec
        said: list[Said] = []
        wanted = [] if self._is_away else candidates(self._plan.map, self.heard)
        for part, request in enumerate(spec.rest.tickers(wanted) if wanted else [], 1):
            try:
                body = await self._asker.ask(request)
            except AskedInVainError as error:
                self._trouble(error)
                break
            self._plan.keep(f"{spec.name}.tickers-{number}-{part}.json", body)
            said += spec.rest.parse_tickers(body)
        self.heard = with_round(self.heard, said, self._clock.now_ns())

    def _trouble(self, error: AskedInVainError) -> None:
        self.heard = replace(self.heard, trouble=self.heard.trouble or error.said)
        self._is_away = error.kind in AWAY


def hear_folder(folder: Path, specs: Iterable[VenueSpec]) -> Iterator[Heard]:
    """The venues whose answers lie in the folder; those of which nothing lies there are left out."""
    for spec in specs:
        files = sorted(folder.glob(f"{spec.name}.*"))
        if files:
            yield _from_files(spec, files)


def _from_files(spec: VenueSpec, files: Sequence[Path]) -> Heard:
    heard = Heard(Venue(spec.name), None, ())
    rounds: dict[str, list[Said]] = {}
    for file in files:
        kind = file.name.removeprefix(f"{spec.name}.").partition(".")[0]
        if kind == "instruments":
            heard = with_list(heard, spec, file.read_bytes())
        elif kind.startswith("tickers-"):
            rounds.setdefault(kind.split("-")[1], []).extend(spec.rest.parse_tickers(file.read_bytes()))
    for _, said in sorted(rounds.items(), key=lambda item: item[0].zfill(9)):
        times = [word.quoted_at_ns for word in said if isinstance(word, Ticked | Offered) and word.quoted_at_ns]
        heard = with_round(heard, said, max(times, default=0))
    return heard


def with_list(heard: Heard, spec: VenueSpec, body: bytes) -> Heard:
    """What was heard, with the instruments of this answer; an answer without any is trouble."""
    found = spec.rest.parse_instruments(body)
    if not found:
        return replace(heard, trouble=heard.trouble or "its instrument list could not be read")
    listings = tuple(Listing(one.symbol, one.base, one.quote, one.active) for one in found)
    return replace(heard, listings=listings)


def with_round(heard: Heard, said: Iterable[Said], at_ns: int) -> Heard:
    """What was heard, with one more round of prices."""
    prices: dict[str, Told] = {}
    trouble = heard.trouble
    for word in said:
        if isinstance(word, Refused):
            trouble = trouble or f"{word.kind.value}: {word.said}"[:200]
        elif isinstance(word, Ticked | Offered):
            price = price_of(word)
            if price is not None:
                prices[word.symbol] = Told(price, word.quoted_at_ns)
    return replace(heard, rounds=(*heard.rounds, Round(at_ns, prices)), trouble=trouble)


def price_of(word: Ticked | Offered) -> Decimal | None:
    """The middle of the offers when they lie near enough, else the last price; None when neither is told."""
    bid, ask = word.bid, word.ask
    last = word.last if isinstance(word, Ticked) else None
    if bid is None or ask is None or bid > ask:
        return last
    if last is not None and ask > bid * (1 + WIDEST):
        return last
    return (bid + ask) / 2


def joined(before: Sequence[Heard], now: Sequence[Heard], *, most: int) -> list[Heard]:
    """What was heard now, with the rounds of before in front of its own; at most `most` rounds, the newest.

    Both hear the same venues, each of them the same number of rounds: equal numbers are equal times.
    """
    earlier = {heard.venue: heard.rounds for heard in before}
    return [replace(heard, rounds=(*earlier.get(heard.venue, ()), *heard.rounds)[-most:]) for heard in now]
