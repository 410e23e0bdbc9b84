"""Names are looked up for the duty in threads of its own: those of dead venues hold up four threads for seconds."""

import asyncio
import socket

import pytest

from chrono.clock import SystemClock
from chrono.serving import SIMULATED, DevOptions, _simulated


async def test_the_duty_looks_names_up_apart_from_the_loop_of_the_venues(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(host: str, *rest: object, **how: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9650))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    voting = _simulated(SystemClock(), DevOptions(market=SIMULATED))
    voter = voting.voter
    assert voter is not None

    async def found() -> object:
        return await asyncio.get_running_loop().getaddrinfo("node.example", 9650)

    async with voting.started():
        while voting.reports.provider is None:
            await asyncio.sleep(0.01)
        answer = await voter.ask(lambda _: found())
    assert asked == ["node.example"]
    assert answer == [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9650))]
