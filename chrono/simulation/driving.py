"""A replay driven to its end: rows to a sink, as fast as possible or at a multiple of the tape's own pace."""

from collections.abc import Callable

from chrono.clock import Clock
from chrono.simulation.replay import Replay
from chrono.simulation.sinks import RowSink
from chrono.simulation.summary import Summary


async def drive(
    replay: Replay,
    sink: RowSink,
    clock: Clock,
    *,
    speed: float | None = None,
    on_step: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Write every row of every step; `on_step` is told the tape's time after each.

    With a `speed`, a step waits until its time has come on `clock`: 1.0 is the pace of the recording. The rows are
    the same at any speed. What is not finished when this fails or is cancelled is abandoned.
    """
    summary = Summary()
    started_ns = clock.now_ns()
    try:
        for step in replay.steps():
            if speed is not None:
                await clock.sleep_until(started_ns + int((step.at_ns - replay.first_ns) / speed))
            rows = replay.rows(step)
            sink.write(rows)
            summary.add(rows)
            on_step(step.at_ns)
        sink.close()
    except BaseException:
        sink.abandon()
        raise
    return summary
