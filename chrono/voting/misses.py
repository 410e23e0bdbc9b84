"""What was missed in a round, and which of it is the gravest: by what it costs. Source: fsp.md sections 2 and 7.8."""

from enum import IntEnum

from chrono.errors import Reason


class Part(IntEnum):
    """A part of the duty, the dearest miss first."""

    REVEAL = 0
    """Thirty rounds' rewards."""
    OWED_SIGNATURE = 1
    """The signature that a bit vote promised: as much."""
    RESULT = 2
    """Ours and the chain's differ, or there is none."""
    COMMIT = 3
    """One round's rewards."""
    SIGNATURE = 4
    FINALISATION = 5
    SUB_PROTOCOL = 6


class Misses:
    """The reasons of one round, one for each part."""

    def __init__(self) -> None:
        self._reasons: dict[Part, Reason] = {}

    def note(self, part: Part, reason: Reason | None) -> None:
        """Note why a part was missed; None: it was not missed after all."""
        if reason is None:
            self._reasons.pop(part, None)
        else:
            self._reasons[part] = reason

    def of(self, part: Part) -> Reason | None:
        """Why a part was missed."""
        return self._reasons.get(part)

    @property
    def gravest(self) -> Reason | None:
        """The reason of the dearest miss; None when nothing was missed."""
        return self._reasons[min(self._reasons)] if self._reasons else None

    @property
    def all(self) -> dict[Part, Reason]:
        """Every miss, the dearest first."""
        return dict(sorted(self._reasons.items()))
