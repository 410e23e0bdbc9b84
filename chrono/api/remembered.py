"""Answers about the past that instances behind one Redis share. Only what can no longer change is remembered.

Source: api.md, "Redis, when it is configured".
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from msgspec import DecodeError
from msgspec.json import Decoder

from chrono.api.ports import Answers
from chrono.clock import SECOND_NS, Clock, to_rfc3339
from chrono.errors import CACHE_AWAY, ChronoError
from chrono.market.names import Market

T = TypeVar("T")

TTL_S: Final = 300
MOST_ASKED: Final = 8
"""Keys of one request. One query of the database is sooner done than more calls than this."""


class Remembered:
    """The shared memory; without one, or while it is away, nothing is remembered and nothing is lost.

    `settled_s`: how old a quote is at most when it comes in, so what lies further back stands still.
    """

    def __init__(self, answers: Answers | None, clock: Clock, settled_s: int) -> None:
        self._answers = answers
        self._clock = clock
        self._settled_ns = settled_s * SECOND_NS

    def settled(self, end_ns: int) -> bool:
        """Whether answers about the time before `end_ns` are worth remembering."""
        return self._answers is not None and end_ns <= self._clock.now_ns() - self._settled_ns

    async def get(self, keys: Sequence[str], decoder: Decoder[T]) -> list[T | None]:
        """What is remembered under each key."""
        if self._answers is None or len(keys) > MOST_ASKED:
            return [None] * len(keys)
        try:
            return [_read(await self._answers.get_answer(key), decoder) for key in keys]
        except ChronoError as away:
            _unless_away(away)
            return [None] * len(keys)

    async def put(self, key: str, body: bytes) -> None:
        """Remember `body` for a while."""
        if self._answers is None:
            return
        try:
            await self._answers.put_answer(key, body, TTL_S)
        except ChronoError as away:
            _unless_away(away)


def range_key(market: Market, start_ns: int, end_ns: int, interval: str | None) -> str:
    """Where the first page of a range lies."""
    return f"range:{market}:{to_rfc3339(start_ns)}:{to_rfc3339(end_ns)}:{interval or 'raw'}"


def consensus_key(market: Market, at_ns: int) -> str:
    """Where a past consensus lies."""
    return f"consensus:{market}:{to_rfc3339(at_ns)}"


def _read(told: bytes | None, decoder: Decoder[T]) -> T | None:
    """What was told; None for what another version wrote in another form, which is then written anew."""
    try:
        return None if told is None else decoder.decode(told)
    except DecodeError:
        return None


def _unless_away(error: ChronoError) -> None:
    # The cache counts its own failures; the database answers instead.
    if error.reason is not CACHE_AWAY:
        raise error
