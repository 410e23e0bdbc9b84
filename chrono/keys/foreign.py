"""The key libraries, taken in without what they do to the whole process.

py_ecc, which some versions of eth-keyfile bring along for keys that we do not use, sets the recursion limit to 100,000
when it is imported. From then on a few kilobytes of nested JSON, sent by anybody, would overflow the C stack and end
the process instead of raising RecursionError.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """Whatever is imported inside, the recursion limit is the same afterwards."""
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
