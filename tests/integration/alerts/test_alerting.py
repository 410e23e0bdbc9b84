"""A duty that cannot begin, falls, or stands still is told to a real receiver, and so is its return."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from chrono.alerts.watched import Watched
from chrono.clock import SystemClock
from chrono.flare.networks import COSTON2
from chrono.provider import voter
from chrono.provider.alerting import Alerting
from chrono.provider.snapshots import Snapshots
from chrono.provider.voter import Crossing, Voter
from chrono.settings import Alerts, Secret
from chrono.voting.reports import Reports
from tests.fakes.receiver import Receiver
from tests.fakes.venue_server import until

FASTER = 500


class Fast(SystemClock):
    """A clock on which time goes by FASTER times as fast."""

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() * FASTER

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / FASTER)


class Duty:
    """Stands for the provider: it tells each second that all is well."""

    crash: str | None = None
    stands_still: threading.Event | None = None

    def __init__(self, setup: Any, hear: Callable[[Watched], object]) -> None:
        self._clock, self._hear = setup.clock, hear
        self.states: dict[str, object] = {}

    async def run(self) -> None:
        if self.crash is not None:
            raise ValueError(self.crash)
        while True:
            now_ns = self._clock.monotonic_ns()
            self._hear(Watched(network="coston2", now_ns=now_ns, monotonic_ns=now_ns, healthy_nodes=3, away=""))
            if self.stands_still is not None:
                self.stands_still.wait(10)
            await self._clock.sleep(1)


@asynccontextmanager
async def voting(begin: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(voter, "Provider", Duty)
    clock = Fast()
    async with receiver.listening() as port:
        settings = Alerts(url=Secret(f"http://127.0.0.1:{port}/hook"), private_network=True)
        alerting = Alerting(settings, "coston2", clock)
        ours = Voter(begin, COSTON2, clock, snapshots=Snapshots(clock), reports=Reports(), alerting=alerting)
        async with ours.started(), asyncio.timeout(60):
            yield


@asynccontextmanager
async def begins(_: Crossing) -> AsyncIterator[Any]:
    yield SimpleNamespace(clock=Fast())


async def test_a_duty_that_cannot_begin_is_told_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, refused = Receiver(), ["the journal is of another identity"]

    @asynccontextmanager
    async def begin(crossing: Crossing) -> AsyncIterator[Any]:
        if refused:
            raise ValueError(refused[0])
        async with begins(crossing) as setup:
            yield setup

    async with voting(begin, receiver, monkeypatch):
        await until(lambda: len(receiver.told) == 1)
        refused.clear()
        await until(lambda: len(receiver.told) == 2)
    assert receiver.told == [("voter_away", "firing"), ("voter_away", "resolved")]
    assert receiver.bodies[0]["facts"] == {"why": "ValueError: the journal is of another identity"}
    assert receiver.bodies[0]["runbook"] == "docs/runbook.md#alert-voter-away"
    assert len({body["id"] for body in receiver.bodies}) == 1


async def test_a_duty_that_falls_again_and_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    monkeypatch.setattr(Duty, "crash", "it broke")
    async with voting(begins, receiver, monkeypatch):
        await until(lambda: len(receiver.told) == 1)
        monkeypatch.setattr(Duty, "crash", None)
        await until(lambda: len(receiver.told) == 2)
    assert receiver.bodies[0]["facts"] == {"why": "ValueError: it broke"}


async def test_a_duty_whose_loop_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, goes_on = Receiver(), threading.Event()
    monkeypatch.setattr(Duty, "stands_still", goes_on)
    async with voting(begins, receiver, monkeypatch):
        await until(lambda: len(receiver.told) == 1)
        goes_on.set()
        await until(lambda: len(receiver.told) == 2)
    assert receiver.told == [("voter_away", "firing"), ("voter_away", "resolved")]
    assert receiver.bodies[0]["facts"] == {"why": "its loop stands still"}


async def test_a_duty_that_is_at_work_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    async with voting(begins, receiver, monkeypatch):
        await Fast().sleep(300)
    assert receiver.told == []
