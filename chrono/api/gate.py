"""What every request passes before its route: a name, a caller, limits, a bounded body; and what every answer gets.

It wraps the whole of Litestar, so that unknown paths, wrong methods and broken bodies are treated alike. Who may
call is looked up by Litestar's own routing, so the gate and the router can never disagree about a path.
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final

import structlog
from litestar import Litestar
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils import normalize_path

from chrono.api.access import Callers
from chrono.api.admission import Doorkeeper, Route
from chrono.api.answers import PROBLEM_HEADERS, Answer, Call, Header
from chrono.api.bodies import read_body
from chrono.api.crossing import Origins
from chrono.api.limits import Allowance
from chrono.api.outcomes import Outcomes
from chrono.api.problems import Problem, problem_of
from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.telemetry import HTTP_IN_FLIGHT, request_id, span

UNMATCHED: Final = "unmatched"
BODY_DEADLINE_S: Final = 10.0
_SANE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

log = structlog.get_logger()


class Gate:
    """The outermost ASGI application."""

    def __init__(
        self,
        inner: ASGIApp,
        app: Litestar,
        doorkeeper: Doorkeeper,
        clock: Clock,
        origins: Origins,
        environment: str | None = None,
        body_deadline_s: float = BODY_DEADLINE_S,
    ) -> None:
        self._inner = inner
        self._app = app
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._origins = origins
        self._body_deadline_s = body_deadline_s
        self._outcomes = Outcomes(clock)
        marked = ((b"x-chrono-environment", environment.encode()),) if environment else ()
        self._mark = f'"environment":"{environment}",'.encode() if environment else b""
        self._always: tuple[Header, ...] = (*_ALWAYS, *marked)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. WebSockets pass: their sessions know their own keys and limits."""
        if scope["type"] != ScopeType.HTTP:
            await self._inner(scope, receive, send)
            return
        headers = dict(scope["headers"])
        call = Call(scope, headers, self._clock, _request_id(headers))
        call.mark = self._mark
        state = scope.setdefault("state", {})
        state["call"] = call
        token = request_id.set(call.request_id)
        HTTP_IN_FLIGHT.inc()
        try:
            with span("request", method=str(scope["method"]), path=scope["path"][:200]):
                await self._serve(call, receive, send)
        finally:
            HTTP_IN_FLIGHT.dec()
            request_id.reset(token)
            # The call knows its scope and the scope its call: a circle that only the collector could open.
            state.pop("call", None)

    async def _serve(self, call: Call, receive: Receive, send: Send) -> None:
        route = self._route(call)
        sender = _Sender(self, call, route, send)
        if call.scope["method"] == "HEAD" and "operation" in route.opt:
            # A HEAD is a GET whose body stays here.
            call.scope["method"] = HttpMethod.GET
        try:
            refused = await self._admit(call, route, receive)
            if refused is not None:
                await self._tell(refused, call, sender)
                return
            await self._inner(call.scope, sender.replay(receive), sender)
        except Exception as error:
            if sender.started:
                log.exception("answer_broke_off", route=route.template)
                raise
            problem = problem_of(error)
            if problem.status >= 500:
                log.exception("request_failed", route=route.template)
            await self._tell(problem, call, sender)
        finally:
            streams = route.problem is None and "operation" not in route.opt
            self._outcomes.note(call, sender.method, route.template, sender.status, streams=streams)

    async def _admit(self, call: Call, route: Route, receive: Receive) -> Problem | None:
        """Everything that can refuse a request before its route. None when it may go on."""
        if _is_preflight(call):
            return None
        refused = await self._doorkeeper.refuse(call, route)
        if refused is not None:
            return refused
        if route.problem is not None:
            return route.problem
        if call.scope["method"] in _WITH_BODY:
            try:
                call.body = await read_body(call, receive, route.opt, self._body_deadline_s)
            except ChronoError as error:
                return problem_of(error)
        return None

    def _route(self, call: Call) -> Route:
        method = call.scope["method"]
        if _is_preflight(call):
            # A browser asks about the method to come. Whether it may read the answer hangs on that route's callers.
            asked = self._lookup(call, call.headers[b"access-control-request-method"].decode("latin-1"))
            return Route(asked.template, asked.callers if asked.problem is None else Callers.ADMIN, {})
        return self._lookup(call, "GET" if method == "HEAD" else method)

    def _lookup(self, call: Call, method: str) -> Route:
        try:
            _, handler, _, _, template = self._app.asgi_router.handle_routing(
                path=normalize_path(call.path), method=method
            )
        except HTTPException as error:
            return Route(UNMATCHED, Callers.OPEN, {}, problem_of(error))
        # Litestar makes its own handlers for OPTIONS, which declare nobody: they only tell the methods.
        callers = handler.opt.get("callers", Callers.OPEN if method == "OPTIONS" else Callers.ADMIN)
        return Route(str(template), Callers(callers), handler.opt)

    async def _tell(self, problem: Problem, call: Call, send: Send) -> None:
        answer = Answer(
            problem.envelope(call.request_id), status=problem.status, headers=(*PROBLEM_HEADERS, *problem.headers)
        )
        await answer(call.scope, _no_more, send)

    def dress(self, call: Call, route: Route) -> list[Header]:
        """The headers that every answer gets beside its own."""
        headers = [(b"x-request-id", call.request_id.encode()), *self._always]
        if call.allowance is not None:
            headers += _limit_headers(call.allowance)
        return headers + self._origins.headers(call.headers, route.callers)


class _Sender:
    """The way out: adds headers, notes the status, keeps a HEAD's body back."""

    __slots__ = ("_bodiless", "_call", "_gate", "_route", "_send", "method", "started", "status")

    def __init__(self, gate: Gate, call: Call, route: Route, send: Send) -> None:
        self._gate = gate
        self._call = call
        self._route = route
        self._send = send
        self.method = str(call.scope["method"])
        self._bodiless = self.method == "HEAD"
        self.started = False
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._gate.dress(self._call, self._route)]
        elif self._bodiless and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    def replay(self, receive: Receive) -> Receive:
        """The body that was read already, once; afterwards what the connection says, such as that it is gone."""
        if self._call.scope["method"] not in _WITH_BODY:
            return receive
        told = False

        async def again() -> Any:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": self._call.body, "more_body": False}

        return again


async def _no_more() -> Any:
    await asyncio.Future()


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    if 0 < len(given) <= 64:
        text = given.decode("latin-1")
        if _SANE.issuperset(text):
            return text
    return f"req_{secrets.token_hex(8)}"


def _is_preflight(call: Call) -> bool:
    return (
        call.scope["method"] == "OPTIONS"
        and b"origin" in call.headers
        and b"access-control-request-method" in call.headers
    )


def _limit_headers(allowance: Allowance) -> list[Header]:
    return [
        (b"x-ratelimit-limit", str(allowance.limit).encode()),
        (b"x-ratelimit-remaining", str(allowance.remaining).encode()),
        (b"x-ratelimit-reset", str(-(-allowance.reset_ns // SECOND_NS)).encode()),
    ]
