"""PostgreSQL dies, freezes, comes back; Chrono itself is killed: no acknowledged row is lost, none is doubled."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from chrono.clock import SECOND_NS, SystemClock
from chrono.errors import DATABASE_AWAY, SPOOL_FULL, ChronoError
from chrono.market.names import Market
from chrono.settings import Ingest, Secret, Settings
from chrono.settings import Store as StoreSettings
from chrono.store.door import Store
from chrono.store.rows import quote_batch
from chrono.store.spool import Spool
from tests.fakes.quoting import numbered, quote
from tests.fakes.servers import open_store, pids_of, postgres_server, running

ROOT = Path(__file__).parents[3]
BTC = Market("BTC/USD")


def signal_all(store, number):
    server = store._server
    for pid in pids_of(server.cluster, server.pid):
        os.kill(pid, number)


async def all_stored(store, now_ns):
    """The stored quotes of the market, once the spool is drained."""
    async with asyncio.timeout(60):
        await store._writer.drained()
    return await store.quotes.range(BTC, now_ns - 10**15, now_ns + 10**15, limit=1_000_000, newest_first=False)


def of(rows):
    return [(q.quoted_at_ns, q.price) for q in rows]


class Sender:
    """Writes numbered quotes one batch after another, and knows which were acknowledged."""

    def __init__(self, store, now_ns, rows=20):
        self.store, self.now_ns, self.rows = store, now_ns, rows
        self.acknowledged = []
        self.refused = 0
        self.acked = asyncio.Condition()

    async def run(self, first, step):
        n = first
        while True:
            batch = numbered(self.now_ns, range(n * self.rows, (n + 1) * self.rows))
            try:
                await self.store.quotes.write(batch)
            except ChronoError:
                self.refused += 1
            else:
                async with self.acked:
                    self.acknowledged += batch
                    self.acked.notify_all()
            n += step

    async def fill(self):
        """Write until it is refused."""
        for n in itertools.count():
            batch = numbered(self.now_ns, range(n * self.rows, (n + 1) * self.rows))
            await self.store.quotes.write(batch)
            self.acknowledged += batch

    async def until(self, more):
        """Wait until `more` further rows were acknowledged."""
        target = len(self.acknowledged) + more
        async with asyncio.timeout(60), self.acked:
            await self.acked.wait_for(lambda: len(self.acknowledged) >= target)

    @asynccontextmanager
    async def sending(self, senders=4):
        tasks = [asyncio.create_task(self.run(n, senders)) for n in range(senders)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def check(sender, store, now_ns):
    found = of(await all_stored(store, now_ns))
    assert len(found) == len(set(found))
    missing = set(of(sender.acknowledged)) - set(found)
    assert not missing, f"{len(missing)} of {len(sender.acknowledged)} acknowledged rows are lost"


@pytest.mark.parametrize("kills", [3])
async def test_postgres_killed_during_writes_costs_no_acknowledged_row(folder, now_ns, kills):
    async with open_store(folder) as store:
        sender = Sender(store, now_ns)
        async with sender.sending():
            for _ in range(kills):
                await sender.until(400)
                signal_all(store, signal.SIGKILL)
                await sender.until(400)  # while it is away, into the spool
                async with asyncio.timeout(60):
                    await store._writer.drained()
        assert sender.refused == 0
        await check(sender, store, now_ns)


async def test_only_the_backends_killed_costs_no_acknowledged_row(folder, now_ns):
    async with open_store(folder) as store:
        sender = Sender(store, now_ns)
        async with sender.sending():
            await sender.until(400)
            for pid in (await store.pids())[1:]:
                with suppress(ProcessLookupError):  # the first one's end takes the others with it
                    os.kill(pid, signal.SIGKILL)
            await sender.until(2000)
        await check(sender, store, now_ns)


async def test_postgres_frozen_during_writes_holds_nobody_beyond_the_deadline_and_costs_no_row(folder, now_ns):
    async with open_store(folder, store=StoreSettings(deadline_s=0.5)) as store:
        sender = Sender(store, now_ns)
        async with sender.sending():
            await sender.until(400)
            signal_all(store, signal.SIGSTOP)
            await sender.until(4000)
            assert store.spooling
            signal_all(store, signal.SIGCONT)
            await sender.until(400)
        await check(sender, store, now_ns)


async def test_reads_of_a_frozen_postgres_end_with_a_name_and_recover(folder, now_ns):
    async with open_store(folder, store=StoreSettings(deadline_s=1.0, pool_size=2)) as store:
        await store.quotes.write([quote(now_ns)])
        signal_all(store, signal.SIGSTOP)
        async with asyncio.timeout(60):
            ends = await asyncio.gather(*(store.ping() for _ in range(50)), return_exceptions=True)
        assert {end.reason for end in ends if isinstance(end, ChronoError)} == {DATABASE_AWAY}
        assert len(ends) == sum(isinstance(end, ChronoError) for end in ends)
        signal_all(store, signal.SIGCONT)
        await until_answers(store)
        assert await store.quotes.newest(BTC) == quote(now_ns)


async def until_answers(store):
    async with asyncio.timeout(60):
        while True:
            try:
                return await store.ping()
            except ChronoError:
                await asyncio.sleep(0.05)


async def test_reads_after_a_restart_of_postgres_do_not_show_the_broken_connections(folder, now_ns):
    async with open_store(folder) as store:
        await asyncio.gather(*(store.ping() for _ in range(6)))
        pid = store.postgres_pid
        signal_all(store, signal.SIGKILL)
        async with asyncio.timeout(60):
            while store.postgres_pid in {None, pid}:
                await asyncio.sleep(0.02)
        await until_answers(store)
        await asyncio.gather(*(store.ping() for _ in range(6)))


async def test_a_caller_who_gives_up_on_a_frozen_read_leaves_nothing_behind(folder):
    async with open_store(folder, store=StoreSettings(deadline_s=1.0, pool_size=1)) as store:
        await store.ping()
        signal_all(store, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.ping()
        signal_all(store, signal.SIGCONT)
        await until_answers(store)
        assert await store.database.fetch("one", "SELECT 2") == [(2,)]


async def test_of_a_spooled_and_a_later_live_quote_of_one_key_the_spooled_stays(folder, now_ns):
    async with open_store(folder) as store:
        signal_all(store, signal.SIGSTOP)
        store._writer.spool_first()
        await store.quotes.write([quote(now_ns, price="1")])
        assert store.spooling
        signal_all(store, signal.SIGCONT)
        await store.quotes.write([quote(now_ns, price="2"), quote(now_ns + SECOND_NS, price="3")])
        assert [q.price for q in await all_stored(store, now_ns)] == [1, 3]


async def test_what_was_spooled_is_drained_in_order_also_beyond_one_group(folder, now_ns, monkeypatch):
    monkeypatch.setattr("chrono.store.writer.DRAIN_ROWS", 100)
    monkeypatch.setattr("chrono.store.writer.LAST_LAP_ROWS", 150)
    async with open_store(folder) as store:
        signal_all(store, signal.SIGSTOP)
        store._writer.spool_first()
        for n in range(50):
            await store.quotes.write(numbered(now_ns, range(n * 20, n * 20 + 30)))  # each overlaps the next by ten
        later = numbered(now_ns, range(1000))
        signal_all(store, signal.SIGCONT)
        await store.quotes.write([quote(q.quoted_at_ns, price="9999999") for q in later])
        found = await all_stored(store, now_ns)
        assert of(found) == of(numbered(now_ns, range(1010)))


async def test_a_crash_between_storing_and_forgetting_doubles_nothing(folder, now_ns):
    spool = Spool(folder / "spool.sqlite3", max_bytes=10**8)
    async with open_store(folder) as store:
        batch = numbered(now_ns, range(300))
        await store.quotes.write(batch)  # stored …
        spool.append([quote_batch(batch[:200]), quote_batch(numbered(now_ns, range(250, 400)))])
        spool.close()  # … and still in the spool, as a crash leaves it
    async with open_store(folder) as store:
        assert of(await all_stored(store, now_ns)) == of(numbered(now_ns, range(400)))
        assert not (folder / "spool.sqlite3").exists()


async def test_a_full_spool_refuses_by_name_and_accepts_again_when_postgres_is_back(folder, now_ns):
    # One megabyte holds some 9,000 such rows.
    async with open_store(folder, ingest=Ingest(spool_max_mb=1)) as store:
        signal_all(store, signal.SIGSTOP)
        store._writer.spool_first()
        sender = Sender(store, now_ns, rows=1000)
        with pytest.raises(ChronoError) as full:
            await sender.fill()
        assert full.value.reason is SPOOL_FULL
        assert len(sender.acknowledged) > 2000
        signal_all(store, signal.SIGCONT)
        await check(sender, store, now_ns)
        assert len(await all_stored(store, now_ns)) == len(sender.acknowledged)
        await store.quotes.write([quote(now_ns - SECOND_NS)])


async def test_a_damaged_spool_is_no_reason_not_to_start(folder, now_ns):
    (folder / "spool.sqlite3").write_bytes(b"rubbish" * 1000)
    async with open_store(folder) as store:
        await store.quotes.write([quote(now_ns)])
        assert await all_stored(store, now_ns) == [quote(now_ns)]
    assert list(folder.glob("spool.sqlite3.damaged-*"))


async def test_an_external_postgres_that_is_away_at_the_start_is_caught_up_with_later(bare_folder, now_ns):
    with postgres_server() as postgres:
        url = postgres.database()
        postgres.stop()
        async with open_store(bare_folder, store=StoreSettings(database_url=Secret(url))) as store:
            assert store.spooling
            await store.quotes.write(numbered(now_ns, range(100)))
            await asyncio.to_thread(postgres.start)
            assert of(await all_stored(store, now_ns)) == of(numbered(now_ns, range(100)))
            assert (await store.database.schema()).fits


async def test_an_old_spool_is_drained_before_the_store_is_open(folder, now_ns):
    store = await Store.open(settings(folder), SystemClock())
    store._writer.spool_first()
    async with running(store.parts()[1:3]):  # the writers alone
        await store.quotes.write(numbered(now_ns, range(100)))
    await store.close()
    again = await Store.open(settings(folder), SystemClock())
    assert not again.spooling
    assert len(await again.quotes.recent(now_ns - SECOND_NS)) == 100
    await again.close()


def settings(folder):
    return Settings(data_dir=str(folder))


CHRONO = """
import asyncio, sys
from tests.fakes.quoting import numbered
from tests.fakes.servers import open_store
from pathlib import Path
async def sender(store, now_ns, first):
    n = first
    while True:
        await store.quotes.write(numbered(now_ns, range(n * 20, n * 20 + 20)))
        print("acknowledged", n, flush=True)
        n += 4
async def main():
    now_ns = int(sys.argv[2])
    async with open_store(Path(sys.argv[1])) as store:
        if sys.argv[3] == "spooling":
            store._writer._drain_once = lambda line: asyncio.Event().wait()  # nothing ever leaves the spool
            store._writer.spool_first()
        await asyncio.gather(*(sender(store, now_ns, first) for first in range(4)))
asyncio.run(main())
"""


def chrono_of(*arguments):
    return subprocess.Popen([sys.executable, "-c", CHRONO, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", ["live", "spooling"])
async def test_chrono_killed_during_writes_costs_no_acknowledged_row(folder, now_ns, how):
    chrono = chrono_of(str(folder), str(now_ns), how)
    told = []
    while len(told) < 200:
        line = chrono.stdout.readline()
        assert line, "it ended by itself"
        told += [line] if line.startswith("acknowledged ") else []
    chrono.kill()
    told += [line for line in chrono.stdout if line.startswith("acknowledged ") and line.endswith("\n")]
    chrono.wait()
    acknowledged = [int(line.split()[1]) for line in told]
    async with open_store(folder) as store:
        found = of(await all_stored(store, now_ns))
    assert len(found) == len(set(found))
    wanted = {row for n in acknowledged for row in of(numbered(now_ns, range(n * 20, n * 20 + 20)))}
    assert wanted <= set(found)


async def test_a_deadlock_with_another_program_is_tried_again(store, url, now_ns):
    with psycopg.connect(url) as other:
        other.execute(
            "INSERT INTO price_feeds VALUES ('BTC/USD', to_timestamp(%s), 'binance', 7, NULL, now(), '', NULL)",
            (now_ns / SECOND_NS,),
        )
        waiting = asyncio.create_task(store.quotes.write([quote(now_ns), quote(now_ns + SECOND_NS)]))
        await until_waits_for_a_lock(store)
        other.commit()
    await waiting
    assert [q.price for q in await all_stored(store, now_ns)] == [7, quote(0).price]


async def until_waits_for_a_lock(store):
    async with asyncio.timeout(60):
        while not await store.database.fetch("locks", "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            await asyncio.sleep(0.01)
