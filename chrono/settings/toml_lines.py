"""On which line of a TOML file each key stands: `tomllib` reads the values but forgets the places.

The text must have been read by `tomllib` before, so that this walk meets only well-formed TOML.
"""

from typing import Final

Path = tuple[str, ...]

_BARE_END: Final = frozenset(",]}\n#")


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each table, key and array element, by its path (elements by their number)."""
    return _Walk(text.replace("\r\n", "\n")).lines


class _Walk:
    """One pass over the text with a cursor; every step moves forward or ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._newlines_before = 0
        self._counted_to = 0
        self.lines: dict[Path, int] = {}
        self._statements()

    def _statements(self) -> None:
        table: Path = ()
        while self._skip_blank(newlines=True):
            if self._peek() == "[":
                while self._peek() == "[":
                    self._at += 1
                table = self._key()
                self._record(table)
                self._to_line_end()
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table + self._key()
        self._record(path)
        self._skip_blank(newlines=False)
        if self._peek() == "=":
            self._at += 1
        self._value(path)
        self._at = max(self._at, start + 1)  # whatever stood there, the walk goes on

    def _key(self) -> Path:
        parts = []
        while True:
            self._skip_blank(newlines=False)
            parts.append(self._key_part())
            self._skip_blank(newlines=False)
            if self._peek() != ".":
                return tuple(parts)
            self._at += 1

    def _key_part(self) -> str:
        if self._peek() in {'"', "'"}:
            start = self._at
            self._string()
            return self._text[start + 1 : self._at - 1]
        start = self._at
        while self._peek() and (self._peek().isalnum() or self._peek() in "_-"):
            self._at += 1
        return self._text[start : self._at]

    def _value(self, path: Path) -> None:
        self._skip_blank(newlines=False)
        first = self._peek()
        if first in {'"', "'"}:
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            while self._peek() and self._peek() not in _BARE_END:
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._skip_blank(newlines=True) and self._peek() != "]":
            if self._peek() == ",":
                self._at += 1
                continue
            start = self._at
            element = (*path, str(number))
            self._record(element)
            self._value(element)
            self._at = max(self._at, start + 1)
            number += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_blank(newlines=True) and self._peek() != "}":
            if self._peek() == ",":
                self._at += 1
            else:
                self._pair(path)
        self._at += 1

    def _string(self) -> None:
        quote = self._peek()
        fence = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(fence)
        while self._at < len(self._text) and not self._text.startswith(fence, self._at):
            self._at += 2 if quote == '"' and self._peek() == "\\" else 1
        self._at += len(fence)
        while len(fence) == 3 and self._peek() == quote:  # a fence may have up to two quotes more
            self._at += 1

    def _skip_blank(self, *, newlines: bool) -> bool:
        """Move over spaces, and with `newlines` over line ends and comments; False at the end of the text."""
        while self._at < len(self._text):
            if newlines and self._peek() == "#":
                self._to_line_end()
            elif self._peek() in " \t" or (newlines and self._peek() == "\n"):
                self._at += 1
            else:
                return True
        return False

    def _to_line_end(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _record(self, path: Path) -> None:
        """Note the line of `path` unless it was seen before (`[[table]]` repeats)."""
        self._newlines_before += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        self.lines.setdefault(path, self._newlines_before + 1)
