"""What tracing costs: one span off, one span recorded and batched for export, and a whole ingest batch with each."""

import asyncio
import json
import time
from collections.abc import Sequence

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from chrono.clock import SystemClock
from chrono.ingest.door import IngestDoor
from chrono.market.quote import Quote
from chrono.settings import Ingest
from chrono.telemetry import span, use_tracer
from tests.load.ingest import STAMP, template


class Nowhere(SpanExporter):
    """Takes spans and forgets them: the cost of making them, without a network's."""

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def one_span(count: int = 100_000) -> float:
    """Microseconds a span."""
    began = time.perf_counter()
    for _ in range(count):
        with span("consensus_pass", recording=False):
            pass
    return (time.perf_counter() - began) / count * 1e6


async def one_batch(count: int = 1_000) -> float:
    """Microseconds to read a batch of 100 feeds in the door, without the store."""

    async def write(_: Sequence[Quote]) -> dict[str, int]:
        return {}

    clock = SystemClock()
    door = IngestDoor(write, clock, Ingest(max_age_s=10**9))
    body = template(0).split(b"\r\n\r\n", 1)[1].replace(STAMP, b"2025-10-09T12:34:56.123456Z")
    began = time.perf_counter()
    for _ in range(count):
        await door.accept(body, worker_id="bench", received_at_ns=clock.now_ns())
    return (time.perf_counter() - began) / count * 1e6


def main() -> None:
    """Four figures."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    for what, tracer in (("off", None), ("on", provider.get_tracer("bench"))):
        use_tracer(tracer)
        figures = {"tracing": what, "span_us": round(one_span(), 2), "batch_of_100_us": round(asyncio.run(one_batch()))}
        print(json.dumps(figures))
    use_tracer(None)


if __name__ == "__main__":
    main()
