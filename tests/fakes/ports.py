"""Ports for servers of the tests that must know theirs before they listen."""

import socket
from contextlib import suppress
from random import SystemRandom

_OURS = range(10_000, 32_768)
"""Below those that the kernel gives to outgoing connections: between our look and the server's start, none takes it."""


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago, and that hardly anybody else asks for."""
    chance = SystemRandom()  # not the one that each test begins anew: workers would draw the same ones
    while True:
        port = chance.choice(_OURS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
