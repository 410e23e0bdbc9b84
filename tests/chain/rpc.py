"""A node's JSON-RPC, as the providers of other hands and the stage hands use it."""

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit


class RpcError(RuntimeError):
    """What the node refused, in its own words."""


class Rpc:
    """One node. Each thread has a connection of its own."""

    def __init__(self, url: str, timeout_s: float = 10) -> None:
        self.url = url
        self._host = urlsplit(url).netloc
        self._timeout_s = timeout_s
        self._local = threading.local()

    def ask(self, method: str, *arguments: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments})
        told = json.loads(self._post(body))
        if "error" in told:
            raise RpcError(f"{method}: {told['error'].get('message', told['error'])}")
        return told["result"]

    def head(self) -> tuple[int, int]:
        """The newest block's number and time."""
        told = self.ask("eth_getBlockByNumber", "latest", False)
        return int(told["number"], 16), int(told["timestamp"], 16)

    def _post(self, body: str) -> bytes:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._host, timeout=self._timeout_s)
        try:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            answer: bytes = connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            raise
        return answer
