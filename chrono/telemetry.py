"""What Chrono says about itself: metrics, logs and traces, each named once, here.

Metric names follow Prometheus: base units, `_total` for counters, few labels, never a key or a transaction.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from chrono.clock import SECOND_NS, Clock
from chrono.settings import Logs, Secret, Telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that the running task works for; empty outside one. Logs and spans carry it."""

_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

BUILD_INFO = Gauge("chrono_build_info", "Version of the running Chrono.", ["version"])
COMPONENT_HEALTHY = Gauge("chrono_component_healthy", "1 when the part runs as it should.", ["component"])
COMPONENT_RESTARTS = Counter("chrono_component_restarts_total", "Restarts of a supervised part.", ["component"])
LOOP_LAG = Histogram("chrono_event_loop_lag_seconds", "How late the event loop woke a timer.", buckets=_FAST)

INGEST_FEEDS = Counter("chrono_ingest_feeds_total", "Feeds received, by what became of them.", ["source", "outcome"])
INGEST_SECONDS = Histogram("chrono_ingest_batch_duration_seconds", "Arrival to durable answer.", buckets=_FAST)
SOURCE_UPDATED = Gauge(
    "chrono_source_last_update_timestamp_seconds", "Newest quote of a venue, venue's time.", ["source"]
)
FEED_SOURCES = Gauge("chrono_feed_sources_live", "Venues that counted in the newest value.", ["symbol"])
FEED_STALENESS = Gauge("chrono_feed_staleness_seconds", "Age of the newest quote that counted.", ["symbol"])
AGGREGATION_SECONDS = Histogram(
    "chrono_aggregation_duration_seconds", "One consensus pass over the changed markets.", buckets=_FAST
)
ANOMALIES = Counter("chrono_anomalies_total", "Verdicts on venues in stored values.", ["source", "kind"])
SOURCE_DEVIATION = Gauge("chrono_source_deviation_bps", "Venue's distance from the newest consensus.", ["source"])
STABLE_PEG = Gauge("chrono_stable_peg_ratio", "Price of a stable coin in its currency.", ["asset"])
SUBSCRIBER_FAILURES = Counter(
    "chrono_subscriber_failures_total", "Times that a subscriber of new values raised.", ["subscriber"]
)
MARKET_FAILURES = Counter("chrono_market_failures_total", "Markets whose pricing raised, in a pass of all.")
WINDOW_POINTS = Gauge("chrono_window_points", "Quotes held in memory.")
WINDOW_DROPPED = Counter("chrono_window_dropped_total", "Quotes not taken into the window.", ["reason"])

VENUE_MESSAGES = Counter("chrono_venue_messages_total", "Messages of a venue, by what was done.", ["venue", "kind"])
VENUE_QUOTES = Counter("chrono_venue_quotes_total", "Quotes told of a venue, by the way they came.", ["venue", "by"])
VENUE_LIVE = Gauge("chrono_venue_live", "1 when the venue is live.", ["venue"])
VENUE_STALLS = Counter("chrono_venue_stalls_total", "Stalls found, by verdict.", ["venue", "verdict"])
VENUE_RECONNECTS = Counter("chrono_venue_reconnects_total", "Sockets of a venue lost or left.", ["venue"])
VENUE_REFUSALS = Counter("chrono_venue_refusals_total", "Times that a venue did not serve us.", ["venue", "kind"])
VENUE_FROZEN = Gauge("chrono_venue_frozen_books", "Books left out because they rest while the market moves.", ["venue"])
VENUE_UNLISTED = Gauge("chrono_venue_unlisted_books", "Books left out because the venue does not list them.", ["venue"])
VENUE_OFFSET = Gauge("chrono_venue_clock_offset_seconds", "The venue's clock minus ours, way included.", ["venue"])
VENUE_UNSTORED = Counter("chrono_venue_unstored_total", "Quotes of venues that were not stored.", ["reason"])

SIGNER_SIGNATURES = Counter("chrono_signer_signatures_total", "Signatures given out.", ["kind"])
SIGNER_REFUSED = Counter("chrono_signer_refused_total", "Signatures refused by the policy of a key.", ["reason"])

HTTP_SECONDS = Histogram(
    "chrono_http_request_duration_seconds",
    "Request to answer.",
    ["method", "route", "status_class"],
    buckets=_FAST,
)
HTTP_IN_FLIGHT = Gauge("chrono_http_requests_in_flight", "Requests being answered.")
RATE_LIMITED = Counter("chrono_rate_limited_total", "Requests refused by a limit.", ["tier"])
AUTH_FAILURES = Counter("chrono_auth_failures_total", "Requests refused for their key.", ["reason"])

WS_CONNECTIONS = Gauge("chrono_ws_connections", "Open stream connections.", ["door"])
WS_DELIVERY_SECONDS = Histogram("chrono_ws_delivery_seconds", "Published to handed to the socket.", buckets=_FAST)
WS_DROPPED = Counter("chrono_ws_dropped_total", "Frames or connections dropped.", ["reason"])
WS_QUEUE_DEPTH = Gauge("chrono_ws_queue_depth", "Frames waiting in the deepest queue.")

DB_POOL_IN_USE = Gauge("chrono_db_pool_in_use", "Database connections in use.")
DB_SECONDS = Histogram("chrono_db_operation_seconds", "Database calls.", ["op"], buckets=_FAST)
CONSENSUS_DROPPED = Counter("chrono_consensus_dropped_total", "Values never stored, PostgreSQL being away too long.")
SPOOL_BYTES = Gauge("chrono_spool_bytes", "Bytes waiting in the local spool.")
LOG_LINES_LOST = Counter("chrono_log_lines_lost_total", "Log lines that stderr did not take: its disk full, or gone.")
CACHE_FAILURES = Counter("chrono_cache_failures_total", "Calls to Redis that failed.", ["op"])

RPC_NODE_STATE = Gauge("chrono_rpc_node_state", "1 for the state that the node is in.", ["node", "state"])
RPC_REQUESTS = Counter("chrono_rpc_requests_total", "Calls to nodes, by how they ended.", ["node", "method", "outcome"])
RPC_SECONDS = Histogram("chrono_rpc_request_duration_seconds", "Call to answer of a node.", ["node"], buckets=_FAST)
RPC_HEAD = Gauge("chrono_rpc_head_block", "Newest block of a node.", ["node"])
RPC_INVARIANTS = Counter("chrono_rpc_invariant_violations_total", "Nodes that contradicted each other.", ["kind"])
TX_ATTEMPTS = Counter("chrono_tx_attempts_total", "Transactions, by what became of each.", ["role", "outcome"])
TX_INCLUSION = Histogram(
    "chrono_tx_inclusion_seconds", "First send to found in a block.", buckets=(0.5, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
)
TX_FEE = Counter("chrono_tx_fee_wei_total", "Fees that receipts name, subsidies not taken off.", ["role"])
TX_NONCE_GAP = Gauge("chrono_tx_nonce_gap", "Nonces below our newest that the chain has not seen.", ["role"])
ACCOUNT_BALANCE = Gauge("chrono_account_balance_wei", "What an account holds.", ["role"])
ACCOUNT_RUNWAY = Gauge("chrono_account_runway_seconds", "How long the balance lasts at the present spending.", ["role"])
INDEX_BLOCK = Gauge("chrono_index_block", "Blocks read: the newest, and the newest that two nodes agree on.", ["kind"])
INDEX_ROLLBACKS = Counter("chrono_index_rollbacks_total", "Blocks read and taken back.")


def configure_logs(logs: Logs) -> None:
    """Structured logs on stderr: pretty on a terminal, JSON otherwise. Fields are snake_case."""
    pretty = logs.format == "pretty" or (logs.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _with_request_id,
        _with_secrets_starred,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(sort_keys=False)
    if not pretty:
        # Without the locals of each frame: keys, passwords and bodies are among them.
        plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        shared.append(structlog.processors.ExceptionRenderer(plain))
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, logs.level.upper())),
        logger_factory=_LossyLogger,
        cache_logger_on_first_use=False,
    )


class _LossyLogger(structlog.PrintLogger):
    """Prints on stderr. A line that cannot be written is counted: a full log disk stops neither ingest nor a vote."""

    def __init__(self, *_: object) -> None:
        super().__init__(sys.stderr)

    def msg(self, message: str) -> None:
        """Print a line, if it can be printed."""
        try:
            super().msg(message)
        except OSError:
            LOG_LINES_LOST.inc()

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _with_request_id(_: object, __: str, event: Any) -> Any:
    asked_by = request_id.get()
    if asked_by:
        event["request_id"] = asked_by
    return event


def _with_secrets_starred(_: object, __: str, event: Any) -> Any:
    for name, value in event.items():
        if isinstance(value, Secret):
            event[name] = "***"
    return event


LAG_BEAT_NS = 250_000_000


async def watch_loop(clock: Clock) -> None:
    """Measure how late the event loop wakes, four times a second, for ever. A supervised part."""
    while True:
        due_ns = clock.monotonic_ns() + LAG_BEAT_NS
        await clock.sleep(LAG_BEAT_NS / SECOND_NS)
        LOOP_LAG.observe(max(clock.monotonic_ns() - due_ns, 0) / SECOND_NS)


_tracer: "Tracer | None" = None


def configure_traces(telemetry: Telemetry) -> None:
    """Send spans to the OTLP endpoint of the settings; without one, spans cost a branch and nothing else."""
    global _tracer  # noqa: PLW0603 - one process, one tracer, set once by the root
    if telemetry.otlp_endpoint is None:
        _tracer = None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "chrono"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=telemetry.otlp_endpoint)))
    _tracer = provider.get_tracer("chrono")


def use_tracer(tracer: "Tracer | None") -> None:
    """Send spans to this tracer: for tests, and for a process that has its own."""
    global _tracer  # noqa: PLW0603 - see configure_traces
    _tracer = tracer


@contextmanager
def span(name: str, **attributes: str | int | float) -> Iterator[None]:
    """A span around a request, a batch or a consensus pass; carries the request id. Free when traces are off."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name) as current:
        asked_by = request_id.get()
        if asked_by:
            current.set_attribute("request_id", asked_by)
        for key, value in attributes.items():
            current.set_attribute(key, value)
        yield
