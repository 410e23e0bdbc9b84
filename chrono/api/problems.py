"""One table from failures to HTTP, and the one envelope in which every error leaves. Source: api.md, "Conventions"."""

from collections.abc import Mapping
from typing import Any, Final

from litestar.exceptions import HTTPException
from msgspec import Struct, json

from chrono import errors
from chrono.errors import ChronoError, Reason

Details = Mapping[str, Any]

_TABLE: Final[Mapping[str, tuple[int, tuple[Reason, ...]]]] = {
    "VALIDATION_ERROR": (
        400,
        (errors.BAD_BATCH, errors.BAD_MARKET, errors.BAD_TIME, errors.BAD_REQUEST, errors.BAD_CURSOR),
    ),
    "UNAUTHORIZED": (401, (errors.NO_KEY, errors.BAD_KEY, errors.BAD_SIGNATURE)),
    "FORBIDDEN": (403, (errors.WRONG_CLASS,)),
    "NOT_FOUND": (
        404,
        (
            errors.NO_ROUTE,
            errors.UNKNOWN_MARKET,
            errors.NO_DERIVATION,
            errors.UNKNOWN_ROUND,
            errors.NO_PROVIDER,
            errors.REWARD_DATA_UNREAD,
        ),
    ),
    "NOT_ACCEPTABLE": (406, (errors.NOT_ACCEPTABLE,)),
    "REQUEST_TIMEOUT": (408, (errors.BODY_SLOW,)),
    "PAYLOAD_TOO_LARGE": (413, (errors.BATCH_TOO_LARGE, errors.BODY_TOO_LARGE)),
    "UNSUPPORTED_MEDIA_TYPE": (415, (errors.BODY_ENCODED,)),
    "RATE_LIMIT_EXCEEDED": (429, (errors.TOO_MANY_REQUESTS,)),
    "DATABASE_ERROR": (503, (errors.DATABASE_AWAY, errors.SPOOL_FULL)),
    "CACHE_ERROR": (503, (errors.CACHE_AWAY,)),
    "STALE_PRICE": (503, (errors.STALE_VALUE,)),
}
_BY_REASON: Final = {reason.code: (code, status) for code, (status, reasons) in _TABLE.items() for reason in reasons}
_BY_STATUS: Final = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMIT_EXCEEDED",
}
CODES: Final = tuple(dict.fromkeys([*_TABLE, *_BY_STATUS.values(), "INTERNAL_ERROR"]))
"""Every code that an envelope may carry."""

_INTERNAL: Final = "something went wrong on our side; the request id finds it in the log"


class ErrorBody(Struct, frozen=True):
    """What went wrong. `details` names the field, what was received and what was expected; `faults` lists all."""

    code: str
    message: str
    details: dict[str, Any]
    request_id: str


class ErrorEnvelope(Struct, frozen=True):
    """The one form of every error."""

    error: ErrorBody
    status: int


class Problem(Struct, frozen=True):
    """An error on its way out: the code of api.md, the status, the words, and headers that go with it."""

    code: str
    status: int
    message: str
    details: Details
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def envelope(self, request_id: str) -> bytes:
        """The body."""
        body = ErrorBody(self.code, self.message, dict(self.details), request_id)
        return json.encode(ErrorEnvelope(body, self.status), enc_hook=str)


def problem_of(error: Exception) -> Problem:
    """How an exception is told to a caller. Whatever is not foreseen is an INTERNAL_ERROR that leaks nothing."""
    if isinstance(error, ChronoError):
        return _of_reason(error.reason, error.facts)
    if isinstance(error, RecursionError):
        return _of_reason(errors.BAD_REQUEST, {"faults": [_fault("body", "JSON nested too deep", "a flat document")]})
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        return _of_http(error)
    return Problem("INTERNAL_ERROR", 500, _INTERNAL, {})


def problem_for(reason: Reason, **facts: object) -> Problem:
    """The problem that a reason stands for, where raising would cost more than telling."""
    return _of_reason(reason, facts)


def _of_reason(reason: Reason, facts: Details) -> Problem:
    code, status = _BY_REASON.get(reason.code, ("INTERNAL_ERROR", 500))
    if code == "INTERNAL_ERROR":
        return Problem(code, status, _INTERNAL, {})
    headers: tuple[tuple[bytes, bytes], ...] = ((b"www-authenticate", b"Bearer"),) if status == 401 else ()
    # What a database or a cache says of itself is nobody's business; what the caller sent is the caller's.
    told = {} if code in ("DATABASE_ERROR", "CACHE_ERROR") else _told(facts)
    return Problem(code, status, f"{reason.message}; {reason.remedy}", {"reason": reason.code, **told}, headers)


def _told(facts: Details) -> dict[str, Any]:
    """The facts, with the first of several faults also on top, where simple clients look for it."""
    faults = facts.get("faults")
    first = dict(faults[0]) if isinstance(faults, (list, tuple)) and faults else {}
    return {**first, **facts}


def _of_http(error: HTTPException) -> Problem:
    code = _BY_STATUS[error.status_code]
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in (error.headers or {}).items())
    details: dict[str, Any] = {}
    if isinstance(error.extra, list) and error.extra:
        faults = [_fault(str(item.get("key", "body")), None, str(item.get("message", ""))) for item in error.extra]
        details = _told({"faults": faults})
    return Problem(code, error.status_code, _words(error), details, headers)


def _words(error: HTTPException) -> str:
    if error.status_code == 404:
        return f"{errors.NO_ROUTE.message}; {errors.NO_ROUTE.remedy}"
    if error.status_code == 405:
        return "this path does not take that method; see the Allow header"
    return str(error.detail)[:300]


def _fault(field: str, received: str | None, expected: str) -> dict[str, Any]:
    return {"field": field, "received": received, "expected": expected}
