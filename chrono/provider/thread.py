"""A thread with a loop of its own for the duty, so that nothing the API does can make a phase late.

The main loop only watches it: `run` is a supervised part there, and ends when the thread ends. What must be asked of
the duty from another thread goes through `ask`.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

import structlog

from chrono.errors import VOTER_AWAY, ChronoError

JOIN_S: Final = 10.0
"""How long a cancelled duty may take to close what it holds."""

_Answer = TypeVar("_Answer")

log = structlog.get_logger()


class DutyThread:
    """Runs `work` in a loop on a thread. A `work` that ends or raises ends `run`, which its supervisor repeats."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._over = False
        self._asked: set[Future[Any]] = set()
        """Questions without an answer so far."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the loop turns."""
        return self._loop is not None

    async def run(self) -> None:
        """Run the work until it ends, or this is cancelled; then it is cancelled too, and waited for.

        Raises: whatever the work raises.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = False
        thread = threading.Thread(
            target=self._main, args=(asyncio.get_running_loop(), ended), name="chrono-duty", daemon=True
        )
        thread.start()
        try:
            await asyncio.shield(ended)
        finally:
            self._cancel()
            if not ended.done():
                await asyncio.wait([ended], timeout=JOIN_S)
            if ended.done() and not ended.cancelled():
                ended.exception()  # seen: it is raised above, or nobody waits for it any more

    async def ask(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer that the question finds when it is awaited in the duty's loop.

        Raises: ChronoError(VOTER_AWAY) while the duty does not run, or when it ends before it has answered; else what
        the question raises.
        """
        loop = self._loop
        if loop is None:
            raise ChronoError(VOTER_AWAY)
        asked = _awaited(question)
        try:
            running = asyncio.run_coroutine_threadsafe(asked, loop)
        except RuntimeError as closed:
            asked.close()
            raise ChronoError(VOTER_AWAY) from closed
        self._asked.add(running)
        running.add_done_callback(self._asked.discard)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if (asker := asyncio.current_task()) is not None and asker.cancelling():
                raise
            raise ChronoError(VOTER_AWAY) from None  # the duty ended, not whoever asked

    def tell(self, callback: Callable[[], None]) -> None:
        """Have this called in the duty's loop; nothing happens while it does not run."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it was closed a moment ago
                loop.call_soon_threadsafe(callback)

    def _main(self, main_loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[None]") -> None:
        failure: BaseException | None = None
        try:
            with asyncio.Runner() as runner:
                runner.run(self._watched())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - handed over whole to whoever awaits the thread
            failure = error
        for asked in tuple(self._asked):
            asked.cancel()  # it came too late to be heard
        with suppress(RuntimeError):  # the main loop is closed: nobody waits any more
            main_loop.call_soon_threadsafe(_settle, ended, failure)

    async def _watched(self) -> None:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        try:
            if not self._over:  # else it was cancelled while the thread began
                await self._work()
        finally:
            self._loop = self._task = None

    def _cancel(self) -> None:
        self._over = True
        task = self._task
        if task is not None:
            self.tell(task.cancel)  # type: ignore[arg-type]  # what it returns is of no use here


async def _awaited(question: Callable[[], Awaitable[_Answer]]) -> _Answer:
    return await question()


def _settle(ended: "asyncio.Future[None]", failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None:
        ended.set_result(None)
    else:
        ended.set_exception(failure)
