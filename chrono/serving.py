"""The process: one at a time per data folder, everything opened in order and closed in reverse, in time."""

import asyncio
import contextlib
import fcntl
import gc
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import structlog
from msgspec import Struct

from chrono import __version__
from chrono.app import Parts, build, create_app, supervise, warm, wire
from chrono.clock import SECOND_NS, Clock, SystemClock
from chrono.doors import main_doors
from chrono.errors import DATA_DIR_BUSY, DATA_DIR_OF_ANOTHER_MARKET, DATABASE_AWAY, PORT_TAKEN, ChronoError
from chrono.ingest.venues.door import enabled_specs
from chrono.ingest.venues.reach import first_to_answer
from chrono.ingest.venues.transport import Transport
from chrono.market.map import MarketMap
from chrono.provider.alerting import Alerting
from chrono.provider.draining import Stopping, drain, owing
from chrono.provider.from_settings import FromSettings
from chrono.provider.hot_keys import HotKeys
from chrono.provider.lock import hold_identity
from chrono.provider.opening import find_network, identity_of, open_keys
from chrono.provider.switching import refuse_switch
from chrono.provider.voter import Voting
from chrono.settings import Settings, environment
from chrono.store.cache import Cache
from chrono.store.door import Store
from chrono.telemetry import BUILD_INFO, configure_logs, configure_traces

LOCK_FILE = "chrono.lock"
SERVER_FILE = "server.json"
DRAIN_S = 0.5
GC_THRESHOLD = 50_000
LIVE = "live"
REAL = "real"
SIMULATED = "simulated"
SIMULATED_BEFORE_S = 9
LOOK_FOR_VENUES_S = 3.0
ENVIRONMENT_FILE = "environment"

log = structlog.get_logger()


class DevOptions(Struct, frozen=True):
    """What `chrono dev` adds: where prices come from (`live`, `simulated`, or a tape's path)."""

    market: str

    @property
    def environment(self) -> str | None:
        """What every answer is marked with; None for the real market."""
        return None if self.market == LIVE else SIMULATED


def venue_that_answers(settings: Settings) -> str | None:
    """The first enabled venue that tells a price; None when none does within three seconds."""
    configure_logs(settings.logs)
    markets = MarketMap.load().markets()

    async def ask() -> str | None:
        network = Transport()
        try:
            specs = enabled_specs(settings.venues).values()
            return await first_to_answer(specs, markets, network, LOOK_FOR_VENUES_S)
        finally:
            await network.close()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(ask())


def serve(settings: Settings, *, dev: DevOptions | None) -> int:
    """Run until SIGINT or SIGTERM; the exit code. Raises: ChronoError when the start fails."""
    configure_logs(settings.logs)
    configure_traces(settings.telemetry)
    BUILD_INFO.labels(__version__).set(1)
    data_dir = Path(settings.data_dir)
    data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    with hold(data_dir), ExitStack() as held, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        claim(data_dir, REAL if dev is None else dev.environment or REAL)
        keys = _voters_keys(settings, held) if dev is None else None
        return runner.run(_serve(settings, SystemClock(), dev, keys))


def _voters_keys(settings: Settings, held: ExitStack) -> HotKeys | None:
    """The right to vote for the identity, and the keys for it; both as long as `held` is.

    Raises: ChronoError(IDENTITY_BUSY), and those of the password and the keystores.
    """
    if settings.flare.seat == "none":
        return None
    held.enter_context(hold_identity(settings.network, identity_of(settings.flare)))
    keys = open_keys(settings, environment())
    if keys is not None:
        held.callback(keys.close)
    return keys


def claim(data_dir: Path, environment: str) -> None:
    """Keep invented prices and real ones in folders of their own: the first run says what a folder holds.

    Raises: ChronoError(DATA_DIR_OF_ANOTHER_MARKET).
    """
    told = data_dir / ENVIRONMENT_FILE
    if not told.exists():
        told.write_text(environment)
    holds = told.read_text().strip()
    if holds != environment:
        raise ChronoError(DATA_DIR_OF_ANOTHER_MARKET, data_dir=str(data_dir), holds=holds, asked=environment)


@contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """The data folder for this process alone; the kernel lets go of it however the process ends.

    Raises: ChronoError(DATA_DIR_BUSY) with the pid of the one that holds it.
    """
    with (data_dir / LOCK_FILE).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            lock.seek(0)
            raise ChronoError(DATA_DIR_BUSY, data_dir=str(data_dir), pid=lock.read().strip()) from busy
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


async def _serve(settings: Settings, clock: Clock, dev: DevOptions | None, keys: HotKeys | None) -> int:
    stopping, loop = Stopping(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.ask)
    voting = await _begun(settings, clock, keys) if dev is None else _simulated(clock, dev)
    async with (
        voting.started(),
        owing(voting.voter if dev is None else None, stopping),
        _opened(settings, clock, dev, voting) as parts,
        main_doors(create_app(parts), settings, stopping.asked) as doors,
    ):
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        with _announced(settings, doors.port, parts.fast_door.port):
            log.info("serving", url=f"http://{settings.server.host}:{doors.port}", data_dir=settings.data_dir)
            await stopping.asked.wait()
            if fallen := doors.fallen():
                log.error(
                    "door_fell", doors=fallen, remedy="the process ends, so that whoever watches it starts it anew"
                )
            if dev is None:  # what a simulated network is owed goes with it
                await drain(parts.voter, stopping)
            log.info("stopping", connections=parts.hub.connections)
            await parts.hub.drain(DRAIN_S)
    return 1 if fallen else 0


async def _begun(settings: Settings, clock: Clock, keys: HotKeys | None) -> Voting:
    """The chain of the settings, with a voter when it has a seat. Raises: ChronoError, also REVEAL_OWED."""
    network = await find_network(settings, clock)
    refuse_switch(settings, network, clock)
    if settings.flare.seat == "none":
        return Voting.alone(network, clock)
    alerting = Alerting(settings.alerts, network.name, clock)
    return Voting.with_voter(FromSettings(settings, network, keys, clock), network, clock, alerting)


def _simulated(clock: Clock, dev: DevOptions) -> Voting:
    """The network of `chrono dev`, which lives in memory, with us as one of its voters."""
    from chrono.simulated_flare import DevFlare

    flare = DevFlare(clock, simulated=dev.market == SIMULATED)
    return Voting.with_voter(flare, flare.network, clock)


@asynccontextmanager
async def _opened(settings: Settings, clock: Clock, dev: DevOptions | None, voting: Voting) -> AsyncIterator[Parts]:
    """Every part but the voter, which runs already: store, cache, parts, streams, market; back in reverse."""
    async with AsyncExitStack() as stack:
        store = await Store.open(settings, clock)
        stack.push_async_callback(store.close)
        cache = None
        if settings.redis.url is not None:
            cache = Cache.open(settings.redis, clock)
            stack.push_async_callback(cache.close)
        simulated = None if dev is None else dev.environment
        parts = build(settings, clock, store, cache, voting=voting, environment=simulated)
        wire(parts)
        if parts.venue_door is not None:
            stack.push_async_callback(parts.venue_door.close)
        stack.push_async_callback(parts.supervisor.stop)
        supervise(parts)
        try:
            await warm(parts)
        except ChronoError as error:
            if error.reason is not DATABASE_AWAY:
                raise
            log.warning("window_not_warmed", cause=str(error))
        try:
            await parts.fast_door.start()
        except OSError as taken:
            raise ChronoError(PORT_TAKEN, port=settings.server.stream_port, setting="server.stream_port") from taken
        stack.push_async_callback(parts.fast_door.stop)
        if dev is not None and dev.market != LIVE:
            _play(parts, dev)
        yield parts


def _play(parts: Parts, dev: DevOptions) -> None:
    """Start the market of `chrono dev` where venues are not read: an invented one, or a tape."""
    from chrono.ingest.venues.behind import Behind
    from chrono.market.tapes import open_tape
    from chrono.simulation.market import SimulatedMarket
    from chrono.simulation.playing import play

    sink = parts.ingest.keep
    if dev.market == SIMULATED:

        async def simulate() -> None:
            # It began a moment ago, so that the first look already finds every market priced.
            start_ns = parts.clock.now_ns() - SIMULATED_BEFORE_S * SECOND_NS
            await SimulatedMarket(seed=1, start_ns=start_ns).run(parts.clock, sink)

        parts.supervisor.start("market", simulate)
        return
    tape, trades = open_tape(dev.market), Behind(parts.store.trades.write, parts.clock, "trades")
    parts.supervisor.start("tape_trades", trades.run)
    parts.supervisor.start("market", lambda: play(tape, parts.clock, sink, keep=trades.add))


@contextmanager
def _announced(settings: Settings, port: int, stream_port: int) -> Iterator[None]:
    """Tell the command line where this process answers, as long as it does."""
    # An address for everyone is reached from here by loopback; an IPv6 one stands in brackets.
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.server.host, settings.server.host)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    path = Path(settings.data_dir) / SERVER_FILE
    told = {"url": f"http://{host}:{port}", "stream_url": f"ws://{host}:{stream_port}/stream", "pid": os.getpid()}
    path.write_text(json.dumps(told))
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    # Not for the duty: uvloop looks names up in four threads of the whole process, where those of dead venues wait.
    import uvloop

    return uvloop.Loop
