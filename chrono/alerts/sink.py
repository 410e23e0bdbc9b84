"""The way out for alerts: each notice as one HTTP POST, tried again until it is taken, and nobody waits for it.

TLS is verified, nothing is redirected, no proxy of the environment is asked, and the answer's body is not read.
Nothing of the address (it may hold a key) reaches a log or an error.
"""

import asyncio
import ssl
from collections import deque
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
import structlog

from chrono.alerts.addresses import Resolve, allowed_addresses, resolve
from chrono.alerts.alarms import Notice
from chrono.alerts.message import body_of
from chrono.clock import SECOND_NS, Clock
from chrono.errors import ALERT_REFUSED, ALERT_UNDELIVERED, ChronoError
from chrono.settings import Alerts
from chrono.telemetry import ALERTS_SENT

DEADLINE_S: Final = 10.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
MOST_WAITING: Final = 256
"""Notices; when there are more, the oldest is given up."""

KEPT_NS: Final = 24 * 3600 * SECOND_NS
"""A notice that nobody took for so long is given up."""

_PORTS: Final = {"http": 80, "https": 443}
_MAY_PASS: Final = frozenset({408, 425, 429})
_TAKEN: Final = range(200, 300)
_REFUSED: Final = range(300, 500)

log = structlog.get_logger()


class HttpSink:
    """One receiver. `settings.url` is set; `verify` is for a private authority, `resolve` for tests."""

    def __init__(
        self,
        settings: Alerts,
        *,
        verify: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        if settings.url is None:
            raise ValueError("there is no receiver")
        self._parts = urlsplit(settings.url.reveal())
        self._token = settings.token
        self._private = settings.private_network
        self._verify = verify
        self._resolve = resolve
        self._deadline_s = deadline_s

    async def deliver(self, notice: Notice) -> None:
        """Hand the notice over, once.

        Raises: ChronoError(ALERT_ADDRESS, ALERT_REFUSED) when trying again is of no use, ALERT_UNDELIVERED otherwise.
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                status = await self._post(notice)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise ChronoError(ALERT_UNDELIVERED, cause=_cause(error)) from error
        if status in _TAKEN:
            return
        is_refused = status in _REFUSED and status not in _MAY_PASS
        raise ChronoError(ALERT_REFUSED if is_refused else ALERT_UNDELIVERED, status=status)

    async def _post(self, notice: Notice) -> int:
        host, port = self._parts.hostname or "", self._parts.port or _PORTS[self._parts.scheme]
        addresses = await allowed_addresses(host, port, private=self._private, resolve=self._resolve)
        context = self._verify or ssl.create_default_context()
        # An address that swallows what is sent there (IPv6 that leads nowhere) leaves time for the others.
        timeout = httpx.Timeout(self._deadline_s, connect=self._deadline_s / (len(addresses) + 1))
        async with httpx.AsyncClient(verify=context, timeout=timeout, trust_env=False) as client:
            for last, address in enumerate(addresses, start=1 - len(addresses)):
                request = client.build_request(
                    "POST",
                    _at(self._parts, address, port),
                    content=body_of(notice),
                    headers=self._headers(notice, host, port),
                    extensions={"sni_hostname": host},
                )
                try:
                    response = await client.send(request, stream=True, follow_redirects=False)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if not last:
                        raise
                    continue
                await response.aclose()
                return response.status_code
        raise AssertionError("no address was tried")  # allowed_addresses gives one at least

    def _headers(self, notice: Notice, host: str, port: int) -> dict[str, str]:
        named = f"[{host}]" if ":" in host else host
        told = {
            "host": named if port == _PORTS[self._parts.scheme] else f"{named}:{port}",
            "content-type": "application/json",
            "user-agent": "chrono",
            "idempotency-key": f"{notice.id}/{notice.status.value}",
        }
        return told | ({} if self._token is None else {"authorization": f"Bearer {self._token.reveal()}"})


class AlertQueue:
    """Notices on their way to a receiver. `run` is a supervised part; `offer` never waits and never fails."""

    def __init__(self, sink: HttpSink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._waiting: deque[tuple[Notice, int]] = deque()
        """What nobody took yet, the oldest first, each with the monotonic time at which it was offered."""
        self._filled = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many notices nobody took yet."""
        return len(self._waiting)

    def offer(self, notice: Notice) -> None:
        """Send this when its turn comes. The same notice again changes nothing. In the loop of `run`."""
        if any((each.id, each.status) == (notice.id, notice.status) for each, _ in self._waiting):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._give_up("more wait than are kept")
        self._waiting.append((notice, self._clock.monotonic_ns()))
        self._filled.set()

    async def run(self) -> None:
        """Send what is offered, in its order, for ever."""
        wait_s = FIRST_WAIT_S
        while True:
            while not self._waiting:
                self._filled.clear()
                await self._filled.wait()
            if await self._send(self._waiting[0]):
                wait_s = FIRST_WAIT_S
                continue
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _send(self, first: tuple[Notice, int]) -> bool:
        """Try the oldest notice. False: it is to be tried again."""
        notice, offered_ns = first
        try:
            await self._sink.deliver(notice)
        except ChronoError as error:
            ALERTS_SENT.labels(error.reason.code).inc()
            is_final = error.reason is not ALERT_UNDELIVERED
            if is_final or self._clock.monotonic_ns() - offered_ns > KEPT_NS:
                self._drop(first, str(error))
                return True
            log.warning(error.reason.code, alert=notice.alert, status=notice.status.value, cause=str(error))
            return False
        ALERTS_SENT.labels("sent").inc()
        self._remove(first)
        return True

    def _give_up(self, why: str) -> None:
        self._drop(self._waiting[0], why)

    def _drop(self, first: tuple[Notice, int], why: str) -> None:
        log.error("alert_given_up", alert=first[0].alert, status=first[0].status.value, cause=why)
        ALERTS_SENT.labels("given_up").inc()
        self._remove(first)

    def _remove(self, first: tuple[Notice, int]) -> None:
        if self._waiting and self._waiting[0] is first:  # else it was given up meanwhile
            self._waiting.popleft()


def _at(parts: SplitResult, address: str, port: int) -> str:
    """The URL with an address in place of the name."""
    there = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{there}:{port}", fragment="").geturl()


def _cause(error: Exception) -> str:
    """Why it failed, without the address."""
    return "its certificate is not trusted" if "CERTIFICATE_VERIFY_FAILED" in str(error) else type(error).__name__
