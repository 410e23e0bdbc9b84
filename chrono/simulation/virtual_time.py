"""An event loop whose time jumps to the next thing that is due, and a clock over it: a day passes in seconds.

Everything that waits by the loop (sleeps, timeouts, deadlines) waits in virtual time. Nothing may wait for the world
outside: there are no sockets, and what is given to an executor runs at once. When nothing is due any more, nothing will
ever be: that is a fault of whoever waits, and is said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from heapq import heappop
from typing import Any, TypeVar, TypeVarTuple, Unpack

from chrono.clock import SECOND_NS

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")
_RESOLUTION_S = 1e-9


class NothingDue(RuntimeError):  # noqa: N818 - said of a loop, not of a mistake of its own
    """Everything waits, and for nothing that could come."""


class _NoSelector:
    """Stands where a loop has its selector. Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop in one thread, without input or output."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._selector = _NoSelector()
        self._clock_resolution = _RESOLUTION_S

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def stall(self, seconds: float) -> None:
        """Let time pass in which the loop does nothing, as when something blocks it."""
        self._now_s += seconds

    def _run_once(self) -> None:
        """One turn, as of any loop of asyncio; but instead of waiting for the next timer, it is its time already."""
        timers, ready = self._scheduled, self._ready  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:  # noqa: SLF001 - so does the base class
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heappop(timers)._scheduled = False  # noqa: SLF001
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise NothingDue("everything waits, and nothing is due")
            self._now_s = max(self._now_s, timers[0]._when)  # noqa: SLF001
        due_s = self._now_s + _RESOLUTION_S
        while timers and timers[0]._when < due_s:  # noqa: SLF001
            timer = heappop(timers)
            timer._scheduled = False  # noqa: SLF001
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001
                handle._run()  # noqa: SLF001

    def run_in_executor(
        self,
        executor: Executor | None,  # noqa: ARG002
        func: Callable[[Unpack[_Arguments]], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """Run it now: no other thread may be waited for."""
        future: asyncio.Future[_Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is passed on to whoever awaits
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""


class VirtualClock:
    """Time of a virtual loop. `offset_ns` is how wrong its wall clock is: jumps change it, and nothing else."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self.offset_ns = 0

    def now_ns(self) -> int:
        """Wall time, as this clock shows it."""
        return self._start_ns + self.offset_ns + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since the loop was made."""
        return round(self._loop.time() * SECOND_NS)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP or a person does."""
        self.offset_ns += round(seconds * SECOND_NS)

    async def sleep_until(self, at_ns: int) -> None:
        """Wait for the wall time `at_ns`; a wall clock that was set back is waited for again."""
        while (left := at_ns - self.now_ns()) > 0:
            await asyncio.sleep(left / SECOND_NS)

    async def sleep(self, seconds: float) -> None:
        """Wait by the loop's time."""
        await asyncio.sleep(seconds)


def run_virtual(
    main: Callable[[VirtualClock], Coroutine[Any, Any, _Result]],
    *,
    start_ns: int,
    tasks: Callable[..., asyncio.Task[Any]] | None = None,
) -> _Result:
    """Run a coroutine on a virtual loop of its own; it is given the clock, which starts at `start_ns`.

    `tasks` makes the tasks, as a task factory does. Tasks that are left over are cancelled.
    """
    loop = VirtualLoop()
    loop.set_task_factory(tasks)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(VirtualClock(loop, start_ns)))
    finally:
        loop.set_task_factory(None)
        _end(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _end(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    waited: Awaitable[Any] = asyncio.gather(*left, return_exceptions=True)
    loop.run_until_complete(waited)
