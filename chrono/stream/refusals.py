"""What a stream refuses, in one table: the reason, the envelope's code and status, and how the connection ends."""

from typing import Final, NamedTuple

from chrono.errors import (
    BAD_FRAME,
    BAD_KEY,
    BAD_WEBSOCKET,
    FRAME_FLOOD,
    FRAME_TOO_LARGE,
    KEY_LATE,
    KEY_MISSING,
    READER_SLOW,
    STREAM_CROWDED,
    STREAM_FULL,
    TOO_MANY_REQUESTS,
    WRONG_CLASS,
    Reason,
)
from chrono.stream.frames import Failure, Id, Problem, encode

RESTART: Final = 1012


class Refusal(NamedTuple):
    """One kind of refusal. `close` is the WebSocket close code, None when the connection goes on."""

    reason: Reason
    code: str
    status: int
    close: int | None = None

    def frame(self, session: str, frame_id: Id = None, **details: object) -> bytes:
        """The encoded error frame, for the connection named `session`."""
        told = f"{self.reason.message}; {self.reason.remedy}"
        details = {"reason": self.reason.code, **details}
        return encode(Failure(frame_id, Problem(self.code, told, details, f"req_{session}"), self.status))


MISUNDERSTOOD: Final = Refusal(BAD_FRAME, "VALIDATION_ERROR", 400)
BROKEN: Final = Refusal(BAD_WEBSOCKET, "VALIDATION_ERROR", 400, 1002)
OVERSIZED: Final = Refusal(FRAME_TOO_LARGE, "PAYLOAD_TOO_LARGE", 413, 1009)
FLOODED: Final = Refusal(FRAME_FLOOD, "RATE_LIMIT_EXCEEDED", 429, 4429)
KEYLESS: Final = Refusal(KEY_MISSING, "UNAUTHORIZED", 401, 4401)
WRONG_KEY: Final = Refusal(BAD_KEY, "UNAUTHORIZED", 401, 4401)
OTHER_CLASS: Final = Refusal(WRONG_CLASS, "FORBIDDEN", 403, 4401)
LATE_KEY: Final = Refusal(KEY_LATE, "UNAUTHORIZED", 401, 4408)
FULL: Final = Refusal(STREAM_FULL, "RATE_LIMIT_EXCEEDED", 429, 1013)
CROWDED: Final = Refusal(STREAM_CROWDED, "RATE_LIMIT_EXCEEDED", 429, 1013)
HASTY: Final = Refusal(TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED", 429, 4429)
STALLED: Final = Refusal(READER_SLOW, "REQUEST_TIMEOUT", 408, 1013)
