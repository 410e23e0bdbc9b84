"""The way out: TLS is verified, nothing is compressed, and no answer may be larger or slower than we can bear."""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from chrono.ingest.venues import transport as module
from chrono.ingest.venues.ports import HandshakeRefusedError, LineError
from chrono.ingest.venues.spec import Request
from chrono.ingest.venues.transport import Transport
from tests.fakes.venue_server import until

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="**** no openssl: TLS is NOT TESTED ****")


class Ears:
    def __init__(self):
        self.frames, self.alive, self.lost = [], 0, []

    def on_frame(self, data):
        self.frames.append(data)

    def on_alive(self):
        self.alive += 1

    def on_lost(self, why):
        self.lost.append(why)


class Asked:
    """What the server saw, and how it is to answer."""

    def __init__(self):
        self.headers, self.talk, self.answer = None, None, None


@asynccontextmanager
async def server(asked, tls=None):
    async def talk(connection):
        if asked.talk is not None:
            await asked.talk(connection)
        async for frame in connection:
            await connection.send(frame)

    async def request(connection, request):
        asked.headers = request.headers
        return None if asked.answer is None else await asked.answer()

    async with serve(talk, "127.0.0.1", 0, process_request=request, ssl=tls, close_timeout=0.1) as running:
        yield next(iter(running.sockets)).getsockname()[1]


def answering(status, body, headers=None):
    async def answer():
        return Response(status, "", Headers({"Content-Length": str(len(body))} | (headers or {})), body)

    return answer


@asynccontextmanager
async def outward(**how):
    out = Transport(**how)
    try:
        yield out
    finally:
        await out.close()


@pytest.fixture
def certificate(tmp_path):
    """A certificate for loopback that no authority of this machine has signed."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    asked += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*asked, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


@needs_openssl
async def test_a_certificate_that_nobody_signed_is_refused_by_both_ways(certificate):
    asked = Asked()
    asked.answer = answering(200, b"{}")
    async with server(asked, certificate[1]) as port, outward() as out:
        with pytest.raises(LineError, match=r"(?i)certificate"):
            await out.connect(f"wss://127.0.0.1:{port}/", Ears())
        with pytest.raises(LineError, match=r"(?i)certificate"):
            await out.fetch(Request(f"https://127.0.0.1:{port}/"))
    assert asked.headers is None


@needs_openssl
async def test_a_certificate_of_a_trusted_authority_is_taken(certificate):
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with server(Asked(), certificate[1]) as port, outward(verify=trusting) as out:
        ears = Ears()
        wire = await out.connect(f"wss://127.0.0.1:{port}/", ears)
        wire.send(b"hello", is_text=True)
        await until(lambda: ears.frames == [b"hello"])
        wire.close()


async def test_no_compression_is_asked_for():
    asked = Asked()
    async with server(asked) as port, outward() as out:
        (await out.connect(f"ws://127.0.0.1:{port}/", Ears())).close()
        assert "Sec-WebSocket-Extensions" not in asked.headers


async def test_a_message_in_parts_is_heard_whole():
    asked = Asked()

    async def talk(connection):
        await connection.send(["one ", "two ", "three"])
        await connection.send(b"binary")

    asked.talk = talk
    async with server(asked) as port, outward() as out:
        ears = Ears()
        wire = await out.connect(f"ws://127.0.0.1:{port}/", ears)
        await until(lambda: ears.frames == [b"one two three", b"binary"])
        wire.close()


async def test_pings_of_either_side_are_signs_of_life():
    asked = Asked()

    async def talk(connection):
        await (await connection.ping())
        await connection.send("answered")

    asked.talk = talk
    async with server(asked) as port, outward() as out:
        ears = Ears()
        wire = await out.connect(f"ws://127.0.0.1:{port}/", ears)
        await until(lambda: ears.frames == [b"answered"])
        assert ears.alive == 1
        wire.ping()
        await until(lambda: ears.alive == 2)
        wire.close()


async def test_why_the_venue_closed_is_told():
    asked = Asked()

    async def talk(connection):
        await connection.close(4001, "too many subscriptions")

    asked.talk = talk
    async with server(asked) as port, outward() as out:
        ears = Ears()
        wire = await out.connect(f"ws://127.0.0.1:{port}/", ears)
        await until(lambda: ears.lost)
        assert ears.lost == ["the venue closed: 4001 too many subscriptions"]
        wire.send(b"nobody hears this", is_text=True)
        wire.close()


@pytest.mark.parametrize("whole", [True, False])
async def test_a_message_larger_than_is_taken_ends_the_connection(whole):
    asked, part = Asked(), "x" * (module.MOST_MESSAGE // 2 + 1)

    async def talk(connection):
        await connection.send(part * 2 if whole else [part, part, part])

    asked.talk = talk
    async with server(asked) as port, outward() as out:
        ears = Ears()
        await out.connect(f"ws://127.0.0.1:{port}/", ears)
        await until(lambda: ears.lost)
        assert ears.frames == []


@pytest.mark.parametrize("status", [200, 403, 451, 503])
async def test_a_handshake_that_is_answered_otherwise_tells_status_headers_and_body(status):
    asked = Asked()
    asked.answer = answering(status, b"not from here", {"Retry-After": "7"})
    async with server(asked) as port, outward() as out:
        with pytest.raises(HandshakeRefusedError) as refused:
            await out.connect(f"ws://127.0.0.1:{port}/", Ears())
        answer = refused.value.answer
        assert (answer.status, answer.body) == (status, b"not from here")
        assert {name.lower(): value for name, value in answer.headers.items()}["retry-after"] == "7"


async def test_a_redirect_is_not_followed():
    asked = Asked()
    asked.answer = answering(302, b"", {"Location": "ws://127.0.0.1:1/"})
    async with server(asked) as port, outward() as out:
        with pytest.raises((HandshakeRefusedError, LineError)):
            await out.connect(f"ws://127.0.0.1:{port}/", Ears())
        assert (await out.fetch(Request(f"http://127.0.0.1:{port}/"))).status == 302


async def test_nobody_at_the_address_is_a_line_error():
    async with outward() as out:
        with pytest.raises(LineError):
            await out.connect("ws://127.0.0.1:1/", Ears())
        with pytest.raises(LineError):
            await out.fetch(Request("http://127.0.0.1:1/"))
        with pytest.raises(LineError):
            await out.fetch(Request("not an address"))


async def test_an_answer_that_does_not_come_in_time_is_a_line_error():
    asked, over = Asked(), asyncio.Event()

    async def answer():
        await over.wait()

    asked.answer = answer
    async with server(asked) as port, outward(deadline_s=0.2) as out:
        with pytest.raises(LineError, match="Timeout"):
            await out.fetch(Request(f"http://127.0.0.1:{port}/"))
        over.set()


async def test_an_answer_larger_than_is_taken_is_a_line_error(monkeypatch):
    asked = Asked()
    asked.answer = answering(200, b"x" * 2000)
    monkeypatch.setattr(module, "MOST_BODY", 1000)
    async with server(asked) as port, outward() as out:
        with pytest.raises(LineError, match="larger"):
            await out.fetch(Request(f"http://127.0.0.1:{port}/"))


async def test_an_answer_gives_status_headers_and_body():
    asked = Asked()
    asked.answer = answering(429, b'{"message":"slow"}', {"Retry-After": "3"})
    async with server(asked) as port, outward() as out:
        answer = await out.fetch(Request(f"http://127.0.0.1:{port}/"))
        assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "3", b'{"message":"slow"}')
