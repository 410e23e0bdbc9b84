"""Whatever bytes arrive: no 5xx, one form of error, no good feed lost, and memory stays where it was."""

import asyncio
import gc
import json
import os
import time
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from chrono.api.gate import BODY_DEADLINE_S
from tests.fakes.house import ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY, House
from tests.fuzz.corpus import SYMBOLS
from tests.fuzz.hostile import Gun
from tests.fuzz.shots import Shot
from tests.fuzz.wire import BROKEN_PATIENCE_S, Closed, Reply, Wire

TIMES = 20 if os.environ.get("CHRONO_FUZZ") == "long" else 1
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251009"))
ONLY = os.environ.get("CHRONO_FUZZ_SHOT")
WARM_UP = 3_000
SHOTS = 18_000 * TIMES
LANES = 8
MOST_GROWTH = 50 * 1024 * 1024

pytestmark = [pytest.mark.timeout(1800 * TIMES), pytest.mark.xdist_group("fuzz")]

Key = tuple[str, str, int]


class Judge:
    """What every answer is held against, and the good feeds that were taken."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.taken: dict[Key, Decimal] = {}
        self.disturbed: set[Key] = set()

    def answered(self, shot: Shot, reply: Reply, took_s: float) -> None:
        """Every promise that holds for this answer, which came after `took_s` seconds."""
        self.statuses[str(reply.status)] += 1
        if not shot.bodiless and reply.status >= 400:
            _check_error(shot, reply)
        # On a busy machine this client may itself be too slow with a body; Chrono is right to say so.
        too_slow = reply.status == 408 and took_s >= BODY_DEADLINE_S
        if shot.statuses is not None and not too_slow:
            assert reply.status in shot.statuses, (
                f"{reply.status} is none of {sorted(shot.statuses)}: {reply.body[:500]!r}"
            )
        if reply.status == 200 and shot.body:
            self._check_counts(shot, json.loads(reply.body))

    def _check_counts(self, shot: Shot, receipt: dict[str, Any]) -> None:
        refused = {error["index"] for error in receipt["errors"]}
        sent = _feeds_in(shot.body)
        assert receipt["failed"] == len(receipt["errors"]) == len(refused), receipt
        if sent is not None:
            assert receipt["ingested"] + receipt["failed"] == len(sent), f"{len(sent)} feeds sent: {receipt}"
        if shot.bad is not None:
            assert refused == shot.bad, f"refused {refused}, but at fault are {set(shot.bad)}: {receipt}"
        originals = {_key(feed): feed for feed in shot.feeds.values()}
        for place, feed in enumerate(sent or []):
            if feed in shot.feeds.values():
                assert place not in refused, f"feed {place} is good, but was refused: {receipt}"
                self.taken[_key(feed)] = Decimal(feed["price"])
            elif place not in refused:
                self.disturbed.add(_key(feed))
        # A feed that was sent twice under one key: the first wins, whichever it was.
        self.disturbed |= {key for key in originals if sum(_key(feed) == key for feed in sent or []) > 1}


def _check_error(shot: Shot, reply: Reply) -> None:
    if (shot.broken or shot.bare) and not reply.headers.get("content-type", "").startswith("application/json"):
        assert reply.status < 500, "5xx to bytes that are no HTTP"
        return
    assert reply.body, f"a bare {reply.status}: {reply.headers}"
    if reply.status == 503 and shot.request.split(b" ")[1] in (b"/ready", b"/health"):
        return  # they say by a 503 of their own form that there are no fresh prices
    envelope = json.loads(reply.body)
    assert set(envelope) == {"error", "status"}, envelope
    assert set(envelope["error"]) == {"code", "message", "details", "request_id"}, envelope
    assert envelope["status"] == reply.status, envelope
    assert envelope["error"]["request_id"] == reply.headers["x-request-id"], (envelope, reply.headers)
    assert reply.headers["content-type"].startswith("application/json"), reply.headers
    if reply.status >= 500:
        documented = {"STALE_PRICE"}
        assert reply.status == 503, envelope
        assert envelope["error"]["code"] in documented, envelope


def _feeds_in(body: bytes) -> list[Any] | None:
    """The feeds of a body as a plain JSON reader sees them; None when it sees none (a lax server may see more)."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    feeds = parsed.get("feeds", [parsed])
    return feeds if isinstance(feeds, list) else None


def _key(feed: Any) -> Key:
    """What the store knows a feed by; times that are not plain milliseconds are read as far as they can be."""
    if not isinstance(feed, dict):
        return ("", "", 0)
    at = feed.get("timestamp")
    return (
        str(feed.get("symbol")),
        str(feed.get("source")),
        int(at) if isinstance(at, (int, float)) and abs(at) < 1e18 else 0,
    )


async def _fire(wire: Wire, shot: Shot, judge: Judge) -> None:
    judge.kinds[shot.kind] += 1
    if shot.drop:
        await wire.drop(shot.request)
        judge.statuses["dropped"] += 1
        return
    if shot.broken:
        wire.close()
    began_s = time.monotonic()
    try:
        if shot.broken:
            reply = await wire.ask(shot.request, patience_s=BROKEN_PATIENCE_S)
            wire.close()
        else:
            reply = await wire.ask(shot.request, bodiless=shot.bodiless)
    except (Closed, TimeoutError) as none:
        assert shot.broken or shot.may_close, f"no answer: {none!r}"
        judge.statuses[f"{shot.kind} {'closed' if isinstance(none, Closed) else 'silent'}"] += 1
        return
    judge.answered(shot, reply, time.monotonic() - began_s)


async def _volley(house: House, gun: Gun, judge: Judge, numbers: range, keep: Path) -> None:
    """All shots of the range over `LANES` kept-alive connections."""
    turn = iter(numbers)

    async def lane() -> None:
        wire = Wire(house.port)
        try:
            for number in turn:
                shot = gun.shot(number)
                try:
                    await _fire(wire, shot, judge)
                    if number % 500 == 0:
                        live = await wire.ask(b"GET /live HTTP/1.1\r\nHost: fuzz\r\n\r\n")
                        assert live.status == 200, live
                except Exception as failed:
                    kept = keep / f"shot-{number}.bin"
                    kept.write_bytes(shot.request)
                    raise AssertionError(
                        f"CHRONO_FUZZ_SEED={SEED} CHRONO_FUZZ_SHOT={number} ({shot.kind}): {failed!r}\n"
                        f"request, whole in {kept}: {shot.request[:1500]!r}"
                    ) from failed
        finally:
            wire.close()

    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(lane())


def _stored(house: House, symbol: str, from_ms: int, to_ms: int) -> dict[Key, Decimal]:
    """Every quote of a market that Chrono gives back."""
    found: dict[Key, Decimal] = {}
    cursor = ""
    while True:
        path = f"/prices/range?symbol={symbol}&from={from_ms}&to={to_ms}&limit=10000{cursor}"
        status, page = house.get(path, ADMIN_KEY)
        assert status == 200, page
        for row in page["data"]:
            at_ms = round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
            found[row["symbol"], row["source"], at_ms] = Decimal(row["price"])
        if not page["next"]:
            return found
        cursor = f"&cursor={page['next']}"


def _check_kept(house: House, judge: Judge, from_ms: int) -> None:
    """Every good feed that was taken can be read back, at its price."""
    kept: dict[Key, Decimal] = {}
    for symbol in SYMBOLS:
        kept |= _stored(house, symbol, from_ms, from_ms + 3_600_000)
    lost = [key for key in judge.taken if key not in kept]
    assert not lost, f"{len(lost)} of {len(judge.taken)} feeds that were taken are lost, such as {lost[:5]}"
    changed = [key for key, price in judge.taken.items() if kept[key] != price and key not in judge.disturbed]
    assert not changed, (
        f"{len(changed)} feeds changed, such as {[(key, judge.taken[key], kept[key]) for key in changed[:5]]}"
    )


def test_no_bytes_make_chrono_fail_lose_a_feed_or_grow(tmp_path: Path) -> None:
    began = time.monotonic()
    base_ms = int(time.time() * 1000) - 120_000
    judge = Judge()
    with House({"CHRONO__LOGS__LEVEL": "error"}) as house:
        house.start()
        gun = Gun(SEED, base_ms)
        if ONLY is not None:
            asyncio.run(_volley(house, gun, judge, range(int(ONLY), int(ONLY) + 1), tmp_path))
            return
        process = psutil.Process(house.pid)
        asyncio.run(_volley(house, gun, judge, range(WARM_UP), tmp_path))
        warm = process.memory_info().rss
        asyncio.run(_volley(house, gun, judge, range(WARM_UP, WARM_UP + SHOTS), tmp_path))
        gc.collect()
        grown = process.memory_info().rss - warm
        assert house.get("/live")[0] == 200
        _check_kept(house, judge, base_ms)
        assert "request_failed" not in house.log()
        assert not [key for key in (ADMIN_KEY, INTERNAL_KEY, PUBLIC_KEY) if key in house.log()], "a key is in the log"
        print(
            f"{sum(judge.kinds.values())} shots in {time.monotonic() - began:.0f} s; seed {SEED}; {dict(judge.kinds)}"
        )
        print(f"answers {dict(judge.statuses)}; {len(judge.taken)} good feeds read back")
        print(f"memory {warm / 2**20:.0f} MiB after the warm-up, {grown / 2**20:+.1f} MiB since")
        assert grown < MOST_GROWTH, f"memory grew by {grown / 2**20:.1f} MiB"
