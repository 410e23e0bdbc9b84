"""Which symbols a venue refuses: many refuse a whole request for one symbol that they no longer know.

Pure. A refused request is asked again in halves until the guilty symbols stand alone; with k guilty ones among n that
takes at most 2 k log2(n) + n requests, and it always ends: no group is asked twice.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from chrono.ingest.venues.spec import Request
from chrono.ingest.venues.words import RefusalKind, Refused

ABOUT_SYMBOLS: Final = (RefusalKind.UNKNOWN_SYMBOL, RefusalKind.BAD_REQUEST)
"""Refusals that one symbol of the request may have earned."""

HOPELESS: Final = 15
"""A round in which so many requests were refused and none was answered is not about single symbols."""

Tickers = Callable[[Sequence[str]], list[Request]]


class Culprits:
    """One round's search. `refused` tells what was refused, `next` what to ask now, `answered` that it was good."""

    def __init__(self) -> None:
        self.guilty: dict[str, RefusalKind] = {}
        self.has_answer = False
        self.refusal: Refused | None = None
        self._refusals = 0
        self._groups: deque[list[str]] = deque()

    @property
    def is_hopeless(self) -> bool:
        """Whether the venue refuses everything."""
        return not self.has_answer and self._refusals >= HOPELESS

    def next(self) -> list[str]:
        """The symbols to ask for next; empty when the search is over."""
        return self._groups.popleft() if self._groups else []

    def answered(self) -> None:
        """A request was answered well."""
        self.has_answer = True

    def refused(self, group: Sequence[str], refused: Refused) -> None:
        """The request for these symbols was refused."""
        self._refusals += 1
        self.refusal = refused
        named = [symbol for symbol in group if symbol in refused.symbols]
        if len(group) == 1 or 0 < len(named) < len(group):
            named = named or list(group)
            self.guilty |= dict.fromkeys(named, refused.kind)
            rest = [symbol for symbol in group if symbol not in named]
            self._groups.extend([rest] if rest else [])
            return
        # A refusal that names all of them only repeats the question.
        half = (len(group) + 1) // 2
        self._groups.extend((list(group[:half]), list(group[half:])))

    def blamed(self, most: int) -> list[str]:
        """The symbols to be left out. Where nothing at all was answered the venue itself may be at fault: then only
        symbols that it calls unknown are blamed, and no more than `most` of them.
        """
        if self.has_answer:
            return list(self.guilty)
        unknown = [symbol for symbol, kind in self.guilty.items() if kind is RefusalKind.UNKNOWN_SYMBOL]
        return unknown if len(unknown) <= most else []


def asked_by(tickers: Tickers, request: Request, symbols: Sequence[str]) -> Sequence[str]:
    """The symbols that `request`, one of `tickers(symbols)`, asks for by name; none when it asks for all there are."""
    requests = tickers(symbols)
    if request in tickers(()):
        return ()
    if requests == [request]:
        return () if len(symbols) > 1 and tickers(symbols[:1]) == requests else symbols
    found: Sequence[str] = ()
    at = 0
    for one in requests:
        end = next((end for end in range(at + 1, len(symbols) + 1) if tickers(symbols[at:end]) == [one]), None)
        if end is None:
            return ()
        if one == request:
            found = symbols[at:end]
        at = end
    return found if at == len(symbols) else ()
