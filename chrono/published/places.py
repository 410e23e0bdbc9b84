"""Finds what can be verified under the paths that somebody names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from chrono.errors import BAD_REWARDS, ChronoError
from chrono.published.tables import CLAIMS, EPOCHS

DOCUMENTS = ("reward-distribution-data.json", "reward-distribution-data-tuples.json")


def documents_under(path: Path) -> list[Path]:
    """The JSON files at `path`: itself when it is a file, else the published names below it, gzipped or not.

    Links to folders are not followed. Sorted with numbers as numbers, so that epoch 9 comes before epoch 10.
    """
    if path.is_file():
        return [] if path.suffix == ".parquet" else [path]
    names = {name + suffix for name in DOCUMENTS for suffix in ("", ".gz")}
    found = (Path(folder) / name for folder, _, files in os.walk(path) for name in files if name in names)
    return sorted(found, key=_natural)


def tables_under(path: Path) -> list[Path]:
    """The folders at or below `path` with both tables; for one of the two tables itself, its folder."""
    if path.is_file():
        return [path.parent] if path.suffix == ".parquet" else []
    return sorted(_table_folders(path), key=_natural)


def check_places(path: Path) -> None:
    """Raises: ChronoError(BAD_REWARDS) when there is nothing to verify at `path`."""
    if not path.exists():
        raise ChronoError(BAD_REWARDS, file=path, why="it does not exist")
    if not path.is_file() and not path.is_dir():
        raise ChronoError(BAD_REWARDS, file=path, why="it is neither a file nor a folder")
    if not documents_under(path) and not tables_under(path):
        raise ChronoError(BAD_REWARDS, file=path, why=f"there is no {DOCUMENTS[0]} and no {EPOCHS} in it")


def _table_folders(path: Path) -> Iterator[Path]:
    return (Path(folder) for folder, _, files in os.walk(path) if {EPOCHS, CLAIMS} <= set(files))


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path))]
