"""One source left out at one instant: what every rule makes of the others, beside what that source says itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from chrono.backtest.rivals import RIVALS, Heard, Rival, heard
from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue
from chrono.pricing.asking import find
from chrono.pricing.case import Case, Found, Source
from chrono.pricing.derivation import Recorded
from chrono.pricing.verdict import estimate_of
from chrono.simulation.replay import Step

OURS = "chrono"
FRESH_NS = 15 * SECOND_NS
"""Older prices of the source that is left out are no reference: it may have moved since."""

Numbers = Mapping[str, Any]
"""Numbers of our rule that are changed, by their names in `pricing.case.Rule`."""


class Asked(NamedTuple):
    """Which rules are compared: others by name, and ours with some numbers changed under a name of its own."""

    rivals: Mapping[str, Rival] = RIVALS
    variants: Mapping[str, Numbers] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All rules, ours first."""
        return (OURS, *self.rivals, *self.variants)


class Frame(NamedTuple):
    """One market at one instant with one source left out.

    `reference` is that source's newest price in the market's currency, `plain` the median of the newest prices of
    the rest; None where there is none. `votable`: our value without it is fit to vote with. `prices` are in the
    order of the rules, None where a rule says nothing.
    """

    at_ns: int
    market: Market
    left_out: Venue
    reference: float | None
    plain: float | None
    votable: bool
    prices: tuple[float | None, ...]


class _Question(NamedTuple):
    case: Case
    left_out: Source
    reference: float | None
    rest: list[Heard]


class LeavingOut:
    """Leaves each source out in turn, or only the one that is asked for.

    `direct` names the venues with a book of their own in a market: of these no converted book is a reference.
    `only`: the source that is left out of each market; every one of the others when it is not named.
    """

    def __init__(
        self,
        asked: Asked,
        direct: Mapping[Market, set[Venue]],
        *,
        fresh_ns: int = FRESH_NS,
        only: Venue | None = None,
    ) -> None:
        self._asked = asked
        self._direct = direct
        self._fresh_ns = fresh_ns
        self._only = only

    def frames(self, step: Step) -> Iterator[Frame]:
        """Every frame of one step of a replay."""
        questions = [question for case in _cases(step) for question in self._questions(case)]
        cases = [question.case for question in questions]
        ours = _found(cases)
        changed = [_changed(cases, numbers) for numbers in self._asked.variants.values()]
        for place, (question, found) in enumerate(zip(questions, ours, strict=True)):
            told = (rule(question.rest) for rule in self._asked.rivals.values())
            price = None if found is None else found.price
            yield Frame(
                at_ns=step.at_ns,
                market=question.case.market,
                left_out=question.left_out.venue,
                reference=question.reference,
                plain=RIVALS["median"](question.rest),
                votable=found is not None and _votable(question.case, found),
                prices=(price, *told, *(prices[place] for prices in changed)),
            )

    def _questions(self, case: Case) -> Iterator[_Question]:
        said = {one.venue: one for one in heard(case)}
        for place, source in enumerate(case.sources):
            if self._only in (None, source.venue):
                others = structs.replace(case, sources=(*case.sources[:place], *case.sources[place + 1 :]))
                rest = [one for venue, one in said.items() if venue != source.venue]
                yield _Question(others, source, self._reference(case, source, said.get(source.venue)), rest)

    def _reference(self, case: Case, source: Source, said: Heard | None) -> float | None:
        """What a source says itself, while that is new and of its own book."""
        if said is None or case.at_ns - source.points.times[-1] >= self._fresh_ns:
            return None
        converted = bool(source.steps) and source.venue in self._direct.get(case.market, ())
        return None if converted else said.last


def _cases(step: Step) -> Iterator[Case]:
    for estimate in step.estimates.resolved.values():
        recorded = estimate.evidence
        if not isinstance(recorded, Recorded):
            raise TypeError(f"{type(recorded).__name__} is no evidence of a replay")
        yield recorded.case


def _found(cases: Sequence[Case]) -> list[Found | None]:
    """What our rule finds; None where nobody is left, or nobody says anything that counts."""
    told = iter(find([case for case in cases if case.sources]))
    asked = (next(told) if case.sources else None for case in cases)
    return [found if isinstance(found, Found) else None for found in asked]


def _changed(cases: Sequence[Case], numbers: Numbers) -> list[float | None]:
    """What our rule says with these numbers changed; conversions keep their rates."""
    changed = [structs.replace(case, rule=structs.replace(case.rule, **numbers)) for case in cases]
    return [None if found is None else found.price for found in _found(changed)]


def _votable(case: Case, found: Found) -> bool:
    return estimate_of(case, found, Recorded(case, found)).votable
