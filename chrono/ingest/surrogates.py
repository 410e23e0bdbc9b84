r"""Half a surrogate pair (`"\ud800"`) in one feed, where JSON's readers refuse the whole body.

No text can hold it, as none can hold a NUL. So it is read as a NUL, for which the feed that holds it is refused by
itself: one bad feed never costs the others.
"""

import re
from typing import Final

_ESCAPE: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped backslash, a whole pair, or in the group a half."""

_NUL: Final = rb"\u0000"


def without_halves(body: bytes) -> bytes:
    """The body with a NUL for each half of a pair; the same object when there is none."""
    if rb"\ud" not in body and rb"\uD" not in body:
        return body
    return _ESCAPE.sub(lambda found: _NUL if found[1] else found[0], body)
