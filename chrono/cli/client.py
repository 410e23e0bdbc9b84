"""A small HTTP client of a running Chrono: GET, JSON, one deadline, and failures that say what to do next."""

import http.client
import json
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from chrono.cli.ends import USAGE, Stop

DEADLINE_S = 10.0
_LARGEST_ANSWER = 64 * 1024 * 1024


class Answer(NamedTuple):
    """What the server said: `body` as sent, `document` as read."""

    status: int
    headers: dict[str, str]
    body: bytes
    document: dict[str, Any]


class NoServer(Stop):
    """Nobody answers at the address."""


class Client:
    """Asks one server, with one key. `key` is sent as X-API-Key and shown nowhere."""

    def __init__(self, url: str, key: str | None, *, deadline_s: float = DEADLINE_S) -> None:
        self.url = url.rstrip("/")
        self._parts = _parts(url)
        self._key = key
        self._deadline_s = deadline_s

    def get(self, path: str, *, accept: Iterable[int] = (), **query: str | int | None) -> Answer:
        """The answer to one question; `accept` names statuses that are answers here though they are no 200.

        Raises: NoServer when nobody answers; Stop with the server's own words when it refuses.
        """
        asked = {name: value for name, value in query.items() if value is not None}
        target = self._parts.path.rstrip("/") + path + (f"?{urlencode(asked, safe='/,:')}" if asked else "")
        answer = self._ask(target)
        if answer.status != 200 and answer.status not in set(accept):
            raise _refusal(answer, self.url)
        return answer

    def _ask(self, target: str) -> Answer:
        headers = {"Accept": "application/json"} | ({"X-API-Key": self._key} if self._key else {})
        connection = self._connect()
        try:
            connection.request("GET", quote(target, safe="/?&=,:%+-_.~"), headers=headers)
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER)
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise NoServer(f"no Chrono answers at {self.url}", then="chrono dev  (or `chrono run`)") from error
        except TimeoutError as error:
            told = f"{self.url} took more than {self._deadline_s:g} s to answer"
            raise NoServer(told, then="chrono status") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoServer(f"{self.url} cannot be asked ({_why(error)})", then="chrono doctor") from error
        finally:
            connection.close()
        return Answer(response.status, dict(response.getheaders()), body, _document(body, self.url))

    def _connect(self) -> http.client.HTTPConnection:
        host = self._parts.hostname or "127.0.0.1"
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, self._parts.port, timeout=self._deadline_s, context=context)
        return http.client.HTTPConnection(host, self._parts.port, timeout=self._deadline_s)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise Stop(f"{url!r} is no address of a server", then="chrono status --url http://127.0.0.1:3000", code=USAGE)
    return parts


def _document(body: bytes, url: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NoServer(f"{url} answers, but not as Chrono does", then="chrono status --url http://127.0.0.1:3000")
    return document


def _refusal(answer: Answer, url: str) -> Stop:
    """The server's own words, and what helps against them."""
    error = answer.document.get("error")
    told = error if isinstance(error, dict) else {}
    message = str(told.get("message") or f"{url} answered {answer.status}")
    code = str(told.get("code") or answer.status)
    if answer.status in {401, 403}:
        return Stop(f"{message} ({code})", then="the same command with --key env:NAME, or a key in [api] admin_keys")
    if answer.status == 429:
        wait = answer.headers.get("Retry-After") or answer.headers.get("retry-after") or "60"
        return Stop(f"{message} ({code})", then=f"the same command in {wait} s")
    if answer.status == 404:
        return Stop(f"{message} ({code})", then="chrono status")
    return Stop(f"{message} ({code})", then="chrono doctor" if answer.status >= 500 else "the same command with --help")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
