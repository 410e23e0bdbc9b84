"""Keeps the long-running parts alive: a part that crashes is restarted with back-off, the others go on."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

import structlog
from msgspec import Struct

from chrono.clock import SECOND_NS, Clock, to_rfc3339
from chrono.telemetry import COMPONENT_HEALTHY, COMPONENT_RESTARTS

Run = Callable[[], Awaitable[None]]
"""A part's work: runs until it is cancelled. Returning or raising counts as a crash."""

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 30.0
STEADY_S = 60.0
"""A part that ran this long starts its back-off anew."""

log = structlog.get_logger()


class PartState(Struct, frozen=True):
    """How one supervised part does. `failure` is the last crash, empty when there was none."""

    running: bool
    restarts: int
    since: str
    failure: str


class Supervisor:
    """Runs each part as a task of its own, restarts the crashed, and names them for `/health`."""

    def __init__(
        self,
        clock: Clock,
        *,
        jitter: Callable[[], float] = random.random,
        longest_backoff_s: float = LONGEST_BACKOFF_S,
    ) -> None:
        self._longest_s = longest_backoff_s
        self._clock = clock
        self._jitter = jitter
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._states: dict[str, PartState] = {}

    @property
    def states(self) -> Mapping[str, PartState]:
        """Every part by name, as it is now."""
        return self._states

    def start(self, name: str, run: Run) -> None:
        """Run a part from now on. Raises: ValueError when the name is taken."""
        if name in self._tasks:
            raise ValueError(f"part {name} is supervised already")
        COMPONENT_RESTARTS.labels(name)
        self._tell(name, running=True, restarts=0, failure="")
        self._tasks[name] = asyncio.create_task(self._keep(name, run), name=name)

    async def stop(self) -> None:
        """Cancel every part, the last started first, and wait for each."""
        for task in reversed(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _keep(self, name: str, run: Run) -> None:
        backoff, restarts = FIRST_BACKOFF_S, 0
        while True:
            began = self._clock.monotonic_ns()
            failure = await self._once(run)
            if self._clock.monotonic_ns() - began > STEADY_S * SECOND_NS:
                backoff = FIRST_BACKOFF_S
            restarts += 1
            wait = backoff * (1 + self._jitter() / 2)
            log.error("part_crashed", part=name, failure=failure, restarts=restarts, retry_in_s=round(wait, 2))
            COMPONENT_RESTARTS.labels(name).inc()
            self._tell(name, running=False, restarts=restarts, failure=failure)
            await self._clock.sleep(wait)
            backoff = min(backoff * 2, self._longest_s)
            self._tell(name, running=True, restarts=restarts, failure=failure)

    async def _once(self, run: Run) -> str:
        try:
            await run()
        except asyncio.CancelledError:
            if (part := asyncio.current_task()) is None or part.cancelling():
                raise
            return "cancelled from within"  # by something that it waited for: nobody asked it to end
        except Exception as error:
            log.debug("part_traceback", exc_info=True)
            return f"{type(error).__name__}: {error}"
        return "returned"

    def _tell(self, name: str, *, running: bool, restarts: int, failure: str) -> None:
        COMPONENT_HEALTHY.labels(name).set(running)
        since = to_rfc3339(self._clock.now_ns())
        self._states[name] = PartState(running, restarts, since, failure)
