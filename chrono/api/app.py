"""The API as one ASGI application: operations become routes, each mounted twice, and the gate stands around all."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from litestar import Litestar, Request, Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from chrono.api.access import Callers, KeyRing
from chrono.api.admission import Doorkeeper, Policy, policy_of
from chrono.api.answers import PROBLEM_HEADERS, Call
from chrono.api.crossing import Origins
from chrono.api.gate import BODY_DEADLINE_S, Gate
from chrono.api.limits import Limiter
from chrono.api.openapi import document
from chrono.api.operations import Operation, handler_of
from chrono.api.ports import ApiParts
from chrono.api.problems import problem_of
from chrono.api.remembered import Remembered
from chrono.api.routes import (
    aggregates,
    health,
    history,
    ingest,
    metadata,
    prices,
    results,
    rounds,
    seams,
    seams_protocol,
)
from chrono.api.told_rounds import ToldRounds
from chrono.api.venues import Venues
from chrono.flare.epochs import Timing
from chrono.settings import Settings

VERSION_PREFIX = "/api/v1"

log = structlog.get_logger()


def create_app(
    parts: ApiParts,
    settings: Settings,
    *,
    venues: Venues | None = None,
    extra_handlers: Sequence[ControllerRouterHandler] = (),
    extra_callers: Mapping[str, Callers] | None = None,
    lifespan: Sequence[Any] = (),
    policy: Policy | None = None,
    body_deadline_s: float = BODY_DEADLINE_S,
) -> Litestar:
    """The application. `extra_handlers` (streams, later rounds) bring their own twins, and declare their callers in
    `opt["callers"]` or have them declared by path, without /api/v1, in `extra_callers`.

    Raises: ValueError when a route does not say who may call it: nothing is open by forgetting.
    """
    handlers = [handler_of(operation) for operation in operations(parts, settings, venues or Venues(parts.clock))]
    twins = [handler for handler in handlers if not _is_versioned(handler)]
    app = Litestar(
        route_handlers=[*handlers, Router(VERSION_PREFIX, route_handlers=twins), *extra_handlers],
        lifespan=lifespan,
        openapi_config=None,
        logging_config=None,
        exception_handlers={Exception: _failed},
        request_max_body_size=None,
    )
    _declare(app, extra_callers or {})
    _check_callers(app)
    policy = policy or policy_of(settings, KeyRing(settings.api), Limiter(parts.clock, parts.shared_limits))
    doorkeeper = Doorkeeper(policy, parts.clock)
    origins = Origins(settings.server.cors_origins)
    # Around the router as well, so that unknown paths and wrong methods pass the gate too.
    app.asgi_handler = Gate(app.asgi_handler, app, doorkeeper, parts.clock, origins, parts.environment, body_deadline_s)
    return app


def operations(parts: ApiParts, settings: Settings, venues: Venues) -> list[Operation]:
    """Every operation of the API."""
    window_s = settings.pricing.window_s
    remembered = Remembered(parts.shared_answers, parts.clock, settings.ingest.max_age_s)
    timing = parts.timing or Timing.of(settings.network)
    told_rounds = ToldRounds(parts, parts.network or settings.network, timing)
    told: list[bytes] = []
    listed = [
        *ingest.operations(parts),
        *prices.operations(parts, window_s),
        *history.operations(parts, remembered),
        *aggregates.operations(parts, timing, remembered),
        *metadata.operations(parts, venues),
        *health.operations(parts, window_s, lambda: told[0]),
        *rounds.operations(parts, told_rounds),
        *seams.operations(parts),
        *seams_protocol.operations(parts, settings.flare.data_provider_key),
        *results.operations(told_rounds),
    ]
    served = [operation for operation in listed if settings.telemetry.metrics_enabled or operation.id != "metrics"]
    told.append(document(served))
    return served


def _is_versioned(handler: HTTPRouteHandler) -> bool:
    return any(path.startswith(VERSION_PREFIX) for path in handler.paths)


def _declare(app: Litestar, callers: Mapping[str, Callers]) -> None:
    """Write the callers of routes that other rooms made into the routes themselves."""
    for route in app.routes:
        declared = callers.get(route.path.removeprefix(VERSION_PREFIX))
        if declared is not None and isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if "OPTIONS" not in handler.http_methods:
                    handler.opt.setdefault("callers", declared)


def _check_callers(app: Litestar) -> None:
    known = {callers.value for callers in Callers}
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if "OPTIONS" not in handler.http_methods and handler.opt.get("callers") not in known:
                raise ValueError(f"{route.path} does not say who may call it: opt callers is one of {sorted(known)}")


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The envelope for whatever a route raised."""
    call: Call = request.scope["state"]["call"]
    problem = problem_of(error)
    if problem.status == 500:
        log.error("request_failed", path=str(request.scope["path"])[:200], exc_info=error)
    headers = {name.decode(): value.decode() for name, value in (*PROBLEM_HEADERS, *problem.headers)}
    return Response(
        problem.envelope(call.request_id), status_code=problem.status, headers=headers, media_type="application/json"
    )
