"""What a sender may attach to a feed: a JSON object that PostgreSQL's jsonb takes as it is.

One object that jsonb refuses would cost the whole group of batches written with it, so it is judged here.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from msgspec import DecodeError, Raw, ValidationError
from msgspec.json import Decoder

MOST_BYTES: Final = 4096

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# jsonb keeps numbers as NUMERIC, which ends near 1e131071. Doubles end at 1e308, and so do we.
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_MOST_EXPONENT: Final = 308


class NotMetadata(ValueError):  # noqa: N818 - it names what was found, as all our faults do
    """The attachment cannot be kept. The text says why."""


def metadata_of(raw: Raw) -> bytes | None:
    """The object as the sender wrote it; None when there is none. Raises: NotMetadata."""
    written = bytes(raw)
    if not written or written == b"null":
        return None
    if len(written) > MOST_BYTES:
        raise NotMetadata(f"larger than {MOST_BYTES} bytes")
    try:
        _OBJECT.decode(written)
    except (ValidationError, RecursionError) as refused:
        # msgspec wraps what the number hook raised, with the place in the document added to its text.
        numbered = isinstance(refused.__cause__, NotMetadata)
        raise NotMetadata(str(refused.__cause__) if numbered else "expected a JSON object") from refused
    except DecodeError as refused:
        raise NotMetadata("malformed JSON") from refused
    if b"\\u0000" in written and _ESCAPED_NUL.search(written):
        raise NotMetadata("holds a NUL character, or half a surrogate pair")
    return written


def all_metadata(raws: Iterable[Raw]) -> list[bytes | None] | None:
    """The attachments of a whole batch, judged at once, which costs a third; None when one needs a look of its own."""
    written = [bytes(raw) or b"null" for raw in raws]
    together = b"[" + b",".join(written) + b"]"
    if b"\\u0000" in together or max(map(len, written), default=0) > MOST_BYTES:
        return None
    try:
        _OBJECTS.decode(together)
    except (DecodeError, RecursionError):
        return None
    return [None if one == b"null" else one for one in written]


def _number(text: str) -> None:
    """A look at the digits of one number; the value itself is not needed."""
    if _NUMBER.fullmatch(text) is None or abs(int(text.lower().partition("e")[2] or 0)) > _MOST_EXPONENT:
        raise NotMetadata("holds a number beyond 1e308")


_OBJECT: Final = Decoder(dict[str, Any], float_hook=_number)
_OBJECTS: Final = Decoder(list[dict[str, Any] | None], float_hook=_number)
