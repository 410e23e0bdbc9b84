"""Cursors: where a page ended, opaque to the caller and bound to the query it belongs to."""

import base64
import hashlib
from typing import Final

from msgspec import DecodeError, Struct, json

from chrono.api.ports import After
from chrono.errors import BAD_CURSOR, ChronoError

_LARGEST_NS: Final = 2**63


class _Place(Struct, frozen=True, array_like=True):
    at_ns: int
    venue: str
    query: str


def cursor_of(after: After, *query: object) -> str:
    """The text of a place within a query."""
    place = json.encode(_Place(after[0], after[1], _mark(query)))
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def after_of(text: str | None, *query: object) -> After | None:
    """The place that a cursor names. Raises: ChronoError(BAD_CURSOR) when it is not one of this query's."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        place = json.decode(raw, type=_Place)
    except (ValueError, DecodeError, RecursionError) as refused:
        raise _refused(text) from refused
    if place.query != _mark(query) or not 0 <= place.at_ns < _LARGEST_NS:
        raise _refused(text)
    return place.at_ns, place.venue


def _mark(query: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(query).encode(), digest_size=6).hexdigest()


def _refused(text: str) -> ChronoError:
    return ChronoError(BAD_CURSOR, field="cursor", received=text[:60], expected="`next` of the answer before")
