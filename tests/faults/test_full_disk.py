"""A disk that is really full costs no feed that was answered with 200, and nothing but ingest stops."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.fakes.disks import SmallDisk, small_disk
from tests.fakes.house import ADMIN_KEY, PUBLIC_KEY, House
from tests.fakes.senders import Sender
from tests.fakes.servers import postgres_server
from tests.faults.test_kills import (
    acknowledged,
    assert_nothing_lost,
    drained,
    judge,
    postmaster,
    start_senders,
    url_of,
    wait_for,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), pytest.mark.xdist_group("faults")]

SPOOL_DISK_MB = 6
POSTGRES_DISK_MB = 96
"""A fresh embedded PostgreSQL takes 40 of them."""


def bulky_batch() -> list[dict[str, Any]]:
    """More than fits into what a full disk's last pages have left; a small batch may still be taken there."""
    at_ms = int(time.time() * 1000)
    note = {"note": "x" * 1500}
    return [
        {"symbol": "FULL/USD", "price": "1.5", "source": f"prober-{n}", "timestamp": at_ms, "metadata": note}
        for n in range(100)
    ]


def wait_until_refused(house: House, senders: list[Sender], within_s: float = 60) -> None:
    """Until both senders are told 503 again and again."""
    before = [sender.refused for sender in senders]

    def all_are() -> bool:
        return all(s.refused > refused + 3 for s, refused in zip(senders, before, strict=True))

    wait_for(all_are, within_s, f"the disk never filled:\n{house.log()}")


def wait_until_taken(house: House, senders: list[Sender], within_s: float = 60) -> None:
    """Until feeds are answered with 200 again."""
    before = acknowledged(senders)
    wait_for(lambda: acknowledged(senders) > before + 200, within_s, f"no 200 again:\n{house.log()}")


def assert_only_ingest_stopped(house: House) -> None:
    """A 503 with its reason for ingest; everything that reads memory answers, and both doors take new readers."""
    status, answer = house.ingest(bulky_batch())
    assert (status, answer["error"]["code"], answer["error"]["details"]["reason"]) == (
        503, "DATABASE_ERROR", "spool_full",
    )  # fmt: skip
    assert "disk" in answer["error"]["message"]
    assert str(house.data_dir) not in json.dumps(answer)
    status, prices = house.get("/prices/latest?symbols=F00/USD")
    assert (status, len(prices["data"])) == (200, 1)
    assert house.get("/live")[0] == 200
    assert house.get("/health")[1]["status"] == "degraded"
    for port in (house.port, house.stream_port):
        with connect(f"ws://127.0.0.1:{port}/stream?key={PUBLIC_KEY}") as reader:
            reader.send(json.dumps({"action": "subscribe", "symbols": ["F00/USD"]}))
            kinds = [json.loads(reader.recv(60)) for _ in range(3)]
            assert [frame["type"] for frame in kinds] == ["hello", "subscribed", "snapshot"]
            assert kinds[2]["data"][0]["symbol"] == "F00/USD"


def finish(senders: list[Sender]) -> None:
    for sender in senders:
        assert sender.is_alive(), "a sender was answered with something else than 200 or 503"
        sender.finish()


@pytest.fixture
def spool_disk() -> SmallDisk:
    with small_disk(SPOOL_DISK_MB) as disk:
        yield disk


@pytest.fixture
def postgres_disk() -> SmallDisk:
    with small_disk(POSTGRES_DISK_MB) as disk:
        yield disk


def test_a_spool_that_fills_its_disk_costs_no_answered_feed_and_drains(spool_disk: SmallDisk) -> None:
    since_ms = int(time.time() * 1000)
    with postgres_server() as postgres:
        environment = {"DATABASE_URL": url_of(postgres.database())}
        with House(environment, data_dir=spool_disk.path) as house:
            house.start()
            spool_disk.fill(leave_kb=2048)
            senders = start_senders(house, count=2)
            wait_until_taken(house, senders)
            postgres.stop()
            wait_until_refused(house, senders)
            assert_only_ingest_stopped(house)
            spool_disk.free()
            wait_until_taken(house, senders)  # there is room again, though PostgreSQL is still away
            wait_until_refused(house, senders)
            postgres.start()
            wait_for(lambda: drained(house), 60, f"the spool never drained:\n{house.log()}")
            wait_until_taken(house, senders)
            finish(senders)
            assert_nothing_lost(judge(house, senders, since_ms))
            assert house.ingest(bulky_batch())[0] == 200


def test_kill_9_on_a_full_disk_hinders_no_start_and_costs_no_answered_feed(spool_disk: SmallDisk) -> None:
    since_ms = int(time.time() * 1000)
    with postgres_server() as postgres:
        environment = {"DATABASE_URL": url_of(postgres.database())}
        with House(environment, data_dir=spool_disk.path) as house:
            house.start()
            spool_disk.fill(leave_kb=2048)
            senders = start_senders(house, count=2)
            wait_until_taken(house, senders)
            postgres.stop()
            for _ in range(3):
                wait_until_refused(house, senders)
                spool_disk.fill()
                house.kill()
                house.start()
            wait_until_refused(house, senders)
            assert house.ingest(bulky_batch())[0] == 503
            postgres.start()
            wait_until_taken(house, senders)
            finish(senders)
            assert_nothing_lost(judge(house, senders, since_ms))


def test_postgresql_out_of_disk_is_never_a_false_200(postgres_disk: SmallDisk) -> None:
    since_ms = int(time.time() * 1000)
    with House(data_dir=postgres_disk.path) as house:
        house.start()
        senders = start_senders(house, count=2)
        wait_until_taken(house, senders)
        before = acknowledged(senders)
        postgres_disk.fill(leave_kb=1024)
        wait_until_refused(house, senders, within_s=120)
        assert acknowledged(senders) > before, "what fitted was not taken"
        assert_only_ingest_stopped(house)
        postgres_disk.free()
        wait_until_taken(house, senders, within_s=120)
        finish(senders)
        assert_nothing_lost(judge(house, senders, since_ms))


def test_postgresql_killed_by_its_full_disk_comes_back_with_everything(postgres_disk: SmallDisk) -> None:
    since_ms = int(time.time() * 1000)
    with House(data_dir=postgres_disk.path) as house:
        house.start()
        senders = start_senders(house, count=2)
        wait_until_taken(house, senders)
        postgres_disk.fill()
        postmaster(house).kill()
        wait_until_refused(house, senders, within_s=120)
        assert house.get("/prices/latest?symbols=F00/USD", ADMIN_KEY)[0] == 200
        postgres_disk.free()
        wait_until_taken(house, senders, within_s=120)
        finish(senders)
        assert_nothing_lost(judge(house, senders, since_ms))


def test_postgresql_out_of_disk_beside_a_spool_with_room_goes_on_taking_feeds() -> None:
    since_ms = int(time.time() * 1000)
    with small_disk(POSTGRES_DISK_MB, below="postgres") as disk, House(data_dir=disk.path.parent) as house:
        house.start()
        senders = start_senders(house, count=2)
        wait_until_taken(house, senders)
        disk.fill()
        wait_for(lambda: not drained(house), 60, f"PostgreSQL found room:\n{house.log()}")
        wait_until_taken(house, senders)
        assert house.get("/health")[1]["services"]["database"] == "degraded"
        disk.free()
        wait_for(lambda: drained(house), 60, f"the spool never drained:\n{house.log()}")
        finish(senders)
        assert [sender.refused for sender in senders] == [0, 0]
        assert_nothing_lost(judge(house, senders, since_ms))


class Unheard(House):
    """A house whose every log line meets a full disk."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(environment)
        self.log_path.symlink_to("/dev/full")

    def log(self) -> str:
        return "(there is none: the disk of the log is full)"


def test_a_log_whose_disk_is_full_stops_nothing_and_is_counted() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("NOT TESTED HERE: a log on a full disk; this system has no /dev/full")
    since_ms = int(time.time() * 1000)
    with (
        postgres_server() as postgres,
        Unheard({"DATABASE_URL": url_of(postgres.database()), "CHRONO__LOGS__LEVEL": "debug"}) as house,
    ):
        house.start()
        senders = start_senders(house, count=2)
        wait_until_taken(house, senders)
        postgres.stop()  # there is much to say: away, spooling, waiting, drained
        wait_for(lambda: not drained(house), 30, "nothing was spooled")
        wait_until_taken(house, senders)
        postgres.start()
        wait_for(lambda: drained(house), 60, "the spool never drained")
        finish(senders)
        assert [sender.refused for sender in senders] == [0, 0]
        status, health = house.get("/health")
        assert (status, [name for name, part in health["parts"].items() if part["restarts"]]) == (200, [])
        lost = [line for line in house.request("GET", "/metrics")[1].decode().splitlines() if "log_lines_lost" in line]
        assert float(lost[-1].split()[1]) > 3
        assert_nothing_lost(judge(house, senders, since_ms))
