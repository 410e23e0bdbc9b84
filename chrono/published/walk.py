"""Every reward epoch under some paths, one after another: in memory is one document, or a few epochs of a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from chrono.errors import ChronoError
from chrono.published.documents import read_document
from chrono.published.epoch import PublishedEpoch
from chrono.published.places import check_places, documents_under, tables_under
from chrono.published.tables import Tables


class Walk:
    """The epochs under `paths`, of all networks or of one.

    A document that does not say its network, and lies in no folder that does, counts as of the asked one.
    """

    def __init__(self, paths: Sequence[Path], network: str | None = None) -> None:
        """Looks for the files. Raises: ChronoError(BAD_REWARDS) when there is nothing under one of `paths`."""
        self.network = network
        self.unusable: list[ChronoError] = []
        """What could not be read; complete after the walk."""
        for path in paths:
            check_places(path)
        self._documents = [found for path in paths for found in documents_under(path)]
        self._tables: list[Tables] = []
        for folder in (found for path in paths for found in tables_under(path)):
            try:
                self._tables.append(Tables(folder, network))
            except ChronoError as error:
                self.unusable.append(error)

    def __len__(self) -> int:
        """How many epochs there are at most: a document may turn out to be of another network, or unusable."""
        return len(self._documents) + sum(len(tables) for tables in self._tables)

    def __iter__(self) -> Iterator[PublishedEpoch | None]:
        """The epochs; None for a document that is not of the asked network or cannot be read."""
        for path in self._documents:
            yield self._document(path)
        for tables in self._tables:
            try:
                yield from tables
            except ChronoError as error:
                self.unusable.append(error)

    def _document(self, path: Path) -> PublishedEpoch | None:
        try:
            epoch = read_document(path)
        except ChronoError as error:
            self.unusable.append(error)
            return None
        if self.network is None:
            return epoch
        if epoch.network is None:
            return replace(epoch, network=self.network)
        return epoch if epoch.network == self.network else None
