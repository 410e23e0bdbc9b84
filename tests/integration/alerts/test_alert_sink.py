"""Alerts reach a real HTTP server on loopback: once each, in order, after every kind of failure, and nobody waits."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import structlog

from chrono.alerts.alarms import Alarms, Notice, Status
from chrono.alerts.desk import AlertDesk
from chrono.alerts.sink import MOST_WAITING, AlertQueue, HttpSink
from chrono.clock import SECOND_NS, Clock, ManualClock, SystemClock
from chrono.errors import ALERT_ADDRESS, ALERT_REFUSED, ALERT_UNDELIVERED, ChronoError
from chrono.settings import Alerts, Secret
from tests.fakes.alerting import calm, changed
from tests.fakes.receiver import Receiver
from tests.fakes.venue_server import until

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="**** no openssl: TLS is NOT TESTED ****")


def notice(alert: str = "reveal_at_risk", status: Status = Status.FIRING, number: int = 1) -> Notice:
    return Notice(
        id=f"flare/{alert}/{number}",
        alert=alert,
        status=status,
        network="flare",
        subject=str(number),
        summary="a commit is not revealed yet",
        remedy="look at the nodes",
        facts={"round": number, "left_s": 12.5},
        began_ns=1_800_000_000 * SECOND_NS,
        ended_ns=None if status is Status.FIRING else 1_800_000_060 * SECOND_NS,
    )


def settings(port: int, *, private: bool = True, scheme: str = "http", host: str = "127.0.0.1") -> Alerts:
    url = Secret(f"{scheme}://{host}:{port}/hook/very-secret?key=hidden")
    return Alerts(url=url, token=Secret("a-hidden-token"), private_network=private)


class Quick(SystemClock):
    """The machine's clock, whose waits are a hundred times as short; `waits` are the seconds asked for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(min(seconds / 100, 0.05))


@asynccontextmanager
async def queue_to(port: int, clock: Clock | None = None, deadline_s: float = 5.0) -> AsyncIterator[AlertQueue]:
    queue = AlertQueue(HttpSink(settings(port), deadline_s=deadline_s), clock or Quick())
    running = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_notice_arrives_whole() -> None:
    receiver = Receiver()
    async with receiver.listening() as port:
        await HttpSink(settings(port)).deliver(notice())
    assert receiver.heads[0].startswith("POST /hook/very-secret?key=hidden HTTP/1.1")
    assert receiver.header("host") == f"127.0.0.1:{port}"
    assert receiver.header("authorization") == "Bearer a-hidden-token"
    assert receiver.header("content-type") == "application/json"
    assert receiver.header("idempotency-key") == "flare/reveal_at_risk/1/firing"
    (body,) = receiver.bodies
    assert body.pop("text") == body.pop("content")
    assert body == {
        "version": 1,
        "id": "flare/reveal_at_risk/1",
        "alert": "reveal_at_risk",
        "status": "firing",
        "severity": "page",
        "network": "flare",
        "subject": "1",
        "summary": "a commit is not revealed yet",
        "remedy": "look at the nodes",
        "runbook": "docs/runbook.md#alert-reveal-at-risk",
        "facts": {"round": 1, "left_s": 12.5},
        "began_at": "2027-01-15T08:00:00.000Z",
        "ended_at": None,
    }


async def test_notices_arrive_in_order_and_each_once() -> None:
    receiver = Receiver()
    async with receiver.listening() as port, queue_to(port) as queue:
        for number in range(20):
            queue.offer(notice(number=number))
            queue.offer(notice(number=number))
        queue.offer(notice(number=3, status=Status.RESOLVED))
        await until(lambda: queue.waiting == 0)
    assert [body["subject"] for body in receiver.bodies] == [*map(str, range(20)), "3"]
    assert receiver.bodies[-1]["status"] == "resolved"


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_what_may_pass_is_tried_again_with_longer_and_longer_waits(status: int) -> None:
    receiver, clock = Receiver(), Quick()
    receiver.statuses = [status] * 5
    async with receiver.listening() as port, queue_to(port, clock) as queue:
        queue.offer(notice())
        await until(lambda: queue.waiting == 0)
    assert len(receiver.bodies) == 6
    assert clock.waits == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 413, 422])
async def test_what_is_refused_for_good_does_not_hold_the_next_one_up(status: int) -> None:
    receiver = Receiver()
    receiver.statuses = [status]
    receiver.extra = "Location: http://127.0.0.1:1/elsewhere\r\n"
    async with receiver.listening() as port, queue_to(port) as queue:
        queue.offer(notice(number=1))
        queue.offer(notice(number=2))
        await until(lambda: queue.waiting == 0)
        assert [body["subject"] for body in receiver.bodies] == ["1", "2"]
        receiver.statuses = [status]
        with pytest.raises(ChronoError) as refused:
            await HttpSink(settings(port)).deliver(notice())
    assert refused.value.reason is ALERT_REFUSED
    assert refused.value.facts == {"status": status}


async def test_a_receiver_that_is_away_gets_everything_when_it_is_back() -> None:
    receiver = Receiver()
    async with receiver.listening() as port:
        pass
    clock = Quick()
    async with queue_to(port, clock) as queue:
        queue.offer(notice(number=1))
        queue.offer(notice(number=1, status=Status.RESOLVED))
        await until(lambda: len(clock.waits) > 3)
        assert queue.waiting == 2
        async with receiver.listening():
            await until(lambda: queue.waiting == 0)
    assert receiver.told == [("reveal_at_risk", "firing"), ("reveal_at_risk", "resolved")]


@pytest.mark.parametrize("fault", ["hangs", "cuts"])
async def test_a_receiver_that_hangs_or_cuts_delays_nobody(fault: str) -> None:
    receiver = Receiver()
    setattr(receiver, fault, True)
    async with receiver.listening() as port, queue_to(port, deadline_s=0.3) as queue:
        began = time.monotonic()
        for number in range(3):
            queue.offer(notice(number=number))
        assert time.monotonic() - began < 0.3, "an offer waited for the deadline of a delivery"
        await until(lambda: receiver.cuts or receiver.bodies)
        setattr(receiver, fault, False)
        await until(lambda: queue.waiting == 0)
    assert {body["subject"] for body in receiver.bodies} == {"0", "1", "2"}


async def test_an_endless_answer_is_not_read() -> None:
    receiver = Receiver()
    receiver.body_bytes = 10_000_000_000
    async with receiver.listening() as port:
        async with asyncio.timeout(60):
            await HttpSink(settings(port)).deliver(notice())


async def test_more_than_are_kept_drop_the_oldest() -> None:
    async with Receiver().listening() as port:
        pass
    queue = AlertQueue(HttpSink(settings(port)), Quick())
    for number in range(MOST_WAITING + 10):
        queue.offer(notice(number=number))
    assert queue.waiting == MOST_WAITING


async def test_a_notice_that_nobody_took_for_a_day_is_given_up() -> None:
    async with Receiver().listening() as port:
        pass
    clock = ManualClock(0)
    queue = AlertQueue(HttpSink(settings(port)), clock)
    running = asyncio.create_task(queue.run())
    queue.offer(notice())

    async def pass_a_day() -> None:
        while queue.waiting:
            clock.advance(300 * SECOND_NS)
            await asyncio.sleep(0.001)

    async with asyncio.timeout(60):
        await pass_a_day()
    assert clock.now_ns() >= 24 * 3600 * SECOND_NS
    running.cancel()


async def test_the_address_and_the_token_never_reach_a_log() -> None:
    receiver = Receiver()
    receiver.statuses = [500, 404]
    with structlog.testing.capture_logs() as told:
        async with receiver.listening() as port, queue_to(port) as queue:
            queue.offer(notice())
            await until(lambda: queue.waiting == 0)
        async with queue_to(port) as queue:
            queue.offer(notice())
            await until(lambda: len(told) > 3)
    assert [each["event"] for each in told][:2] == ["alert_undelivered", "alert_given_up"]
    assert "hidden" not in str(told)
    assert "very-secret" not in str(told)


async def test_a_private_receiver_is_refused_unless_it_is_meant() -> None:
    receiver = Receiver()
    async with receiver.listening() as port:
        with pytest.raises(ChronoError) as refused:
            await HttpSink(settings(port, private=False)).deliver(notice())
    assert refused.value.reason is ALERT_ADDRESS
    assert receiver.bodies == []


async def test_a_name_that_turns_inside_is_found_out_when_it_is_used() -> None:
    """Between the look-up and the connection nothing is asked again: the address that was seen is the one used."""
    asked = []

    async def turning(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    receiver = Receiver()
    async with receiver.listening() as port:
        outside = HttpSink(settings(port, private=False, host="alerts.example"), resolve=turning)
        with pytest.raises(ChronoError) as refused:
            await outside.deliver(notice())
        assert refused.value.reason is ALERT_ADDRESS
        await HttpSink(settings(port, host="alerts.example"), resolve=turning).deliver(notice())
    assert receiver.header("host") == f"alerts.example:{port}"
    assert asked == ["alerts.example"] * 2


async def test_the_next_address_of_a_name_is_tried_when_one_is_dead() -> None:
    async def two(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    receiver = Receiver()
    async with receiver.listening() as port:
        await HttpSink(settings(port, host="alerts.example"), resolve=two).deliver(notice())
    assert len(receiver.bodies) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="**** 127.0.0.2 is no loopback here: NOT TESTED ****")
async def test_the_next_address_of_a_name_is_tried_when_one_never_answers() -> None:
    """As where IPv6 leads nowhere, and the name has such an address first."""

    async def two(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    receiver = Receiver()
    async with receiver.listening() as port:
        with _swallowing("127.0.0.2", port):
            await HttpSink(settings(port, host="alerts.example"), resolve=two, deadline_s=2).deliver(notice())
    assert len(receiver.bodies) == 1


@contextmanager
def _swallowing(host: str, port: int) -> Iterator[None]:
    """A place where nobody takes a connection, nor refuses it: its queue is full."""
    with socket.socket() as listener, ExitStack() as held:
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of a name that no authority of this machine has signed."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    asked += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=alerts.example"]
    subprocess.run([*asked, "-addext", "subjectAltName=DNS:alerts.example"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


async def _here(_: str, __: int) -> Sequence[str]:
    return ["127.0.0.1"]


@needs_openssl
async def test_tls_is_verified_against_the_name_though_its_address_is_used(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    receiver = Receiver()
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with receiver.listening(certificate[1]) as port:
        named = settings(port, scheme="https", host="alerts.example")
        with pytest.raises(ChronoError) as unknown:
            await HttpSink(named, resolve=_here).deliver(notice())
        other = settings(port, scheme="https", host="other.example")
        with pytest.raises(ChronoError) as misnamed:
            await HttpSink(other, resolve=_here, verify=trusting).deliver(notice())
        assert receiver.bodies == []
        await HttpSink(named, resolve=_here, verify=trusting).deliver(notice())
    for refused in (unknown.value, misnamed.value):
        assert refused.reason is ALERT_UNDELIVERED
        assert "certificate" in str(refused)
        assert "example" not in str(refused)
    assert len(receiver.bodies) == 1


async def test_a_fault_and_its_end_arrive_and_a_calm_day_is_silent() -> None:
    receiver = Receiver()
    async with receiver.listening() as port, queue_to(port) as queue:
        desk = AlertDesk(queue, Alarms())
        for watched in calm(86_400, every=5):
            desk.look(watched)
        await asyncio.sleep(0)
        assert (queue.waiting, receiver.bodies) == (0, [])
        for watched in calm(400, since=1000):
            desk.look(changed(watched, healthy_nodes=0) if watched.monotonic_ns < 2150 * SECOND_NS else watched)
        await until(lambda: queue.waiting == 0)
    assert receiver.told == [("no_healthy_node", "firing"), ("no_healthy_node", "resolved")]
    assert desk.firing == []
