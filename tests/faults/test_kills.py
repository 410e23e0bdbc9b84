"""What was answered with 200 is never lost and never doubled, whatever is killed."""

import os
import random
import signal
import time
from collections.abc import Callable
from urllib.parse import quote

import psutil
import pytest

from tests.fakes.house import House
from tests.fakes.senders import Sender, stored, verdict
from tests.fakes.servers import postgres_server

LONG = os.environ.get("CHRONO_FAULTS") == "long"
CHRONO_KILLS = 200 if LONG else 10
POSTGRES_KILLS = 20 if LONG else 5
AWAY_S = 60 if LONG else 10

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600), pytest.mark.xdist_group("faults")]


def url_of(conninfo: str) -> str:
    """The same connection as a URL, as an operator writes it."""
    parts = dict(pair.split("=", 1) for pair in conninfo.split())
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(parts['host'], safe='')}&port={parts['port']}"


def start_senders(house: House, count: int = 4, per_s: float | None = None) -> list[Sender]:
    senders = [Sender(house, number, per_s=per_s) for number in range(count)]
    for sender in senders:
        sender.start()
    return senders


def wait_for(condition: Callable[[], bool], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def acknowledged(senders: list[Sender]) -> int:
    return sum(len(sender.acknowledged) for sender in senders)


def judge(house: House, senders: list[Sender], since_ms: int) -> dict[str, int]:
    """The verdict once everything spooled is drained."""
    wait_for(lambda: drained(house), 90, f"the spool never drained:\n{house.log()}")
    return verdict(senders, stored(house, [f"sender-{n}" for n in range(len(senders))], since_ms))


def drained(house: House) -> bool:
    status, body = house.request("GET", "/metrics")
    lines = body.decode().splitlines()
    return status == 200 and any(line.startswith("chrono_spool_bytes 0.0") for line in lines)


def is_postgres(child: psutil.Process) -> bool:
    """Whether this child is a PostgreSQL that lives; it may have ended since it was listed."""
    try:
        return bool(child.name().startswith("postgres") and child.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def postmaster(house: House) -> psutil.Process:
    """The running embedded PostgreSQL, waited for: after a kill it is started again with back-off."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = [child for child in psutil.Process(house.pid).children() if is_postgres(child)]
        return bool(found)

    wait_for(is_there, 60, f"PostgreSQL did not come back:\n{house.log()}")
    return found[0]


def assert_nothing_lost(found: dict[str, int]) -> None:
    print(found)
    assert found["acknowledged"] > 0
    assert {name: found[name] for name in ("lost", "doubled", "changed", "unknown")} == {
        "lost": 0,
        "doubled": 0,
        "changed": 0,
        "unknown": 0,
    }


def test_kill_9_of_chrono_at_random_instants_loses_and_doubles_nothing() -> None:
    seeded = random.Random(20251010)
    since_ms = int(time.time() * 1000)
    with House() as house:
        house.start()
        senders = start_senders(house)
        for _ in range(CHRONO_KILLS):
            before = acknowledged(senders)
            wait_for(lambda: acknowledged(senders) > before, 30, house.log())  # noqa: B023 - called at once
            time.sleep(seeded.uniform(0.0, 0.5))  # the random instant is the fault, not a synchronisation
            house.kill()
            house.start()
        for sender in senders:
            sender.finish()
        assert sum(sender.unanswered for sender in senders) >= CHRONO_KILLS / 2, "no kill met a request"
        assert_nothing_lost(judge(house, senders, since_ms))


def test_kill_9_of_postgresql_loses_and_doubles_nothing() -> None:
    seeded = random.Random(7)
    since_ms = int(time.time() * 1000)
    with House() as house:
        house.start()
        senders = start_senders(house)
        for _ in range(POSTGRES_KILLS):
            before = acknowledged(senders)
            wait_for(lambda: acknowledged(senders) > before + 200, 60, house.log())  # noqa: B023 - called at once
            time.sleep(seeded.uniform(0.0, 0.5))
            killed = postmaster(house)
            killed.send_signal(signal.SIGKILL)
            wait_for(lambda: not killed.is_running() or killed.status() == "zombie", 10, "still there")  # noqa: B023
        after = acknowledged(senders)
        wait_for(lambda: acknowledged(senders) > after + 200, 60, house.log())
        for sender in senders:
            sender.finish()
        assert house.process is not None
        assert house.process.poll() is None
        assert_nothing_lost(judge(house, senders, since_ms))


def test_postgresql_stopped_under_1000_feeds_a_second_costs_no_answered_feed() -> None:
    since_ms = int(time.time() * 1000)
    with postgres_server() as postgres, House({"DATABASE_URL": url_of(postgres.database())}) as house:
        house.start()
        senders = start_senders(house, count=2, per_s=500)
        wait_for(lambda: acknowledged(senders) > 500, 30, house.log())
        before = acknowledged(senders)
        postgres.stop()
        until = time.monotonic() + AWAY_S
        seen: set[str] = set()
        while time.monotonic() < until:
            status, answer = house.get("/prices/latest?symbols=F00/USD")
            assert status == 200, answer
            seen.add(answer["data"][0]["timestamp"])
            time.sleep(0.5)
        assert acknowledged(senders) - before > AWAY_S * 300, "ingest did not go on without PostgreSQL"
        assert len(seen) > AWAY_S, "latest prices stood still without PostgreSQL"
        postgres.start()
        wait_for(lambda: drained(house), 60, f"the spool did not drain within 60 s:\n{house.log()}")
        for sender in senders:
            sender.finish()
        assert_nothing_lost(judge(house, senders, since_ms))


def test_a_frozen_postgresql_hangs_nobody() -> None:
    since_ms = int(time.time() * 1000)
    environment = {"CHRONO__STORE__DEADLINE_S": "1"}
    with postgres_server() as postgres, House({**environment, "DATABASE_URL": url_of(postgres.database())}) as house:
        house.start()
        senders = start_senders(house, count=2, per_s=500)
        wait_for(lambda: acknowledged(senders) > 200, 30, house.log())
        postgres.freeze()
        before = acknowledged(senders)
        wait_for(lambda: acknowledged(senders) > before + 1000, 30, house.log())
        postgres.thaw()
        for sender in senders:
            sender.finish()
        assert_nothing_lost(judge(house, senders, since_ms))
