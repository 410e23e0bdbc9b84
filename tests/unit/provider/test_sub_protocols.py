"""What a sub-protocol's client answers, and what is made of everything else that it may say."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from chrono.errors import SUB_PROTOCOL_AWAY, SUB_PROTOCOL_WRONG
from chrono.flare.address import Address, checksummed
from chrono.flare.frames import FDC, SubmissionFunction
from chrono.provider.sub_protocols import HttpSubProtocol
from chrono.settings import Secret
from chrono.voting.actions import Fetched

ME = Address(bytes(range(20)))
SUBMIT2, SIGNATURES = SubmissionFunction.SUBMIT2, SubmissionFunction.SUBMIT_SIGNATURES


def response(body: bytes, status: int = 200) -> httpx.Response:
    """An answer that comes in pieces, as one from a socket does."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    return httpx.Response(status, content=pieces())


async def fetched(answer: Callable[[httpx.Request], httpx.Response], function: SubmissionFunction = SUBMIT2) -> Fetched:
    client = HttpSubProtocol(FDC, "http://fdc:8080/fsp/", key=Secret("k"), transport=httpx.MockTransport(answer))
    try:
        return await client.fetch(function, 7, ME)
    finally:
        await client.close()


async def test_the_question_is_that_of_flare_s_system_client() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return response(json.dumps({"status": "OK", "data": "0x0102", "additionalData": "0x03"}).encode())

    assert await fetched(answer, SIGNATURES) == Fetched(data=b"\x01\x02", additional=b"\x03")
    assert asked[0].url == f"http://fdc:8080/fsp/submitSignatures/7/{checksummed(ME)}"
    assert asked[0].headers["x-api-key"] == "k"


async def test_nothing_to_send_and_not_yet_are_told_apart() -> None:
    def saying(status: str) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: response(json.dumps({"status": status}).encode())

    assert await fetched(saying("EMPTY")) == Fetched(data=None, ready=True)
    assert await fetched(saying("RETRY")) == Fetched(data=None, ready=False)
    assert await fetched(saying("NOT_AVAILABLE")) == Fetched(data=None, ready=False)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"<html>", b'{"status":1}', b'{"data":"0x"}', b'{"status":"OK","data":"0x1"}',
     b'{"status":"OK","data":"zz"}', b'{"status":"OK","data":"0x00\\n"}', b"[" * 100_000, b"\xff",
     b'{"status":"OK","data":"0x' + b"00" * 70_000 + b'"}'],
)  # fmt: skip
async def test_what_is_no_answer_is_wrong_and_never_raises(body: bytes) -> None:
    told = await fetched(lambda _: response(body))
    assert (told.ready, told.reason, told.data) == (False, SUB_PROTOCOL_WRONG, None)


async def test_another_status_a_broken_line_and_silence_are_away() -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    def slow(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silence")

    for answer in (lambda _: response(b"", 503), lambda _: response(b'{"status":"OK"}', 201), broken, slow):
        assert (await fetched(answer)).reason is SUB_PROTOCOL_AWAY
