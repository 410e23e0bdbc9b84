"""How long to stay away from a venue, by what it said: each refusal has a wait of its own."""

from collections.abc import Callable, Mapping
from typing import Final

from chrono.clock import SECOND_NS
from chrono.ingest.venues.stalls import FAR
from chrono.ingest.venues.words import RefusalKind, Refused

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
MOST_ASKED_S: Final = 86_400.0
"""A venue's own word on when to come back is believed up to a day."""

LIFE_LEFT: Final = 0.05
"""We leave within the last twentieth of what a venue lets a connection live."""

LEAST_S: Final[Mapping[RefusalKind, float]] = {
    RefusalKind.GEO: 3600.0,  # nothing that we do changes it; an operator may move
    RefusalKind.BANNED: 600.0,
    RefusalKind.RATE_LIMITED: 30.0,
    RefusalKind.MAINTENANCE: 60.0,
    RefusalKind.BAD_REQUEST: 300.0,
    RefusalKind.UNKNOWN_SYMBOL: 300.0,
    RefusalKind.FAULT: 5.0,
}


class Backoff:
    """Waits between attempts: doubling from one second to a minute, each spread by `jitter` over its upper half."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._next_s = FIRST_S

    def next_ns(self) -> int:
        """The wait after one more fault."""
        wait_s = self._next_s * (0.5 + self._jitter() / 2)
        self._next_s = min(self._next_s * 2, LONGEST_S)
        return int(wait_s * SECOND_NS)

    def after_refusal_ns(self, refused: Refused) -> int:
        """The wait after a refusal: the venue's own word when it gives one, else that of its kind, never shorter
        than the back-off. Spread upwards, so that no two instances come back at once.
        """
        asked_s = LEAST_S[refused.kind]
        if refused.retry_after_s is not None and refused.kind is not RefusalKind.GEO:
            asked_s = min(refused.retry_after_s, MOST_ASKED_S)
        return max(self.next_ns(), int(asked_s * (1 + self._jitter() / 10) * SECOND_NS))

    def reset(self) -> None:
        """Begin anew: the connection was steady."""
        self._next_s = FIRST_S


def life_ns(lives_s: float | None, jitter: Callable[[], float]) -> int:
    """How long we stay on a connection that the venue itself ends after `lives_s`; None: it does not."""
    return FAR if lives_s is None else int(lives_s * (1.0 - LIFE_LEFT * (0.5 + jitter() / 2)) * SECOND_NS)
