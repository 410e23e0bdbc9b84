"""Signed ingest: a worker proves with its own secret that it made this request, now, and only once.

What is signed is `timestamp "." nonce "." METHOD "." path "." body`, byte for byte as sent. Source: api.md, "Ingest".
"""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.errors import BAD_SIGNATURE, ChronoError
from chrono.ingest.batch import sender_of
from chrono.ingest.ports import Nonces
from chrono.ingest.times import wire_time_ns

WINDOW_S: Final = 30  # api.md, "Ingest"
VERSION: Final = "v1="

_NONCE = re.compile(r"[A-Za-z0-9+/=_-]{1,128}", re.ASCII)
_SIGNATURE = re.compile(r"v1=[0-9a-f]{64}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_SECONDS_DIGITS: Final = 10


class SignedRequest(Struct, frozen=True):
    """A request as it arrived; each of the three headers is None when it was not sent. `worker_id` is the key's."""

    method: str
    path: str
    body: bytes
    worker_id: str
    timestamp: str | None
    nonce: str | None
    signature: str | None


class Signatures:
    """Checks signatures. `secrets` are the workers' own, by `worker_id`; `required` refuses unsigned requests."""

    def __init__(self, secrets: Mapping[str, bytes], nonces: Nonces, *, required: bool) -> None:
        self._secrets = secrets
        self._nonces = nonces
        self._required = required

    async def verify(self, request: SignedRequest, *, at_ns: int) -> None:
        """Return when the request may pass. Raises: ChronoError(BAD_SIGNATURE) with what is wrong."""
        if request.signature is None:
            if self._required:
                raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Signature", expected="v1=hex(HMAC-SHA256)")
            return
        timestamp, nonce = _in_form(request, at_ns)
        worker_id = sender_of(request.body) or request.worker_id
        # An unknown worker costs the same sums as a known one.
        secret = self._secrets.get(worker_id)
        right = signature_of(secret or b"\0", timestamp, nonce, request.method, request.path, request.body)
        if not hmac.compare_digest(right, request.signature) or not secret:
            raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Signature", expected="the signature of this request")
        if not await self._nonces.claim_nonce(f"{worker_id}:{nonce}", 2 * WINDOW_S):
            raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Nonce", expected="a nonce that was not used before")


def signature_of(secret: bytes, timestamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """The value of X-Chrono-Signature for this request: `v1=` and 64 hex digits."""
    signed = f"{timestamp}.{nonce}.{method}.{path}.".encode() + body
    return VERSION + hmac.digest(secret, signed, "sha256").hex()


def _in_form(request: SignedRequest, at_ns: int) -> tuple[str, str]:
    """The timestamp and the nonce, if all three headers are of their form and the time is within the window."""
    timestamp, nonce = request.timestamp or "", request.nonce or ""
    signed_at_ns = _header_time_ns(timestamp)
    if signed_at_ns is None or abs(at_ns - signed_at_ns) > WINDOW_S * SECOND_NS:
        raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Timestamp", expected=f"a time within {WINDOW_S} s of now")
    if _NONCE.fullmatch(nonce) is None:
        raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Nonce", expected="1 to 128 of A-Z a-z 0-9 + / = _ -")
    if request.signature is None or _SIGNATURE.fullmatch(request.signature) is None:
        raise ChronoError(BAD_SIGNATURE, field="X-Chrono-Signature", expected="v1= and 64 lower-case hex digits")
    return timestamp, nonce


def _header_time_ns(text: str) -> int | None:
    """RFC 3339, epoch milliseconds, or epoch seconds: ten digits of milliseconds would lie in 1970."""
    if _DIGITS.fullmatch(text) is None:
        return wire_time_ns(text)
    return wire_time_ns(int(text) * (1000 if len(text) <= _SECONDS_DIGITS else 1))
