"""Why nothing happens: what is awaited, and whether that is normal. Pure: from the server's answers to sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

WARM_UP_S = 60.0
"""So long after a start it is normal that not every venue has been heard."""

SHOWN = 5
"""Markets named in one sentence; the rest is counted."""

_VENUE_STATES = {
    "dead": "its connection is gone; it is tried again by itself",
    "silent": "connected, but it says nothing",
    "frozen": "it repeats the same price; it does not count until it moves",
    "lagging": "its prices come late; they weigh little or nothing",
    "refused": "it refuses us (region, key or limit)",
}
_SERVICES = {
    "database": "new quotes go to the local spool and are stored when it is back",
    "redis": "memory serves meanwhile; other instances see nothing of us",
    "venues": "see the venues above",
    "chain": "nothing can be read from Flare",
    "websocket": "streams are not served",
}
_WELL = frozenset({"healthy", "off"})
_COUNTS = "used"
"""The verdict on a source that counted in the newest consensus."""


class State(NamedTuple):
    """What a server told. `refused` says why venues and markets are not known, when they are not."""

    health: Mapping[str, Any]
    ready: bool
    venues: Sequence[Mapping[str, Any]]
    markets: Sequence[Mapping[str, Any]]
    refused: str
    provider: Mapping[str, Any] | None = None
    """What the server tells of its provider; None when none runs."""
    rounds: Sequence[Mapping[str, Any]] = ()
    """The provider's newest rounds, the newest first."""

    @property
    def thin(self) -> list[Mapping[str, Any]]:
        """Markets with fewer live sources than their minimum."""
        return [market for market in self.markets if live_sources(market) < minimum_sources(market)]

    @property
    def young(self) -> bool:
        """Whether the server has just been started."""
        uptime = self.health.get("uptime_seconds")
        return isinstance(uptime, int | float) and uptime < WARM_UP_S


class Silence(NamedTuple):
    """One thing that does not happen: what, why, whether that is normal, and what to do (empty: nothing)."""

    what: str
    why: str
    normal: bool
    then: str = ""

    @property
    def line(self) -> str:
        """All of it, for a person."""
        then = f"; next: {self.then}" if self.then else ""
        return f"{self.what}: {self.why} ({'normal' if self.normal else 'not normal'}{then})"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"what": self.what, "why": self.why, "normal": self.normal, "next": self.then or None}


def explain_silence(state: State) -> list[Silence]:
    """Everything that does not happen, and why; one sentence that all is well when nothing is amiss."""
    found = [*_services(state), *_venues(state), *_markets(state)]
    if not state.ready and not found:
        found.append(Silence("fresh prices", "none can be served yet", normal=state.young, then="chrono doctor"))
    if not found:
        found.append(Silence("nothing is missing", "prices come in and go out", normal=True))
    return found


def live_sources(market: Mapping[str, Any]) -> int:
    """How many venues counted in this market's newest value."""
    sources = market.get("sources")
    listed = [source for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    return len({source.get("venue") for source in listed if source.get("state") == _COUNTS})


def minimum_sources(market: Mapping[str, Any]) -> int:
    """How many venues a votable value of this market needs."""
    needed = market.get("minimum_sources")
    return needed if isinstance(needed, int) else 0


def _services(state: State) -> Iterator[Silence]:
    services = state.health.get("services")
    for name, told in services.items() if isinstance(services, dict) else []:
        word = str(told.get("status", told.get("state", "")) if isinstance(told, dict) else told)
        if word and word not in _WELL and name != "venues":
            yield Silence(f"{name} is {word}", _SERVICES.get(name, "look at the log"), False, "chrono doctor")


def _venues(state: State) -> Iterator[Silence]:
    if state.refused:
        yield Silence("venues and markets are not shown", state.refused, True, "--key env:NAME, or [api] admin_keys")
        return
    if not state.venues:
        why = "no venue has been heard; a collector must POST to /internal/ingest"
        yield Silence("no prices come in", why, state.young, "" if state.young else "check the collectors")
        return
    for venue in state.venues:
        word = str(venue.get("state", ""))
        if word in _VENUE_STATES:
            name = f"{venue.get('venue')} is {word} since {venue.get('since')}"
            yield Silence(name, _VENUE_STATES[word], state.young, "" if state.young else "check its collector")


def _markets(state: State) -> Iterator[Silence]:
    """Thin markets in US dollars, which feeds are made of. That one venue alone quotes some other book is ordinary."""
    asked = [market for market in state.markets if str(market.get("symbol")).endswith("/USD")]
    thin = [market for market in state.thin if market in asked]
    if not thin:
        return
    named = ", ".join(f"{m.get('symbol')} ({live_sources(m)} of {minimum_sources(m)})" for m in thin[:SHOWN]) + (
        f" and {len(thin) - SHOWN} more" if len(thin) > SHOWN else ""
    )
    why = f"fewer live sources than needed: {named}; they are served as degraded and given no vote"
    then = "" if state.young else "chrono explain MARKET, for who is missing"
    yield Silence(f"{len(thin)} of {len(asked)} markets in USD are thin", why, state.young, then)
