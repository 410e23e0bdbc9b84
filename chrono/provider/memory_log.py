"""A journal that a dry run writes: nothing of it leaves the process, so nothing of it needs to outlive it."""

from collections.abc import Iterable


class MemoryLog:
    """Records in memory. Fits: voting.ports.ByteLog."""

    def __init__(self) -> None:
        self.damaged = False
        self.sound = True
        self._records: list[bytes] = []

    def records(self) -> list[bytes]:
        """All records, in the order in which they were written."""
        return list(self._records)

    def append(self, record: bytes) -> None:
        """Keep a record."""
        self._records.append(record)

    def replace(self, records: Iterable[bytes]) -> None:
        """All records anew."""
        self._records = list(records)
