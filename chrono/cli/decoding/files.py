"""Values out of a text of any length: JSON documents, arrays of them, or one calldata a line. Memory stays bounded.

A file may be one JSON value, an array (read element by element), JSON lines, or plain lines of hex; also gzipped.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from msgspec import Struct

CHUNK: Final = 1 << 18
LONGEST_VALUE: Final = 1 << 26
"""Characters of one JSON value at most: a block with all its transactions takes a few million."""
_GZIP: Final = b"\x1f\x8b"
_SPACE: Final = " \t\r\n\ufeff"


class Value(Struct, frozen=True):
    """A JSON value, or a line of text, and the line of the file that it begins on."""

    line: int
    content: object


class Broken(Struct, frozen=True):
    """What cannot be read at a line, and why."""

    line: int
    why: str


def open_bytes(path: str) -> BinaryIO:
    """The file, or stdin for `-`. Raises: OSError."""
    return io.BufferedReader(io.FileIO(0, closefd=False)) if path == "-" else Path(path).open("rb")


def values(raw: BinaryIO) -> Iterator[Value | Broken]:
    """What the file holds, one after the other. Unreadable parts are told, and the next line is tried."""
    head = raw.peek() if isinstance(raw, io.BufferedReader) else b""
    packed = head.startswith(_GZIP)
    if b"\0" in head and not packed:
        yield Broken(1, "this is no text, and not gzipped")
        return
    plain = gzip.GzipFile(fileobj=raw) if packed else raw
    with io.TextIOWrapper(plain, encoding="utf-8", errors="replace") as text:
        yield from _Reader(text).values()


class _Reader:
    """A window over the text that grows only for the value being read."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self._line = 1
        self._ended = False
        self._in_array = False
        self._fault: str | None = None
        self._decoder = json.JSONDecoder()

    def values(self) -> Iterator[Value | Broken]:
        while (first := self._first()) is not None:
            if first == "[" and not self._in_array:
                self._in_array = True
                self._take(1)
            elif first in "],":
                self._in_array = self._in_array and first == ","
                self._take(1)
            elif self._in_array or first in '{"[':
                yield self._json()
            else:
                yield self._plain()
        if self._fault is None and self._in_array:
            self._fault = "the list is cut off: its closing bracket is missing"
        if self._fault is not None:
            yield Broken(self._line, self._fault)

    def _first(self) -> str | None:
        """The first character that is no space; None at the end."""
        while True:
            while self._at < len(self._held):
                character = self._held[self._at]
                if character not in _SPACE:
                    return character
                self._take(1)
            if not self._more(CHUNK):
                return None

    def _json(self) -> Value | Broken:
        while True:
            try:
                content, end = self._decoder.raw_decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                # A value that is only cut off looks just like a wrong one: more text is tried first.
                held = len(self._held) - self._at
                if held < LONGEST_VALUE and isinstance(error, json.JSONDecodeError) and self._more(max(held, CHUNK)):
                    continue
                return self._skipped(error)
            value = Value(self._line, content)
            self._take(end - self._at)
            return value

    def _skipped(self, error: Exception) -> Broken:
        """Tell what is wrong and go on behind the next line end; within an array nothing behind it is known."""
        told = {json.JSONDecodeError: getattr(error, "msg", ""), RecursionError: "nested too deeply"}.get(
            type(error), "a number of too many digits"
        )
        rest = " (and so nothing behind it in this list can be read)" if self._in_array else ""
        broken = Broken(self._line, f"not JSON: {told}{rest}")
        if self._in_array:
            self._held, self._at, self._ended, self._in_array = "", 0, True, False
        else:
            self._rest_of_line()
        return broken

    def _plain(self) -> Value | Broken:
        line, text = self._line, self._rest_of_line()
        if len(text) > LONGEST_VALUE:
            return Broken(line, f"a line of more than {LONGEST_VALUE:,} characters")
        return Value(line, text.strip())

    def _rest_of_line(self) -> str:
        """The text up to the line end; of an endless line only as much as makes it too long."""
        parts: list[str] = []
        length = 0
        while True:
            end = self._held.find("\n", self._at)
            part = self._held[self._at : end if end >= 0 else len(self._held)]
            if length <= LONGEST_VALUE:
                parts.append(part)
            length += len(part)
            self._take(len(part))
            if end >= 0 or not self._more(CHUNK):
                return "".join(parts)

    def _take(self, count: int) -> None:
        self._line += self._held.count("\n", self._at, self._at + count)
        self._at += count

    def _more(self, size: int) -> bool:
        """Hold more text, forgetting what was taken; False at the end, or where the file is damaged."""
        if self._ended:
            return False
        try:
            got = self._text.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self._fault = f"the compressed file is damaged: {error}"
            got = ""
        self._held, self._at = self._held[self._at :] + got, 0
        self._ended = not got
        return bool(got)
