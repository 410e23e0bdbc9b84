"""Other protocols that share our transactions, such as the FDC: their frames and messages, asked of their own clients.

Each answers by the interface that Flare's system client calls. One that is slow, dead or wrong costs its own part and
nothing of ours: every question has a deadline, and the round asks again. Source: fsp.md section 5(b) and (c).
"""

import asyncio
from enum import StrEnum
from typing import Annotated, Final, Protocol

import httpx
import msgspec
import structlog
from msgspec import Meta, Struct

from chrono.errors import SUB_PROTOCOL_AWAY, SUB_PROTOCOL_WRONG, ChronoError, Reason
from chrono.flare.address import Address, checksummed
from chrono.flare.frames import SubmissionFunction
from chrono.settings import Secret
from chrono.telemetry import SUB_PROTOCOL_REQUESTS
from chrono.voting.actions import Fetched

ASK_S: Final = 2.0
"""Longest that one question may take."""

MOST_BYTES: Final = 65_536
_Hex = Annotated[str, Meta(pattern=r"^0x([0-9a-fA-F]{2})*\Z")]
_PATHS: Final = {
    SubmissionFunction.SUBMIT1: "submit1",
    SubmissionFunction.SUBMIT2: "submit2",
    SubmissionFunction.SUBMIT_SIGNATURES: "submitSignatures",
}

log = structlog.get_logger()


class Status(StrEnum):
    """What a protocol's client says of its answer. Any other word means that it is not ready."""

    OK = "OK"
    EMPTY = "EMPTY"
    """There is nothing to send."""
    RETRY = "RETRY"


class Told(Struct, rename="camel"):
    """A protocol's answer as it stands on the wire."""

    status: str
    data: _Hex = "0x"
    additional_data: _Hex = "0x"


class SubProtocol(Protocol):
    """One protocol beside the anchor feeds. Fits: HttpSubProtocol, and a simulated one."""

    @property
    def protocol_id(self) -> int:
        """200 for the FDC."""
        ...

    async def fetch(self, function: SubmissionFunction, round_id: int, sender: Address) -> Fetched:
        """Its part of a round's function, within a few seconds. Never raises for what the protocol does."""
        ...


class HttpSubProtocol:
    """A protocol's client over HTTP. Everything is called from one loop."""

    def __init__(
        self,
        protocol_id: int,
        url: str,
        *,
        key: Secret | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`url` is what stands before `/submit1/…`; `transport` is httpx's, for tests."""
        self.protocol_id = protocol_id
        self._url = url.rstrip("/")
        headers = {"accept-encoding": "identity"} | ({} if key is None else {"X-API-KEY": key.reveal()})
        self._client = httpx.AsyncClient(headers=headers, timeout=ASK_S, trust_env=False, transport=transport)
        self._failing: Reason | None = None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, function: SubmissionFunction, round_id: int, sender: Address) -> Fetched:
        """Its part of a round's function, within a few seconds. Never raises for what the protocol does."""
        url = f"{self._url}/{_PATHS[function]}/{round_id}/{checksummed(sender)}"
        try:
            async with asyncio.timeout(ASK_S):
                fetched = _read(await self._ask(url))
        except TimeoutError:
            return self._failed(ChronoError(SUB_PROTOCOL_AWAY, cause="no answer in time"))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return self._failed(ChronoError(SUB_PROTOCOL_WRONG, cause=str(error)[:200]))
        except ChronoError as error:
            return self._failed(error)
        self._failing = None
        SUB_PROTOCOL_REQUESTS.labels(str(self.protocol_id), "ok" if fetched.ready else "not_ready").inc()
        return fetched

    async def _ask(self, url: str) -> Told:
        """Raises: ChronoError, msgspec.DecodeError."""
        try:
            async with self._client.stream("GET", url) as response:
                body = bytearray()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ChronoError(SUB_PROTOCOL_WRONG, cause=f"an answer of more than {MOST_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ChronoError(SUB_PROTOCOL_AWAY, cause=type(error).__name__) from error
        if response.status_code != httpx.codes.OK:
            raise ChronoError(SUB_PROTOCOL_AWAY, cause=f"status {response.status_code}")
        return _TOLD.decode(body)

    def _failed(self, error: ChronoError) -> Fetched:
        """Said once, until it goes well again."""
        if error.reason is not self._failing:
            self._failing = error.reason
            log.warning(error.reason.code, protocol=self.protocol_id, cause=str(error.facts["cause"]))
        SUB_PROTOCOL_REQUESTS.labels(str(self.protocol_id), error.reason.code).inc()
        return Fetched(ready=False, reason=error.reason)


_TOLD: Final = msgspec.json.Decoder(Told)


def _read(told: Told) -> Fetched:
    if told.status == Status.OK:
        return Fetched(data=bytes.fromhex(told.data[2:]), additional=bytes.fromhex(told.additional_data[2:]))
    return Fetched(ready=told.status == Status.EMPTY)
