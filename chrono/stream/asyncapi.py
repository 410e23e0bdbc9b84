"""The AsyncAPI 3 document of the streams, generated from the frames' own Structs."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from chrono import __version__
from chrono.stream.frames import CLIENT_FRAMES, SERVER_FRAMES
from chrono.stream.handshake import PATHS
from chrono.stream.session import MESSAGE_MAX

_SCHEMAS: Final = "#/components/schemas/{name}"

_CLOSE_CODES: Final = {
    1009: "message too large",
    1012: "restart",
    1013: "slow reader, or too many connections",
    4401: "not authorised",
    4408: "no key in time",
    4429: "too many messages",
}


def asyncapi() -> dict[str, Any]:
    """The document as plain JSON values."""
    frames: list[type[Struct]] = [*SERVER_FRAMES, *CLIENT_FRAMES]
    _, schemas = msgspec.json.schema_components(frames, ref_template=_SCHEMAS)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Chrono streams", "version": __version__, "description": _description()},
        "defaultContentType": "application/json",
        "channels": {"stream": _channel(frames)},
        "operations": {
            "tell": _operation("send", SERVER_FRAMES, "What the server sends."),
            "ask": _operation("receive", CLIENT_FRAMES, "What a client may say."),
        },
        "components": {
            "messages": {frame.__name__: _message(frame) for frame in frames},
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "httpApiKey", "in": "header", "name": "X-API-Key"},
                "query": {"type": "httpApiKey", "in": "query", "name": "key"},
            },
        },
    }


def _channel(frames: list[type[Struct]]) -> dict[str, Any]:
    query = {"type": "object", "properties": {"key": {"type": "string", "description": "an API key"}}}
    return {
        "address": PATHS[0],
        "description": f"The same at {', '.join(PATHS[1:])}; as Server-Sent Events at GET /stream/sse.",
        "messages": {f.__name__: {"$ref": f"#/components/messages/{f.__name__}"} for f in frames},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }


def _operation(action: str, frames: tuple[type[Struct], ...], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{frame.__name__}"} for frame in frames],
    }


def _message(frame: type[Struct]) -> dict[str, Any]:
    return {
        "name": frame.__name__,
        "title": str(frame.__struct_config__.tag),
        "summary": (frame.__doc__ or "").strip().partition("\n")[0],
        "payload": {"$ref": _SCHEMAS.format(name=frame.__name__)},
    }


def _description() -> str:
    codes = "; ".join(f"{code} {meaning}" for code, meaning in _CLOSE_CODES.items())
    return (
        "`seq` counts the data frames of a connection without gaps, `rev` the changes of a market. A slow reader is "
        f"sent the newest value of each market only. Messages hold at most {MESSAGE_MAX} bytes. Close codes: {codes}."
    )
