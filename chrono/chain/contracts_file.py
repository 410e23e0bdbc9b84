"""Where the contracts were when two nodes agreed on it last, kept in a file.

So a start that meets one node alone can still send what is owed. Nothing new is begun on it.
"""

from pathlib import Path
from typing import Final

from msgspec import Struct

from chrono.chain.kept_file import KeptFile
from chrono.chain.registry import Contracts, RelayState
from chrono.flare.address import Address

_VERSION: Final = 1


class Found(Struct, frozen=True):
    """What the registry and the Relay said."""

    contracts: Contracts
    state: RelayState


class _File(Struct, frozen=True):
    version: int
    chain_id: int
    registry: bytes
    found: Found


class ContractsFile:
    """One file of one chain and registry. Nothing is raised for it."""

    def __init__(self, path: Path, chain_id: int, registry: Address) -> None:
        self._file = KeptFile(path, _File, "contracts")
        self._key = (_VERSION, chain_id, bytes(registry))

    def load(self) -> Found | None:
        """What was found last; None when nothing was, or on another chain."""
        kept = self._file.load()
        if kept is None or (kept.version, kept.chain_id, kept.registry) != self._key:
            return None
        return kept.found

    def save(self, found: Found) -> None:
        """Put this in the place of what was found before."""
        self._file.save(_File(*self._key, found))
