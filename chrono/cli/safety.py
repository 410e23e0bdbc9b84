"""What is refused because going on could cost money: exit code 4, which no restart is to answer."""

from typing import Final

from chrono.errors import (
    COLD_ROLE,
    DATA_DIR_OF_ANOTHER_MARKET,
    IDENTITY_BUSY,
    JOURNAL_BROKEN,
    JOURNAL_DAMAGED,
    JOURNAL_FOREIGN,
    KEYSTORE_EXISTS,
    KEYSTORE_OPEN,
    KEYSTORE_SHARED,
    REVEAL_OWED,
    WRONG_CALENDAR,
    ChronoError,
)

_FOR_SAFETY: Final = frozenset(
    {
        COLD_ROLE,
        DATA_DIR_OF_ANOTHER_MARKET,
        IDENTITY_BUSY,
        JOURNAL_BROKEN,
        JOURNAL_DAMAGED,
        JOURNAL_FOREIGN,
        KEYSTORE_EXISTS,
        KEYSTORE_OPEN,
        KEYSTORE_SHARED,
        REVEAL_OWED,
        WRONG_CALENDAR,
    }
)


def is_for_safety(error: ChronoError) -> bool:
    """Whether what was asked could have been done, and was not, to keep money or keys safe."""
    return error.reason in _FOR_SAFETY
