"""The small HTTP client: what it does about a server that is not as it should be."""

import socket

import pytest

from chrono.cli.client import Client, NoServer
from tests.fakes.answering import Answering


def test_a_server_that_never_answers_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", None, deadline_s=0.05)
        with pytest.raises(NoServer, match=r"took more than 0\.05 s"):
            client.get("/live")


def test_an_address_below_a_path_is_kept() -> None:
    with Answering({"/chrono/live": (200, {"status": "live"})}) as server:
        assert Client(f"{server.url}/chrono/", None).get("/live").status == 200


def test_a_market_in_a_question_arrives_as_it_is() -> None:
    with Answering({"/x": (200, {})}) as server:
        Client(server.url, None).get("/x", symbol="BTC/USD", at="2025-10-09T12:34:56+02:00", none=None)
        assert server.asked[0][1] == {"symbol": ["BTC/USD"], "at": ["2025-10-09T12:34:56+02:00"]}


def test_the_key_is_sent_and_shown_nowhere() -> None:
    with Answering({"/x": (200, {})}) as server:
        client = Client(server.url, "hunter2")
        client.get("/x")
        assert server.asked[0][2]["x-api-key"] == "hunter2"
        assert "hunter2" not in repr(client)


def test_https_to_a_server_that_speaks_none_is_told() -> None:
    with Answering({}) as server, pytest.raises(NoServer, match="cannot be asked"):
        Client(server.url.replace("http:", "https:"), None).get("/live")
