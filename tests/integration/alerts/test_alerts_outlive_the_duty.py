"""A duty that crashes and is begun anew by its supervisor: what was told before it, or not yet, is not forgotten."""

import asyncio
from pathlib import Path

from prometheus_client import REGISTRY

from chrono.alerts.watched import Watched
from chrono.clock import SECOND_NS, SystemClock
from chrono.flare.networks import network_of
from chrono.provider.from_settings import FromSettings
from chrono.provider.voter import Crossing
from chrono.settings import Alerts, Secret, Settings
from chrono.settings.model import Flare
from chrono.voting.budget import HitTally
from chrono.voting.reports import Reports
from tests.fakes.receiver import Receiver
from tests.fakes.venue_server import until

CROSSING = Crossing(values=lambda _: [], market=lambda _: [], reports=Reports(), tally=HitTally())


def voter(folder: Path, port: int) -> FromSettings:
    """A dry run whose node is never asked."""
    settings = Settings(
        data_dir=str(folder),
        flare=Flare(seat="submitter", identity="0x" + "11" * 20, nodes=(Secret("http://127.0.0.1:9"),)),
        alerts=Alerts(url=Secret(f"http://127.0.0.1:{port}/hook"), private_network=True),
    )
    return FromSettings(settings, network_of("coston2", {}), None, SystemClock())


def firing() -> float | None:
    return REGISTRY.get_sample_value("chrono_alerts_firing", {"alert": "no_healthy_node"})


async def life(begin: FromSettings, seconds: range, healthy: int, heard: Receiver | None = None) -> None:
    """A duty from its beginning to its crash, which watches its nodes meanwhile, and tells if anybody hears it."""
    async with begin(CROSSING) as begun:
        assert begun.on_watched is not None
        assert firing() == (heard is not None)
        for second in seconds:
            at_ns = second * SECOND_NS
            begun.on_watched(Watched(network="coston2", now_ns=at_ns, monotonic_ns=at_ns, healthy_nodes=healthy))
        if heard is not None:
            ((_, run),) = begun.setup.besides
            telling = asyncio.ensure_future(run())
            await until(lambda: len(heard.told) == 2)
            telling.cancel()


async def test_an_alert_that_was_not_told_yet_is_told_and_ended_by_the_duty_that_comes_after(tmp_path: Path) -> None:
    receiver = Receiver()
    async with receiver.listening() as port:
        begin = voter(tmp_path, port)
        # Each duty has a thread and a loop of its own.
        await asyncio.to_thread(asyncio.run, life(begin, range(70), 0))
        await asyncio.to_thread(asyncio.run, life(begin, range(80, 95), 2, receiver))
    assert receiver.told == [("no_healthy_node", "firing"), ("no_healthy_node", "resolved")]
    assert len({body["id"] for body in receiver.bodies}) == 1
    assert firing() == 0
