"""The OpenAPI 3.1 document, made from the operations and the Structs: nothing in it is typed a second time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import json

import chrono
from chrono.api.access import Callers
from chrono.api.operations import Operation
from chrono.api.parameters import Parameter
from chrono.api.problems import CODES, ErrorEnvelope
from chrono.api.schemas_ingest import IngestFeed

_REF: Final = "#/components/schemas/{name}"
_ALWAYS: Final = (400, 405, 408, 429, 500)
_WITH_KEY: Final = (401, 403)
_WITH_BODY: Final = (413, 415)
_WORDS: Final = {
    200: "what was asked for",
    201: "what was asked for, with the status of the reference value provider",
    304: "what the caller has is still right",
    400: "the request is not of its form; every fault is listed",
    401: "no key, or a wrong one",
    403: "a right key of a class that may not call this, or a network that may not",
    404: "there is no such thing",
    405: "the path does not take that method; see Allow",
    406: "none of the forms that Accept names",
    408: "the body did not arrive in time",
    413: "the body is over its limit, or holds more than 100 feeds",
    415: "not plain, uncompressed JSON",
    429: "more requests than the limit; see Retry-After",
    500: "a fault on our side",
    503: "the part that answers is down, or has nothing fresh enough",
}
_HEADERS: Final = {
    "X-Request-ID": {"description": "names this request in our log", "schema": {"type": "string"}},
}
_LIMITS: Final = {
    "X-RateLimit-Limit": {"description": "requests a minute", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "what is left of them now", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "epoch second when the next place is free", "schema": {"type": "integer"}},
}
_RETRY: Final = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
_SECURITY: Final[Mapping[Callers, list[dict[str, list[str]]]]] = {
    Callers.OPEN: [],
    Callers.PUBLIC: [{"bearer": []}, {"apiKey": []}],
    Callers.INTERNAL: [{"bearer": []}, {"apiKey": []}],
    Callers.ADMIN: [{"bearer": []}, {"apiKey": []}],
    Callers.SEAM: [],
    Callers.SCRAPER: [{}, {"bearer": []}, {"apiKey": []}],
    Callers.OWN: [{"bearer": []}, {"apiKey": []}],
}
_TAGS: Final = {
    "Ingest": "quotes from edge workers",
    "Prices": "newest prices and their past",
    "Aggregates": "consensus, its estimators and how it came about",
    "Metadata": "what is listed and how it does",
    "Operations": "for those who watch",
    "Voting rounds": "what the voter did in each round, and how it stands",
    "Value provider": "what Flare's own clients call, from allow-listed networks only",
    "Results": "what Flare's data availability layer reads, from allow-listed networks only",
}
_DESCRIPTION: Final = (
    "Consensus prices of crypto and currency markets, from many venues, with the whole way to each value. Decimals "
    "are strings, times RFC 3339 UTC with milliseconds. Every unversioned path is also served under /api/v1."
)


def document(operations: Iterable[Operation]) -> bytes:
    """The whole document as JSON. Streams are told of in AsyncAPI, since OpenAPI has no place for them."""
    operations = list(operations)
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = operation.path.replace(":path", "").replace(":str", "")
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Chrono",
                "version": chrono.__version__,
                "description": _DESCRIPTION,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/", "description": "this installation"}],
            "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
            "paths": paths,
            "components": {"schemas": schemas.components, "securitySchemes": _schemes()},
        }
    )


class _Schemas:
    """The schemas of all Structs, and where each is found."""

    def __init__(self, types: Sequence[type]) -> None:
        found, self.components = json.schema_components(types, ref_template=_REF)
        self._by_type = dict(zip(types, found, strict=True))
        self.components["ErrorBody"]["properties"]["code"] = {"enum": list(CODES)}

    def of(self, kinds: type | tuple[type, ...]) -> dict[str, Any]:
        """The schema of a type, mostly a reference; of several, any of them."""
        if isinstance(kinds, tuple):
            return {"anyOf": [self.of(kind) for kind in kinds]}
        return {"type": "object"} if kinds is dict else self._by_type[kinds]


def _schemas(operations: Sequence[Operation]) -> _Schemas:
    types: dict[type, None] = {ErrorEnvelope: None, IngestFeed: None}
    for operation in operations:
        for kinds in (*operation.answers.values(), operation.body):
            for kind in kinds if isinstance(kinds, tuple) else (kinds,):
                if kind not in (None, bytes, dict):
                    types[kind] = None
    return _Schemas(list(types))


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _who(operation.callers),
        "security": _SECURITY[operation.callers],
        "responses": _responses(operation, schemas),
    }
    parameters = [_parameter(parameter) for parameter in operation.query]
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in operation.path_schema.items()
    ]
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = _body(operation, schemas)
    return told


def _who(callers: Callers) -> str:
    return {
        Callers.OPEN: "Anybody may call this, without a key.",
        Callers.PUBLIC: "For public keys.",
        Callers.INTERNAL: "For internal keys.",
        Callers.ADMIN: "For admin keys.",
        Callers.SEAM: "For callers in the allow-listed networks, without a key.",
        Callers.SCRAPER: "For callers in the allow-listed networks, or with an admin key.",
        Callers.OWN: "For public keys.",
    }[callers]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    told = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.schema.get("type") == "array":
        told |= {"style": "form", "explode": False}
    if parameter.example is not None:
        told["example"] = parameter.example
    return told


def _body(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas.of(operation.body or dict)}
    if operation.body_example is not None:
        content["example"] = operation.body_example
    return {"required": True, "content": {"application/json": content}}


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    told = {str(status): _answer(operation, status, kind, schemas) for status, kind in operation.answers.items()}
    statuses = {*_ALWAYS, *operation.errors}
    if operation.callers is not Callers.OPEN:
        statuses |= {*_WITH_KEY} if operation.callers is not Callers.SEAM else {403}
    if operation.body is not None:
        statuses |= {*_WITH_BODY}
    if operation.path_schema:
        statuses.add(404)
    if operation.cacheable:
        told["304"] = {"description": _WORDS[304], "headers": _HEADERS | _LIMITS}
    for status in sorted(statuses):
        told.setdefault(str(status), _error(status, schemas))
    return dict(sorted(told.items()))


def _answer(operation: Operation, status: int, kind: type | tuple[type, ...], schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for content_type in operation.content_types:
        is_json = content_type == "application/json"
        content[content_type] = {"schema": schemas.of(kind) if is_json else {"type": "string"}}
        if is_json and operation.example is not None:
            content[content_type]["example"] = operation.example
    headers = _HEADERS if operation.callers in (Callers.OPEN, Callers.SEAM) else _HEADERS | _LIMITS
    return {"description": _WORDS[status], "headers": headers, "content": content}


def _error(status: int, schemas: _Schemas) -> dict[str, Any]:
    headers = _HEADERS | _RETRY if status == 429 else _HEADERS
    content = {"application/json": {"schema": schemas.of(ErrorEnvelope)}}
    return {"description": _WORDS[status], "headers": headers, "content": content}


def _schemes() -> dict[str, Any]:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "a key, such as chrono_public_…"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key"},
    }
