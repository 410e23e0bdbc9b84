"""The FDC's rounds that were counted, kept in a file: a start reads transactions only some twenty rounds back."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from chrono.chain.kept_file import KeptFile
from chrono.flare.address import Address
from chrono.flare.networks import Network
from chrono.voting.budget import CountedRound

_VERSION: Final = 1


class _File(Struct, frozen=True):
    version: int
    chain_id: int
    first_start_s: int
    """Of the calendar: a chain of one's own that was begun anew has other rounds by the same numbers."""
    identity: bytes
    rounds: tuple[CountedRound, ...]


class FdcFile:
    """One file of one chain and entity. Nothing is raised for it."""

    def __init__(self, path: Path, network: Network, identity: Address) -> None:
        self._file = KeptFile(path, _File, "fdc_rounds")
        self._key = (_VERSION, network.chain_id, network.timing.first_start_s, bytes(identity))

    def load(self) -> tuple[CountedRound, ...]:
        """What was counted; nothing where that was on another chain, or of another entity."""
        kept = self._file.load()
        if kept is None or (kept.version, kept.chain_id, kept.first_start_s, kept.identity) != self._key:
            return ()
        return kept.rounds

    def save(self, rounds: tuple[CountedRound, ...]) -> None:
        """Put these in the place of what was counted before."""
        self._file.save(_File(*self._key, rounds))
