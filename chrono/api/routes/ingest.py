"""`POST /internal/ingest`: batches of quotes from edge workers."""

from typing import Any, Final

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call
from chrono.api.operations import Operation, Served
from chrono.api.parameters import read_query
from chrono.api.ports import ApiParts, SignatureHeaders
from chrono.api.schemas_ingest import FeedError, IngestBatch, IngestFeed, IngestReceipt
from chrono.market.quote import Receipt


class IngestRoute:
    """The door's HTTP side."""

    def __init__(self, parts: ApiParts) -> None:
        self._accept = parts.accept
        self._verify = parts.verify

    async def take(self, call: Call) -> Served:
        """Keep the good feeds of a body and tell of each that is not."""
        read_query(call.query, ())
        worker_id = call.access.name if call.access is not None else "unknown"
        if self._verify is not None:
            await self._verify(_signed(call, worker_id), call.arrived_ns)
        receipt = await self._accept(call.body, worker_id=worker_id, received_at_ns=call.arrived_ns)
        return Answer(call.encoded(_told(receipt, call.latency_ms)))


def operations(parts: ApiParts) -> list[Operation]:
    """The operations of this file."""
    return [
        Operation(
            method="POST",
            path="/internal/ingest",
            id="ingest",
            tag="Ingest",
            summary="Take a batch of 1 to 100 quotes; what is answered with 200 is never lost",
            callers=Callers.INTERNAL,
            serve=IngestRoute(parts).take,
            answers={200: IngestReceipt},
            errors=(503,),
            body=(IngestBatch, IngestFeed),
            body_example=_BODY_EXAMPLE,
            example=_EXAMPLE,
        )
    ]


def _signed(call: Call, worker_id: str) -> SignatureHeaders:
    return SignatureHeaders(
        method=str(call.scope["method"]),
        path=call.path,
        body=call.body,
        worker_id=worker_id,
        timestamp=call.header(b"x-chrono-timestamp"),
        nonce=call.header(b"x-chrono-nonce"),
        signature=call.header(b"x-chrono-signature"),
    )


def _told(receipt: Receipt, latency_ms: int) -> IngestReceipt:
    kept, refused = receipt.ingested, len(receipt.faults)
    status = "success" if not refused else "partial" if kept else "error"
    message = f"{kept} ingested" if not refused else f"{kept} ingested, {refused} refused: see errors"
    faults = [FeedError(fault.index, fault.code, fault.message) for fault in receipt.faults]
    return IngestReceipt(status, kept, refused, latency_ms, message, faults)  # type: ignore[arg-type]


_EXAMPLE: Final[Any] = {
    "status": "partial",
    "ingested": 2,
    "failed": 1,
    "latency_ms": 3,
    "message": "2 ingested, 1 refused: see errors",
    "errors": [{"index": 2, "code": "VALIDATION_ERROR", "message": "price: missing"}],
}
_BODY_EXAMPLE: Final[Any] = {
    "worker_id": "binance-worker-001",
    "timestamp": "2025-10-09T12:34:56.789Z",
    "feeds": [
        {
            "symbol": "BTC/USDT",
            "price": "67234.56",
            "volume": "1234.567890",
            "source": "binance",
            "timestamp": "2025-10-09T12:34:56.123Z",
            "metadata": {"bid": "67230.00", "ask": "67235.00", "exchange_timestamp": 1728480896123},
        }
    ],
}
