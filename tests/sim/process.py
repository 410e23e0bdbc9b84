"""Processes in one loop: each can be killed between any two steps, or in the middle of one where it writes to disk.

A killed process runs no further instruction: no handler, no `finally`, nothing is closed. What it had in memory is gone;
what it had sent, and what its disk holds, is there. Every place where it can be killed is a point, and is counted.
When all is over, `dissolve` cleans up what is left of it, where it can do no more harm.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from itertools import count
from types import FrameType
from typing import Any

OURS = "/chrono/"
_running: ContextVar["Process | None"] = ContextVar("process", default=None)
_serials = count()


class Killed(BaseException):
    """Raised in the middle of a step of a process that is dead. Nobody may catch it."""


class Process:
    """One incarnation. `kill_at` is the number of the point at which it dies."""

    def __init__(self, kill_at: int | None = None, on_point: Callable[["Process", str], None] | None = None) -> None:
        self.alive = True
        self.dissolving = False
        self.points = 0
        self.counting = False
        self.kill_at = kill_at
        self.killed_in: str | None = None
        self.sites: Counter[str] = Counter()
        self.fault: BaseException | None = None
        self._on_point = on_point
        self._tasks: list[asyncio.Task[Any]] = []

    def spawn(self, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start it: everything that it starts belongs to it."""
        context = copy_context()
        context.run(_running.set, self)
        return asyncio.get_running_loop().create_task(main, context=context)

    def kill(self, where: str = "from outside") -> None:
        """It is dead from now on."""
        self.alive = False
        self.killed_in = where

    def point(self, site: str) -> None:
        """It could be killed here. Raises: Killed, when it is."""
        if self.dissolving:
            return
        if not self.alive:
            raise Killed
        if not self.counting:
            return
        self.points += 1
        self.sites[site] += 1
        if self._on_point is not None:
            self._on_point(self, site)
        if self.points == self.kill_at:
            self.kill(site)
            raise Killed

    def owns(self, task: asyncio.Task[Any]) -> None:
        """A task is of this process."""
        self._tasks.append(task)

    async def dissolve(self) -> None:
        """Let what is left of it end, when nothing that it does counts any more."""
        self.alive = False
        self.dissolving = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine of a process: no step is made of a dead one."""

    def __init__(self, inner: Coroutine[Any, Any, Any], process: Process) -> None:
        self._inner = inner
        self._process = process
        self._site = _name(inner)
        self._over = False

    def send(self, value: Any) -> Any:
        process = self._process
        if process.counting or not process.alive:
            return self._step(lambda: self._inner.send(value))
        try:
            yielded = self._inner.send(value)
        except Killed:
            self._over = True
            return _never()
        return yielded if process.alive else _never()

    def throw(self, *error: Any) -> Any:
        if self._process.dissolving and self._over:
            raise error[0]
        return self._step(lambda: self._inner.throw(*error))

    def close(self) -> None:
        if self._process.alive or self._process.dissolving:
            self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError("tasks step it themselves")

    def _step(self, go: Callable[[], Any]) -> Any:
        process = self._process
        try:
            process.point(self._site)
        except Killed:
            return _never()
        try:
            yielded = go()
        except Killed:
            self._over = True
            return _never()
        except StopIteration:
            self._over = True
            if process.alive or process.dissolving:
                raise
            return _never()
        if not process.alive and not process.dissolving:
            return _never()
        if process.counting:
            self._site = _site(self._inner)
        return yielded


def _never() -> Any:
    """What a dead task waits for."""
    waited = asyncio.get_running_loop().create_future()
    waited._asyncio_future_blocking = True
    return waited


class _Ordered(asyncio.Task[Any]):
    """A task whose place in a set is the same in every run."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self._serial = next(_serials)
        super().__init__(*args, **named)

    def __hash__(self) -> int:
        return self._serial


def make_task(loop: asyncio.AbstractEventLoop, coro: Any, *, context: Any = None, **named: Any) -> asyncio.Task[Any]:
    """A task factory: tasks belong to the process that makes them."""
    process = _running.get() if context is None else context.get(_running)
    if process is None:
        return _Ordered(coro, loop=loop, context=context, **named)
    task = _Ordered(_Stepped(coro, process), loop=loop, context=context, **named)
    process.owns(task)
    return task


def current() -> Process | None:
    """The process whose step this is; None outside of any."""
    return _running.get()


def point(site: str) -> None:
    """The process whose step this is could be killed here."""
    process = _running.get()
    if process is not None:
        process.point(site)


def fresh_order() -> None:
    """Count tasks from 0 again: at the start of each run."""
    global _serials
    _serials = count()


def _site(inner: Any) -> str:
    """Where a suspended coroutine waits: the innermost line of ours, and its caller of ours."""
    lines = []
    awaited: Any = inner
    while awaited is not None:
        frame: FrameType | None = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None and OURS in frame.f_code.co_filename:
            file = frame.f_code.co_filename.rpartition(OURS)[2]
            if not file.startswith("simulation/"):
                lines.append(f"{file}:{frame.f_lineno}")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return " < ".join(reversed(lines)) or _name(inner)


def _name(inner: Any) -> str:
    code = getattr(inner, "cr_code", None)
    return "start of " + (code.co_qualname if code is not None else type(inner).__name__)
