"""What was read of a chain and is kept in a file: losing it costs time, so a file that is damaged is as none.

It is written whole beside the old one and moved into its place; a disk that refuses stops nothing.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog

_DIGEST: Final = 32
_Kept = TypeVar("_Kept")

log = structlog.get_logger()


class KeptFile(Generic[_Kept]):
    """One value in one file. Nothing is raised for it: what cannot be read or written is told and passed over."""

    def __init__(self, path: Path, kind: type[_Kept], name: str) -> None:
        """`name` begins the events of the log."""
        self._path = path
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)
        self._name = name

    def load(self) -> _Kept | None:
        """What is kept; None when that is nothing, or of another version of Chrono."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning(f"{self._name}_unread", cause=error.strerror)
            return None
        digest, body = data[:_DIGEST], data[_DIGEST:]
        if sha256(body).digest() != digest:
            log.warning(f"{self._name}_unread", cause="the file is damaged")
            return None
        try:
            found: _Kept = self._decoder.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return None
        return found

    def save(self, value: _Kept) -> None:
        """Put this in the place of what was kept."""
        body = msgspec.msgpack.encode(value)
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.write_bytes(sha256(body).digest() + body)
            beside.replace(self._path)
        except OSError as error:
            log.warning(f"{self._name}_unkept", cause=error.strerror)
