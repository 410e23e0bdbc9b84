"""What holds for every test."""

from chrono.keys.foreign import recursion_limit_kept

# Tests use this library at first hand. It raises the recursion limit of the process on import (see chrono.keys.foreign),
# and then a test of deep nesting would end the whole run.
with recursion_limit_kept():
    import eth_account  # noqa: F401
