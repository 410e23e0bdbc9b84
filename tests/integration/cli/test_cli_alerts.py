"""`chrono alerts` as a user has it: a process, and a receiver on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chrono.alerts.rules import RULES


class Taken:
    """What the receiver was told, and how it answers."""

    def __init__(self) -> None:
        self.status = 204
        self.bodies: list[dict[str, object]] = []
        self.url = ""


@pytest.fixture
def receiver() -> Iterator[Taken]:
    taken = Taken()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(taken.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    taken.url = f"http://127.0.0.1:{server.server_port}/hook/hidden"
    yield taken
    server.shutdown()
    server.server_close()


def _settings(taken: Taken) -> dict[str, str]:
    return {"CHRONO__ALERTS__URL": taken.url, "CHRONO__ALERTS__PRIVATE_NETWORK": "true"}


def test_a_test_message_arrives_and_the_command_says_so(chrono, receiver):
    done = chrono("alerts", "test", "--json", **_settings(receiver))
    assert done.code == 0, done.err
    assert json.loads(done.out)["taken"] is True
    (body,) = receiver.bodies
    assert (body["alert"], body["status"], body["network"]) == ("test", "test", "coston2")
    assert "this is a test" in str(body["text"])


def test_a_receiver_that_refuses_is_told_with_what_to_check(chrono, receiver):
    receiver.status = 403
    done = chrono("alerts", "test", **_settings(receiver))
    assert done.code == 1
    assert "403" in done.err
    assert "alerts.token" in done.err
    assert "hidden" not in done.err


def test_a_private_receiver_is_refused_unless_the_settings_allow_it(chrono, receiver):
    plain = chrono("alerts", "test", CHRONO__ALERTS__URL=receiver.url)
    assert plain.code == 1
    assert "https://" in plain.err
    inside = chrono("alerts", "test", CHRONO__ALERTS__URL=receiver.url.replace("http:", "https:"))
    assert inside.code == 1
    assert "private_network" in inside.err
    assert receiver.bodies == []


def test_without_a_receiver_the_command_says_that_nobody_is_told(chrono):
    done = chrono("alerts", "test")
    assert done.code == 1
    assert "nobody is told" in done.err


def test_the_list_names_every_alert_and_its_remedy(chrono):
    done = chrono("alerts", "list", "--json")
    assert done.code == 0, done.err
    assert [each["alert"] for each in json.loads(done.out)["alerts"]] == [rule.code for rule in RULES]
    shown = chrono("alerts", "list")
    assert "balance_low" in shown.out
