"""What contracts remember. Every change can be taken back: a call that reverts, and blocks that are forgotten."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_NOTHING: Final = object()


class Storage:
    """Values by key. Values are never changed in place: put another one there."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._undo: list[tuple[Hashable, Any]] = []
        self._forgotten = 0

    @property
    def mark(self) -> int:
        """Where the history stands now: give it to `rollback` or `as_of`."""
        return self._forgotten + len(self._undo)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of a key; `default` where nothing was ever put."""
        return self._values.get(key, default)

    def put(self, key: Hashable, value: Any) -> None:
        """Remember a value."""
        self._undo.append((key, self._values.get(key, _NOTHING)))
        self._values[key] = value

    def rollback(self, mark: int) -> None:
        """Take back everything since `mark`. Raises: ValueError when that is forgotten."""
        self._require(mark)
        while self.mark > mark:
            self._set(*self._undo.pop())

    def forget(self, mark: int) -> None:
        """What was before `mark` is never taken back."""
        gone = max(mark - self._forgotten, 0)
        del self._undo[:gone]
        self._forgotten += gone

    @contextmanager
    def as_of(self, mark: int) -> Iterator[None]:
        """The values as they stood at `mark`, for a while. Whatever is put meanwhile is lost."""
        self._require(mark)
        kept = self._undo[mark - self._forgotten :]
        redo = []
        for key, value in reversed(kept):
            redo.append((key, self._values.get(key, _NOTHING)))
            self._set(key, value)
        del self._undo[mark - self._forgotten :]
        try:
            yield
        finally:
            self.rollback(mark)
            for key, value in reversed(redo):
                self._set(key, value)
            self._undo += kept

    def _require(self, mark: int) -> None:
        if mark < self._forgotten:
            raise ValueError("that far back nothing is remembered")

    def _set(self, key: Hashable, value: Any) -> None:
        if value is _NOTHING:
            self._values.pop(key, None)
        else:
            self._values[key] = value
