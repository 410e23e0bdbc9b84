"""An operation of the API, declared once: who may call it, what it takes and gives. Routes and schema follow."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope
from msgspec import Struct

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, NotModified
from chrono.api.parameters import Parameter

Served = Answer | NotModified
Serve = Callable[[Call], Awaitable[Served]]

JSON_BODY: Final = 256 * 1024
"""Bytes of a body, where an operation does not say otherwise. Source: failures.md 0.6."""


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path. `path` is unversioned; its twin under /api/v1 is mounted with it.

    `answers` maps a status to the Struct of its body (bytes: not JSON); `errors` are the statuses of the envelope
    that this operation can give beside those that every operation can.
    """

    method: Literal["GET", "POST"]
    path: str
    id: str
    tag: str
    summary: str
    callers: Callers
    serve: Serve
    answers: Mapping[int, type | tuple[type, ...]]
    errors: Sequence[int] = ()
    query: Sequence[Parameter] = ()
    path_schema: dict[str, dict[str, Any]] = {}
    body: type | tuple[type, ...] | None = None
    most_body: int = JSON_BODY
    content_types: Sequence[str] = ("application/json",)
    cacheable: bool = False
    """It has an ETag, and answers 304 to a caller who has it."""
    example: Any = None
    body_example: Any = None
    versioned: bool = False
    """The path has /api/v1 in it already, and no twin."""


def handler_of(operation: Operation) -> HTTPRouteHandler:
    """The route of an operation: Litestar finds it, the gate has admitted the call, the operation serves it."""
    serve = operation.serve

    async def answer(scope: Scope) -> ASGIApp:
        return await serve(scope["state"]["call"])

    return HTTPRouteHandler(
        operation.path,
        http_method=operation.method,
        name=operation.id,
        status_code=min(operation.answers),
        opt={"callers": operation.callers, "most_body": operation.most_body, "operation": operation.id},
    )(answer)
