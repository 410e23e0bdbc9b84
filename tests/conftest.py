"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from chrono.keys.foreign import recursion_limit_kept
from tests.fakes.fuzzing import LONG, TIMES

# The same examples every time, so that what failed for one fails for all; `make fuzz` looks for new ones. No time limit
# for an example: a busy machine is no fault of the code.
settings.register_profile("chrono", max_examples=100 * TIMES, deadline=None, derandomize=not LONG)
settings.load_profile("chrono")

# Tests use this library at first hand. It raises the recursion limit of the process on import (see chrono.keys.foreign),
# and then a test of deep nesting would end the whole run.
with recursion_limit_kept():
    import eth_account  # noqa: F401


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command says for its process where the log goes; in the process of the tests that ends with the test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
