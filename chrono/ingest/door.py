"""The edge door: a batch is answered only when it is durable, and everybody hears of it in the order of commits."""

import asyncio
from collections.abc import Sequence

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.batch import read_batch
from chrono.ingest.ports import Repeats, Subscriber, Write
from chrono.ingest.tally import Tally
from chrono.market.quote import Quote, Receipt
from chrono.settings import Ingest
from chrono.telemetry import INGEST_SECONDS, span

log = structlog.get_logger()


class IngestDoor:
    """Takes batches from workers."""

    def __init__(self, write: Write, clock: Clock, rules: Ingest) -> None:
        self._write = write
        self._clock = clock
        self._rules = rules
        self._tally = Tally()
        self._subscribers: list[Subscriber] = []
        self._commits: set[asyncio.Task[Repeats]] = set()

    def on_quotes(self, callback: Subscriber) -> None:
        """Tell `callback` of every accepted batch once it is durable."""
        self._subscribers.append(callback)

    async def accept(self, body: bytes, *, worker_id: str, received_at_ns: int) -> Receipt:
        """Keep the good feeds of one POST; returns when they are durable.

        Raises: ChronoError(BAD_BATCH, BATCH_TOO_LARGE) for a body that is no batch; ChronoError(SPOOL_FULL,
        DATABASE_AWAY) when nothing could be kept.
        """
        began_ns = self._clock.monotonic_ns()
        with span("ingest_batch", body_bytes=len(body)):
            batch = read_batch(body, received_at_ns=received_at_ns, rules=self._rules, worker_id=worker_id)
            repeats = await self._keep(batch.quotes) if batch.quotes else {}
            self._tally.count(batch, repeats)
        INGEST_SECONDS.observe((self._clock.monotonic_ns() - began_ns) / SECOND_NS)
        return Receipt(len(batch.quotes), tuple(batch.faults))

    async def keep(self, quotes: Sequence[Quote]) -> None:
        """Keep quotes that need no reading, such as a tape's; returns when they are durable. Raises: ChronoError."""
        await self._keep(quotes)

    async def _keep(self, quotes: Sequence[Quote]) -> Repeats:
        # A sender that hangs up cancels its own wait, not the commit: what is durable must reach the subscribers.
        commit = asyncio.create_task(self._commit(quotes))
        self._commits.add(commit)
        commit.add_done_callback(self._done)
        return await asyncio.shield(commit)

    async def _commit(self, quotes: Sequence[Quote]) -> Repeats:
        repeats = await self._write(quotes)
        for tell in self._subscribers:
            try:
                tell(quotes)
            except Exception:
                # The quotes are durable and the sender must hear so; the others must still be told.
                log.exception("subscriber_failed", subscriber=getattr(tell, "__qualname__", repr(tell)))
        return repeats

    def _done(self, commit: asyncio.Task[Repeats]) -> None:
        self._commits.discard(commit)
        if not commit.cancelled():
            # Read it, so that asyncio does not call it lost when the sender has gone; `accept` has raised it.
            commit.exception()
