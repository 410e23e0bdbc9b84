import hashlib
import hmac
from typing import Any

import pytest
from msgspec import structs

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import BAD_SIGNATURE, CACHE_AWAY, ChronoError
from chrono.ingest.nonces import MemoryNonces, SharedNonces
from chrono.ingest.signature import Signatures, SignedRequest, signature_of
from tests.fakes.api_ports import NOW_NS

SECRET = b"a secret of 32 bytes, not the key"
STAMP = str(NOW_NS // 1_000_000)


def signed(secret: bytes = SECRET, **changes: Any) -> SignedRequest:
    request = SignedRequest(
        "POST", "/internal/ingest", b'{"worker_id":"w1","feeds":[]}', "internal-1", STAMP, "n-1", None
    )
    request = structs.replace(request, **{k: v for k, v in changes.items() if k != "signature"})
    told = (request.timestamp or "", request.nonce or "", request.method, request.path, request.body)
    return structs.replace(request, signature=changes.get("signature", signature_of(secret, *told)))


def checker(*, required: bool = True, secrets: dict[str, bytes] | None = None) -> Signatures:
    known = {"w1": SECRET, "internal-1": b"another"} if secrets is None else secrets
    return Signatures(known, MemoryNonces(ManualClock(NOW_NS)), required=required)


async def refused(request: SignedRequest, *, at_ns: int = NOW_NS, **options: Any) -> str:
    with pytest.raises(ChronoError) as error:
        await checker(**options).verify(request, at_ns=at_ns)
    assert error.value.reason is BAD_SIGNATURE
    return str(error.value.facts["field"])


def test_the_signature_is_the_hmac_of_timestamp_nonce_method_path_and_body_joined_by_points() -> None:
    told = hmac.new(SECRET, b"1760013296789.n-1.POST./internal/ingest.{}", hashlib.sha256).hexdigest()
    assert signature_of(SECRET, "1760013296789", "n-1", "POST", "/internal/ingest", b"{}") == f"v1={told}"


async def test_a_right_signature_passes() -> None:
    await checker().verify(signed(), at_ns=NOW_NS)


@pytest.mark.parametrize("stamp", ["2025-10-09T12:34:56.789Z", STAMP, STAMP[:10]])
async def test_the_time_may_be_rfc3339_or_epoch(stamp: str) -> None:
    await checker().verify(signed(timestamp=stamp), at_ns=NOW_NS)


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"worker_id":"w1","feeds":[] }'},
        {"method": "PUT"},
        {"path": "/api/v1/internal/ingest"},
        {"nonce": "n-2"},
        {"timestamp": str(int(STAMP) + 1)},
        {"body": b'{"worker_id":"internal-1","feeds":[]}'},
        {"body": b'{"worker_id":"unknown","feeds":[]}'},
    ],
)
async def test_a_request_changed_after_signing_is_refused(change: dict[str, Any]) -> None:
    assert await refused(structs.replace(signed(), **change)) == "X-Chrono-Signature"


async def test_a_signature_with_another_workers_secret_is_refused() -> None:
    assert await refused(signed(secret=b"another")) == "X-Chrono-Signature"


async def test_a_worker_without_a_secret_cannot_sign_even_with_an_empty_one() -> None:
    assert await refused(signed(secret=b""), secrets={}) == "X-Chrono-Signature"
    assert await refused(signed(secret=b"\0"), secrets={}) == "X-Chrono-Signature"


@pytest.mark.parametrize(("away_s", "passes"), [(-31, False), (-30, True), (30, True), (31, False)])
async def test_the_window_is_thirty_seconds_to_either_side(away_s: int, passes: bool) -> None:
    at_ns = NOW_NS + away_s * SECOND_NS
    if passes:
        await checker().verify(signed(), at_ns=at_ns)
    else:
        assert await refused(signed(), at_ns=at_ns) == "X-Chrono-Timestamp"


async def test_the_same_request_twice_is_refused_the_second_time() -> None:
    signatures = checker()
    await signatures.verify(signed(), at_ns=NOW_NS)
    with pytest.raises(ChronoError) as error:
        await signatures.verify(signed(), at_ns=NOW_NS)
    assert error.value.facts["field"] == "X-Chrono-Nonce"


async def test_a_wrong_signature_does_not_use_up_the_nonce() -> None:
    signatures = checker()
    with pytest.raises(ChronoError):
        await signatures.verify(signed(signature="v1=" + "0" * 64), at_ns=NOW_NS)
    await signatures.verify(signed(), at_ns=NOW_NS)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timestamp": None}, "X-Chrono-Timestamp"),
        ({"timestamp": "soon"}, "X-Chrono-Timestamp"),
        ({"nonce": None}, "X-Chrono-Nonce"),
        ({"nonce": ""}, "X-Chrono-Nonce"),
        ({"nonce": "a.b"}, "X-Chrono-Nonce"),
        ({"nonce": "x" * 129}, "X-Chrono-Nonce"),
        ({"signature": "v2=" + "0" * 64}, "X-Chrono-Signature"),
        ({"signature": "v1=" + "0" * 63}, "X-Chrono-Signature"),
        ({"signature": "v1=" + "é" * 64}, "X-Chrono-Signature"),
        ({"signature": ""}, "X-Chrono-Signature"),
    ],
)
async def test_a_header_that_is_not_of_its_form_is_named(change: dict[str, Any], field: str) -> None:
    assert await refused(structs.replace(signed(), **change)) == field


async def test_unsigned_passes_only_where_signing_is_not_required() -> None:
    await checker(required=False).verify(signed(signature=None), at_ns=NOW_NS)
    assert await refused(signed(signature=None), required=True) == "X-Chrono-Signature"


async def test_a_wrong_signature_is_refused_even_where_none_is_required() -> None:
    assert await refused(signed(secret=b"x"), required=False) == "X-Chrono-Signature"


async def test_the_keys_worker_signs_a_body_that_names_none() -> None:
    bare = b'{"symbol":"BTC/USD"}'
    await checker().verify(signed(secret=b"another", body=bare), at_ns=NOW_NS)


async def test_a_nonce_is_forgotten_after_its_time_and_not_before() -> None:
    clock = ManualClock(NOW_NS)
    nonces = MemoryNonces(clock)
    assert await nonces.claim_nonce("a", 60)
    clock.advance(60 * SECOND_NS - 1)
    assert not await nonces.claim_nonce("a", 60)
    clock.advance(1)
    assert await nonces.claim_nonce("a", 60)


async def test_a_full_memory_of_nonces_refuses_rather_than_forgets() -> None:
    nonces = MemoryNonces(ManualClock(NOW_NS), most=2)
    assert [await nonces.claim_nonce(name, 60) for name in "abca"] == [True, True, False, False]


class Elsewhere:
    def __init__(self, answer: bool | ChronoError) -> None:
        self.answer = answer

    async def claim_nonce(self, key: str, ttl_s: int) -> bool:
        if isinstance(self.answer, ChronoError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("elsewhere", "first"), [(True, True), (False, False), (ChronoError(CACHE_AWAY), True)])
async def test_a_nonce_used_elsewhere_is_used_and_while_redis_is_away_our_own_memory_holds(
    elsewhere: bool | ChronoError, first: bool
) -> None:
    nonces = SharedNonces(MemoryNonces(ManualClock(NOW_NS)), Elsewhere(elsewhere))
    assert await nonces.claim_nonce("a", 60) is first
    assert not await nonces.claim_nonce("a", 60)
