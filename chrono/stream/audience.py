"""Who is to be sent what, found without asking every reader."""

from collections.abc import Collection

from chrono.market.names import Market
from chrono.stream.connection import Connection

_NOBODY: tuple[Connection, ...] = ()


class Audience:
    """The readers of one topic: of single markets, and of all."""

    def __init__(self) -> None:
        self._of_all: dict[Connection, None] = {}
        self._of_one: dict[Market, dict[Connection, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._of_all or self._of_one)

    def add(self, connection: Connection, market: Market | None) -> None:
        """Send `market` to this reader too; None stands for every market."""
        readers = self._of_all if market is None else self._of_one.setdefault(market, {})
        readers[connection] = None

    def remove(self, connection: Connection, market: Market | None) -> None:
        """Undo `add`. A reader that is not there is no fault."""
        if market is None:
            self._of_all.pop(connection, None)
            return
        readers = self._of_one.get(market, {})
        readers.pop(connection, None)
        if not readers:
            self._of_one.pop(market, None)

    def of(self, market: Market | None) -> Collection[Connection]:
        """Everyone who is to be sent `market`, each once."""
        single = self._of_one.get(market) if market is not None else None
        if not single:
            return self._of_all
        if not self._of_all:
            return single
        return self._of_all | single
