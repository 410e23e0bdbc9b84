"""How fast a venue's messages are read here: its own parser, on messages that were just received, on one core."""

import gc
from statistics import median
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS, US_NS, Clock
from chrono.ingest.venues.spec import Stream
from chrono.ingest.venues.words import Dealt, Offered, Said, Ticked

LEAST_ROUNDS: Final = 5


class Rate(Struct, frozen=True):
    """One venue's parsing: µs a message (the median of rounds over all of them), and prices a message."""

    venue: str
    messages: int
    bytes: float
    prices: float
    parse_us: float

    @property
    def per_s(self) -> float:
        """Messages a second, on one core and with nothing else to do."""
        return 1e6 / self.parse_us


def rate_of(venue: str, stream: Stream, frames: list[bytes], clock: Clock, *, seconds: float = 0.5) -> Rate | None:
    """The rate over these frames, in their order; None without any."""
    if not frames:
        return None
    told = sum(isinstance(word, Dealt | Offered | Ticked) for word in _read(stream, frames))
    times: list[float] = []
    gc.disable()
    try:
        end_ns = clock.monotonic_ns() + int(seconds * SECOND_NS)
        while clock.monotonic_ns() < end_ns or len(times) < LEAST_ROUNDS:
            parse = stream.parse if stream.new_parser is None else stream.new_parser()
            began_ns = clock.monotonic_ns()
            for frame in frames:
                parse(frame)
            times.append((clock.monotonic_ns() - began_ns) / US_NS / len(frames))
    finally:
        gc.enable()
    size = sum(map(len, frames)) / len(frames)
    return Rate(venue, len(frames), size, told / len(frames), max(median(times), 0.001))


def _read(stream: Stream, frames: list[bytes]) -> list[Said]:
    parse = stream.parse if stream.new_parser is None else stream.new_parser()
    return [word for frame in frames for word in parse(frame)]
