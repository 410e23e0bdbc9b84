"""Logs in one vocabulary, spans with the request id, and neither with a secret."""

import json
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from chrono.clock import ManualClock
from chrono.ingest.door import IngestDoor
from chrono.settings import Ingest, Logs, Secret, Telemetry
from chrono.telemetry import configure_logs, configure_traces, create_duty_labels, request_id, span, use_tracer

AT_NS = 1_760_013_296_789_000_000


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    use_tracer(provider.get_tracer("test"))
    yield exporter
    use_tracer(None)


async def test_a_batch_is_a_span_below_its_request_and_carries_its_id(spans: InMemorySpanExporter) -> None:
    async def write(_: object) -> dict[str, int]:
        return {}

    door = IngestDoor(write, ManualClock(AT_NS), Ingest())
    body = (
        b'{"worker_id":"w","feeds":[{"symbol":"BTC/USD","price":"1","source":"a","volume":null,'
        b'"timestamp":"2025-10-09T12:34:56.123Z"}]}'
    )
    token = request_id.set("req_planted")
    with span("request", route="/internal/ingest"):
        receipt = await door.accept(body, worker_id="w", received_at_ns=AT_NS)
    request_id.reset(token)
    assert receipt.ingested == 1
    batch, request = spans.get_finished_spans()
    assert (batch.name, request.name) == ("ingest_batch", "request")
    assert batch.attributes is not None
    assert batch.attributes["request_id"] == "req_planted"
    assert batch.parent is not None
    assert request.context is not None
    assert batch.parent.span_id == request.context.span_id


def test_spans_are_off_until_an_endpoint_is_set() -> None:
    configure_traces(Telemetry())
    with span("nothing"):
        pass


def test_an_endpoint_turns_spans_on() -> None:
    configure_traces(Telemetry(otlp_endpoint="http://127.0.0.1:9/v1/traces"))
    use_tracer(None)


def test_a_log_line_is_json_with_the_request_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Logs(format="json"))
    token = request_id.set("req_7")
    structlog.get_logger().info("committed", market="BTC/USD", key=Secret("chrono_public_hidden"))
    structlog.get_logger().debug("not shown")
    request_id.reset(token)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    told = json.loads(lines[0])
    assert (told["event"], told["market"], told["request_id"]) == ("committed", "BTC/USD", "req_7")
    assert told["key"] == "***"


def test_a_log_for_people_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Logs(format="pretty", level="warning"))
    structlog.get_logger().warning("spooling", rows=3)
    assert "spooling" in capsys.readouterr().err


def test_every_count_of_the_duty_begins_at_nought_and_nothing_is_told_that_is_not_known() -> None:
    create_duty_labels(["node7"], ["submit"], ["100", "200"])
    for outcome in ("ok", "late", "early", "missing", "reverted", "skipped"):
        told = {"protocol": "200", "phase": "submit2", "outcome": outcome}
        assert REGISTRY.get_sample_value("chrono_ftso_submissions_total", told) is not None
    assert REGISTRY.get_sample_value("chrono_signer_refused_total", {"reason": "conflict"}) is not None
    assert REGISTRY.get_sample_value("chrono_rpc_node_state", {"node": "node7", "state": "garbled"}) == 0
    # A balance or a registration of nought would wake somebody before anything is known.
    assert REGISTRY.get_sample_value("chrono_account_balance_wei", {"role": "no such role"}) is None
    assert REGISTRY.get_sample_value("chrono_rpc_socket_live", {"node": "node7"}) is None
