"""The running house keeps to its own OpenAPI document, whatever is made of that document."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Response
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fakes.house import ADMIN_KEY, House

TIMES = 20 if os.environ.get("CHRONO_FUZZ") == "long" else 1
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251009"))
CASES = 130 * TIMES
"""Of each kind (sound and unsound) for each operation that takes anything."""

FEWEST = 2_000 if TIMES == 1 else 30_000
DOCUMENTED_503 = {"/prices/latest": "STALE_PRICE"}
MAY_BE_UNREADY = {"/ready"}
"""Says by 503 that there are no prices yet, which a house without venues rightly does."""

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

pytestmark = [pytest.mark.timeout(1800 * TIMES), pytest.mark.xdist_group("fuzz")]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house that has some prices to tell."""
    with House({"CHRONO__LOGS__LEVEL": "error"}) as house:
        house.start()
        now = datetime.now(UTC).isoformat()
        feeds = [
            {"symbol": symbol, "price": price, "source": f"venue-{number}", "timestamp": now, "volume": "1.5"}
            for symbol, price in (("BTC/USD", "67234.56"), ("ETH/USD", "2500.1"), ("A/USD", "1.5"))
            for number in range(4)
        ]
        assert house.ingest(feeds)[1]["ingested"] == len(feeds)
        yield house


def _check_status(case: schemathesis.Case, answer: Response) -> None:
    if answer.status_code < 500 or (case.operation.path in MAY_BE_UNREADY and answer.status_code == 503):
        return
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == DOCUMENTED_503.get(case.operation.path), answer.text


def _check_error(case: schemathesis.Case, answer: Response) -> None:
    """Every error is the one envelope, and names the request."""
    if answer.status_code >= 400 and case.method != "HEAD" and case.operation.path not in MAY_BE_UNREADY:
        envelope = answer.json()
        assert envelope["status"] == answer.status_code
        assert [envelope["error"]["request_id"]] == answer.headers["x-request-id"]


def _fuzz(
    operation: Any, mode: schemathesis.GenerationMode, url: str, session: requests.Session, statuses: Counter[int]
) -> None:
    """One operation, in one mode; hypothesis shrinks and prints what fails."""

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        answer = case.call(base_url=url, session=session, headers={"X-API-Key": ADMIN_KEY}, timeout=60)
        statuses[answer.status_code] += 1
        _check_status(case, answer)
        _check_error(case, answer)
        case.validate_response(answer, checks=CHECKS)

    try:
        holds()
    except hypothesis.errors.Unsatisfiable:
        pass  # nothing unsound can be made for an operation that takes nothing
    except Exception as failed:
        failed.add_note(f"CHRONO_FUZZ_SEED={SEED} {operation.method.upper()} {operation.path} {mode}")
        raise


def test_every_answer_is_as_the_openapi_document_says(house: House) -> None:
    began = time.monotonic()
    document = json.loads(house.request("GET", "/schema/openapi.json")[1])
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
    schema.config.generation.update(with_security_parameters=False)  # keys are tried elsewhere: here all may pass
    statuses: Counter[int] = Counter()
    failures: list[Exception] = []
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                try:
                    _fuzz(operation, mode, house.url, session, statuses)
                except Exception as failed:  # noqa: BLE001 - all are raised together
                    failures.append(failed)
    print(f"{sum(statuses.values())} cases in {time.monotonic() - began:.0f} s; seed {SEED}; {dict(statuses)}")
    if failures:
        raise ExceptionGroup(f"{len(failures)} operations are not as documented", failures)
    assert house.get("/live")[0] == 200
    assert "request_failed" not in house.log()
    assert sum(statuses.values()) >= FEWEST
