"""Where a voter keeps what must outlive it, below the data folder."""

from pathlib import Path
from typing import Final

import structlog

from chrono.clock import Clock
from chrono.errors import ChronoError
from chrono.flare.address import ADDRESS_BYTES, Address
from chrono.flare.networks import Network
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal

FOLDER: Final = "voter"

log = structlog.get_logger()


def open_pins(data_dir: str, network: Network, clock: Clock) -> Journal | None:
    """Where the value provider keeps what it answered; None, said loudly, where the disk does not allow it."""
    path = journal_path(data_dir, network, "values")
    nobody = Address(bytes(ADDRESS_BYTES))
    try:
        log_ = JournalFile(path, clock)
        return Journal(log_, network=network.name, chain_id=network.chain_id, identity=nobody)
    except ChronoError as error:
        log.error("answers_not_kept", cause=str(error))  # noqa: TRY400 - says it all
        return None


def journal_path(data_dir: str, network: Network, whose: str) -> Path:
    """Where a journal lies: one for each network and identity."""
    return Path(data_dir) / FOLDER / f"{network.name}-{whose}.journal"


def contracts_path(data_dir: str, network: Network) -> Path:
    """Where it is kept where the contracts of a chain were."""
    return Path(data_dir) / FOLDER / f"{network.name}.contracts"


def fdc_path(data_dir: str, network: Network, identity: str) -> Path:
    """Where the FDC's rounds that were counted for an entity lie."""
    return Path(data_dir) / FOLDER / f"{network.name}-{identity}.fdc"


def history_path(data_dir: str, network: Network) -> Path:
    """Where the events of a chain lie: losing them costs time, no more."""
    return Path(data_dir) / FOLDER / f"{network.name}.events"
