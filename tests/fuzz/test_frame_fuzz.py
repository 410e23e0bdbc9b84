"""Whatever a client says to either door of the streams: the process lives, and its other readers notice nothing."""

import asyncio
import json
import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.house import ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY, House
from tests.fuzz.frames import CLOSE, End, FrameGun, Talk, words
from tests.fuzz.openings import ORIGIN

TIMES = 20 if os.environ.get("CHRONO_FUZZ") == "long" else 1
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251009"))
ONLY = os.environ.get("CHRONO_FUZZ_SHOT")
WARM_UP = 600
TALKS = 3_000 * TIMES
LANES = 8
MOST_GROWTH = 30 * 1024 * 1024
PATIENCE_S = 20.0
OPENING_S = 1.0
MOST_MUTE = 0.02
"""Share of conversations that granian (2.8.7) may leave open and mute, at the main door, after a client broke RFC 6455.
Our side of them is gone after `stall_s` and a second: at the end nothing may be held."""
MOST_FILES = 10
"""More than at the start: connections of the pool."""
DOORS = ("main", "fast")
MOST_FAILURES = 12
ALARMS = (
    "Traceback", "nhandled", "request_failed", "reader_broke", "part_crashed", "Task exception", "never retrieved", "panicked",
)  # fmt: skip
"""What must not stand in the log."""

pytestmark = [pytest.mark.timeout(1800 * TIMES), pytest.mark.xdist_group("fuzz")]


class WrongEndError(AssertionError):
    """A conversation did not end as it must."""


class MuteError(AssertionError):
    """Neither an answer nor an end came."""


class Raw:
    """One connection, as bytes: the handshake's status, then the frames of the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def status(self) -> int | None:
        """The status of the answer to the handshake; None when there is none."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return int(head.split(b" ")[1])

    async def frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame; None at the end of the connection."""
        try:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return first & 0x0F, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def end(self, last_id: str) -> int | str:
        """How it ended: `pong` when the last ping was answered, else the close code, or `cut`."""
        while (got := await self.frame()) is not None:
            opcode, payload = got
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])
            if opcode == 1:
                told = json.loads(payload)
                if told["type"] == "pong" and told["id"] == last_id:
                    return "pong"
                if told["type"] == "error":
                    assert set(told["error"]) == {"code", "message", "details", "request_id"}, told
                    assert told["status"] < 500, told
        return "cut"


async def hold(talk: Talk, port: int, last_id: str) -> str:
    """Hold one conversation; how it ended, as a word to count. Raises: WrongEndError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**21)
    raw = Raw(reader, writer)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _hold(talk, raw, last_id)
    except TimeoutError:
        raise MuteError from None
    finally:
        writer.close()


async def _hold(talk: Talk, raw: Raw, last_id: str) -> str:
    raw.writer.write(talk.handshake)
    if talk.end is End.LEFT:
        for sent in talk.sent:
            raw.writer.write(sent)
        with suppress(ConnectionError):
            await raw.writer.drain()
        return "left"
    try:
        status = await asyncio.wait_for(raw.status(), OPENING_S if talk.kind == "openings" else None)
    except TimeoutError:
        return "opening silent"  # half a head, for which the server may wait
    if status is not None and status >= 500:
        raise WrongEndError(f"{status} to a handshake")
    if status != 101:
        if talk.kind != "openings":
            raise WrongEndError(f"{status} to a sound handshake")
        return f"opening {status}"
    if talk.kind == "openings":
        return "opening 101"
    for sent in [*talk.sent, words({"action": "ping", "id": last_id})]:
        raw.writer.write(sent)
    if talk.kind == "flipped":
        with suppress(OSError):  # a length that grew would be waited for: there is no more
            raw.writer.write_eof()
    ended = await raw.end(last_id)
    if talk.end is End.ANSWERED and ended != "pong":
        raise WrongEndError(f"ended with {ended}")
    if talk.end is End.CLOSED and ended == "pong":
        raise WrongEndError("went on")
    if talk.codes is not None and ended not in talk.codes:
        raise WrongEndError(f"ended with {ended}, not one of {sorted(talk.codes)}")
    return f"{talk.kind} {ended}"


class Witness:
    """A well-behaved reader beside the hostile ones: every frame in its place, every price in its order."""

    def __init__(self, door: str, client: ClientConnection) -> None:
        self.door, self._client = door, client
        self.newest = 0.0
        self.heard = 0
        self._seq = 0

    @classmethod
    async def sit_down(cls, house: House, door: str) -> "Witness":
        port = house.port if door == "main" else house.stream_port
        client = await connect(f"ws://127.0.0.1:{port}/stream?key={PUBLIC_KEY}", origin=ORIGIN)  # type: ignore[arg-type]
        await client.send(json.dumps({"action": "subscribe", "symbols": ["FUZZ/USD"], "sources": True}))
        return cls(door, client)

    async def listen(self) -> None:
        """Judge every frame, until cancelled."""
        async for message in self._client:
            told: dict[str, Any] = json.loads(message)
            if told["type"] in ("snapshot", "price_update"):
                self._seq += 1
                assert told["seq"] == self._seq, f"{self.door}: frame {told['seq']} came where {self._seq} was due"
            if told["type"] == "price_update" and told["data"]["source"] == "witnessed":
                price = float(told["data"]["price"])
                assert price > self.newest, f"{self.door}: {price} after {self.newest}"
                self.newest = price
                self.heard += 1
            assert told["type"] not in ("error", "going_away"), told
        raise AssertionError(f"the witness at the {self.door} door was sent away")

    async def leave(self) -> None:
        await self._client.close()


async def publish(house: House, said: list[float], enough: asyncio.Event) -> None:
    """A higher price every 30 ms, until it is enough; `said` are those that were taken.

    It is asked to end and never cancelled: a request in its thread would go on, and its price be heard and not said.
    """
    while not enough.is_set():
        price = float(len(said) + 1)
        feed = {"symbol": "FUZZ/USD", "price": str(price), "source": "witnessed", "timestamp": int(time.time() * 1000)}
        status, answer = await asyncio.to_thread(house.ingest, [feed])
        assert (status, answer["failed"]) == (200, 0), answer
        said.append(price)
        await asyncio.sleep(0.03)


async def volley(house: House, gun: FrameGun, numbers: range, ends: Counter[str], keep: Path) -> None:
    """All conversations of the range, `LANES` at a time, by turns at both doors. Raises: the first few failures."""
    turn = iter(numbers)
    failures: list[AssertionError] = []

    async def lane() -> None:
        for number in turn:
            talk, door = gun.talk(number), DOORS[number % 2]
            try:
                ended = await hold(talk, house.port if door == "main" else house.stream_port, f"last-{number}")
            except MuteError as mute:
                if door == "main" and talk.end is not End.ANSWERED:
                    ends["mute"] += 1
                    continue
                failures.append(AssertionError(_told(number, door, talk, mute, keep)))
            except Exception as failed:  # noqa: BLE001 - all are raised together
                failures.append(AssertionError(_told(number, door, talk, failed, keep)))
                if len(failures) >= MOST_FAILURES:
                    return
                continue
            ends[f"{door} {ended}"] += 1

    await asyncio.gather(*(lane() for _ in range(LANES)))
    if failures:
        raise ExceptionGroup("conversations that did not end as they must", failures)


def _told(number: int, door: str, talk: Talk, failed: Exception, keep: Path) -> str:
    kept = keep / f"talk-{number}.bin"
    kept.write_bytes(talk.handshake + b"".join(talk.sent))
    return (
        f"CHRONO_FUZZ_SEED={SEED} CHRONO_FUZZ_SHOT={number} ({talk.kind} at the {door} door): {failed!r}\n"
        f"whole in {kept}: {talk.handshake[:200]!r} {b''.join(talk.sent)[:100]!r}"
    )


async def fire(house: House, keep: Path) -> Counter[str]:
    """The whole bombardment, with witnesses at both doors."""
    ends: Counter[str] = Counter()
    gun, process = FrameGun(SEED), psutil.Process(house.pid)
    if ONLY is not None:
        await volley(house, gun, range(int(ONLY), int(ONLY) + 1), ends, keep)
        return ends
    said, enough = list[float](), asyncio.Event()
    witnesses = [await Witness.sit_down(house, door) for door in DOORS]
    publishing = asyncio.create_task(publish(house, said, enough))
    listening = [asyncio.create_task(witness.listen()) for witness in witnesses]
    await volley(house, gun, range(WARM_UP), ends, keep)
    warm = process.memory_info().rss
    await volley(house, gun, range(WARM_UP, WARM_UP + TALKS), ends, keep)
    grown = process.memory_info().rss - warm
    assert ends["mute"] <= MOST_MUTE * sum(ends.values()), ends
    enough.set()
    await publishing
    async with asyncio.timeout(60):
        while any(witness.newest < said[-1] for witness in witnesses):
            assert not any(task.done() for task in listening), listening
            await asyncio.sleep(0.05)
    for task, witness in zip(listening, witnesses, strict=True):
        task.cancel()
        assert witness.heard == len(said), f"{witness.door}: {witness.heard} of {len(said)} prices"
        await witness.leave()
    print(f"memory {warm / 2**20:.0f} MiB after the warm-up, {grown / 2**20:+.1f} MiB since; {len(said)} prices")
    assert grown < MOST_GROWTH, f"memory grew by {grown / 2**20:.1f} MiB"
    return ends


def held_at_the_end(house: House) -> tuple[int, list[str]]:
    """The connections that Chrono still holds, once it has had the time in which it cuts those that say nothing."""
    until = time.monotonic() + 30
    while True:
        status, metrics = house.request("GET", "/metrics")
        held = [line for line in metrics.decode().splitlines() if line.startswith("chrono_ws_connections{")]
        if all(line.endswith(" 0.0") for line in held) or time.monotonic() > until:
            return status, held
        time.sleep(0.1)


def test_no_frame_makes_chrono_fail_and_other_readers_notice_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    environment = {
        "CHRONO__LOGS__LEVEL": "info",
        "CHRONO__STREAM__MESSAGES_PER_S": "200",
        "CHRONO__STREAM__ORIGINS": ORIGIN,
    }
    with House(environment) as house:
        house.start()
        before = psutil.Process(house.pid).num_fds()
        ends = asyncio.run(fire(house, tmp_path))
        assert house.get("/live")[0] == 200
        log = house.log_path.read_text(errors="replace")
        (tmp_path / "chrono.log").write_text(log)
        assert not [line for line in log.splitlines() if any(alarm in line for alarm in ALARMS)]
        assert not [key for key in (ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY) if key in log], "a key is in the log"
        status, held = held_at_the_end(house)
        files = psutil.Process(house.pid).num_fds()
        print(f"{sum(ends.values())} conversations in {time.monotonic() - began:.0f} s; seed {SEED}; {dict(ends)}")
        print(f"{files} open files, {before} before")
        assert status == 200
        assert all(line.endswith(" 0.0") for line in held), f"connections are still held: {held}"
        assert files < before + MOST_FILES, f"{files} open files, {before} before"
