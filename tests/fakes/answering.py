"""A server on loopback that answers each path as it is told: for what a real Chrono does only when it is broken."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Answering:
    """Answers of `(status, document)` by path; documents may be bytes. Use it as a context."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                house.asked.append((parts.path, parse_qs(parts.query), headers))
                status, document = house.answers.get(parts.path, (404, envelope("NOT_FOUND", "no such route", 404)))
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 429:
                    self.send_header("Retry-After", "7")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def envelope(code: str, message: str, status: int) -> dict[str, Any]:
    """An error as the API tells it."""
    return {"error": {"code": code, "message": message, "details": {}, "request_id": "req_1"}, "status": status}
