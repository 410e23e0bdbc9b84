"""What Chrono says about itself: metrics, logs and traces, each named once, here.

Metric names follow Prometheus: base units, `_total` for counters, few labels, never a key or a transaction.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
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
CLOCK_SKEW = Gauge("chrono_clock_skew_seconds", "How far our wall clock is ahead of the chain's blocks.")
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
VENUE_UNSTORED = Counter("chrono_venue_unstored_total", "Quotes and trades of venues that were not stored.", ["reason"])

SIGNER_SIGNATURES = Counter("chrono_signer_signatures_total", "Signatures given out.", ["kind"])
SIGNER_REFUSED = Counter("chrono_signer_refused_total", "Signatures refused by the policy of a key.", ["reason"])

ALERTS_FIRING = Gauge("chrono_alerts_firing", "Alerts that are on.", ["alert"])
ALERTS_TOLD = Counter("chrono_alerts_total", "Alerts that began.", ["alert"])
ALERTS_SENT = Counter(
    "chrono_alerts_sent_total", "Messages to the receiver of alerts, by what became of each.", ["outcome"]
)

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
ROUNDS_DROPPED = Counter("chrono_ftso_rounds_dropped_total", "Rounds never stored: PostgreSQL away too long.")
REPORTS_UNHEARD = Counter("chrono_ftso_reports_unheard_total", "Reports of the duty that a listener failed to take.")
SPOOL_BYTES = Gauge("chrono_spool_bytes", "Bytes waiting in the local spool.")
JOURNAL_SYNC = Histogram("chrono_journal_fsync_seconds", "One record of the journal to disk.", buckets=_FAST)
LOG_LINES_LOST = Counter("chrono_log_lines_lost_total", "Log lines that stderr did not take: its disk full, or gone.")
CACHE_FAILURES = Counter("chrono_cache_failures_total", "Calls to Redis that failed.", ["op"])

RPC_NODE_STATE = Gauge("chrono_rpc_node_state", "1 for the state that the node is in.", ["node", "state"])
RPC_REQUESTS = Counter("chrono_rpc_requests_total", "Calls to nodes, by how they ended.", ["node", "method", "outcome"])
RPC_SECONDS = Histogram("chrono_rpc_request_duration_seconds", "Call to answer of a node.", ["node"], buckets=_FAST)
RPC_HEAD = Gauge("chrono_rpc_head_block", "Newest block of a node.", ["node"])
RPC_SOCKET_LIVE = Gauge("chrono_rpc_socket_live", "1 while a node tells its blocks over a WebSocket.", ["node"])
RPC_SOCKET_LOSSES = Counter(
    "chrono_rpc_socket_losses_total", "WebSockets of a node lost, or not had.", ["node", "reason"]
)
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
FTSO_ROUND = Gauge("chrono_ftso_round_current", "The voting round whose epoch runs, by the chain's time.")
FTSO_REWARD_EPOCH = Gauge("chrono_ftso_reward_epoch_current", "The reward epoch that the round really belongs to.")
FTSO_SUBMISSIONS = Counter(
    "chrono_ftso_submissions_total", "Our duties of rounds, by how each ended.", ["protocol", "phase", "outcome"]
)
FTSO_MARGIN = Histogram(
    "chrono_ftso_submission_margin_seconds",
    "Block time of a submission to its deadline.",
    ["phase"],
    buckets=(0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 60),
)
REVEAL_OFFENCES = Counter("chrono_ftso_reveal_offences_total", "Commits of ours whose reveal was in no block in time.")
REVEALS_PENDING = Gauge("chrono_ftso_reveals_pending", "Commits that left, and whose reveal is not confirmed.")
OLDEST_UNREVEALED = Gauge("chrono_ftso_oldest_unrevealed_commit_seconds", "Age of the oldest of those commits.")
FEEDS_OMITTED = Counter("chrono_ftso_feeds_omitted_total", "Feeds that a commit of ours left empty.", ["reason"])
BAND_HITS = Gauge("chrono_ftso_band_hit_ratio", "Our values within 0.5 % of the median, of all feeds.", ["window"])
FEED_DEVIATION = Histogram(
    "chrono_ftso_feed_deviation_bps", "Our value from the median, either way.", buckets=(1, 2, 5, 10, 20, 50, 100, 500)
)
FTSO_REGISTERED = Gauge("chrono_ftso_registered", "1 when we are a voter of the reward epoch.", ["epoch"])
EPOCH_ENDS = Gauge(
    "chrono_ftso_reward_epoch_end_timestamp_seconds", "When the next reward epoch is due, by the chain's time."
)
REVEAL_DEADLINE = Gauge(
    "chrono_ftso_reveal_deadline_timestamp_seconds", "First deadline of the reveals that are owed; 0 while none is."
)
FTSO_MISSES = Counter("chrono_ftso_misses_total", "Parts of our rounds that were missed, by why.", ["part", "reason"])
BUDGET_LEFT = Gauge(
    "chrono_ftso_budget_left",
    "Misses that the reward epoch still forgives: values, fast updates, rounds of the FDC; NaN while not known.",
    ["condition"],
)
FAST_UPDATE_BLOCKS = Gauge(
    "chrono_fast_update_blocks_since_last", "Blocks since an update of ours was taken; NaN before one was seen."
)
PASSES = Gauge("chrono_passes", "Passes held, by the newest publication; NaN while none was found.")
UNCLAIMED = Gauge(
    "chrono_rewards_unclaimed_wei", "Direct and fee claims of ours that the chain would pay now; NaN while not known."
)
FAST_UPDATE_BLOCKS.set(float("nan"))  # a gauge begins at 0, which would be told before it is true
PASSES.set(float("nan"))
UNCLAIMED.set(float("nan"))
SUB_PROTOCOL_REQUESTS = Counter(
    "chrono_sub_protocol_requests_total", "Questions to protocols that share our transactions.", ["protocol", "outcome"]
)


SUBMISSION_OUTCOMES = ("ok", "late", "early", "missing", "reverted", "skipped")
NODE_STATES = ("alive", "out_of_sync", "unreachable", "garbled", "wrong_chain")
SUBMISSION_PHASES = ("submit1", "submit2", "submitSignatures", "relay")


def create_duty_labels(nodes: Iterable[str], roles: Iterable[str], protocols: Iterable[str] = ("100",)) -> None:
    """Let every count of the duty begin at 0: what never happened is then seen not to have happened.

    What is measured begins when it is known: a balance of 0 or a registration of 0 would be told before it is true.
    `roles` are those of the accounts, `protocols` the ids whose parts of a round are ours.
    """
    for phase in SUBMISSION_PHASES:
        FTSO_MARGIN.labels(phase)
        for protocol, outcome in product(protocols, SUBMISSION_OUTCOMES):
            FTSO_SUBMISSIONS.labels(protocol, phase, outcome)
        for outcome in ("taken", "in_block"):
            TX_ATTEMPTS.labels(phase, outcome)
        TX_FEE.labels(phase)
    for node, state in product(nodes, NODE_STATES):
        RPC_NODE_STATE.labels(node, state)
    for role in roles:
        TX_NONCE_GAP.labels(role)
    for kind in ("answers", "receipts", "sending"):
        RPC_INVARIANTS.labels(kind)
    for kind in ("newest", "agreed", "history_left"):
        INDEX_BLOCK.labels(kind)
    SIGNER_REFUSED.labels("conflict")
    SIGNER_SIGNATURES.labels("transaction")


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
