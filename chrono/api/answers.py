"""One call and its answer, as thin as ASGI allows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Struct
from msgspec.json import Encoder

from chrono.api.access import Access
from chrono.api.limits import Allowance
from chrono.clock import MS_NS, Clock

Header = tuple[bytes, bytes]
JSON: Final = b"application/json"
PROBLEM_HEADERS: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)

_encoder: Final = Encoder()


class Call:
    """One request on its way through: who asks, since when, and what may still be asked."""

    __slots__ = (
        "access",
        "address",
        "allowance",
        "arrived_ns",
        "began_ns",
        "body",
        "clock",
        "headers",
        "mark",
        "path",
        "request_id",
        "scope",
    )

    def __init__(self, scope: HTTPScope, headers: Mapping[bytes, bytes], clock: Clock, request_id: str) -> None:
        self.scope = scope
        self.headers = headers
        self.clock = clock
        self.request_id = request_id
        self.path = scope["path"]
        self.mark = b""
        self.arrived_ns = clock.now_ns()
        self.began_ns = clock.monotonic_ns()
        self.address = ""
        self.access: Access | None = None
        self.allowance: Allowance | None = None
        self.body = b""

    @property
    def latency_ms(self) -> int:
        """Whole milliseconds since the request arrived."""
        return (self.clock.monotonic_ns() - self.began_ns) // MS_NS

    @property
    def query(self) -> bytes:
        """The query string as it was sent."""
        return bytes(self.scope["query_string"])

    def header(self, name: bytes) -> str | None:
        """One header by its lower-case name; the last when it was sent twice."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def encoded(self, value: Struct) -> bytes:
        """The JSON of an answer, marked when the market is not the real one."""
        body = encoded(value)
        return b"{" + self.mark + body[1:] if self.mark else body

    def path_parameter(self, name: str) -> str:
        """A parameter of the path, as text."""
        return str(self.scope["path_params"][name])


class Answer:
    """An answer that is an ASGI application: two messages, nothing else."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, content_type: bytes = JSON, headers: Iterable[Header] = ()
    ) -> None:
        self.body = body
        self.status = status
        self.headers: list[Header] = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            *headers,
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class NotModified:
    """304: what the caller has is still right."""

    __slots__ = ("headers",)

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = list(headers)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": 304, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def encoded(value: Struct | Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The JSON of a Struct; decimals are text already."""
    return _encoder.encode(value)
