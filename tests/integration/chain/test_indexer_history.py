"""Events on disk: a restart reads only what is new, and a file that cannot be right is as none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chrono.chain.history import HistoryFile
from chrono.chain.indexer import HEARD, Indexer, IndexRules
from chrono.errors import ChronoError
from tests.fakes.indexed_chain import CONTRACTS, OTHER, House, house

CHAIN_ID = 31_337
RULES = IndexRules(log_blocks=10, keep_s=0.0, tell_s=0.0)


def asked_for_logs(home: House) -> int:
    return sum(last - first + 1 for first, last in home.fakes[0].log_queries)


def forget_questions(home: House) -> None:
    for fake in home.fakes:
        fake.asked.clear()
        fake.log_queries.clear()


async def read_once(home: House, path: Path) -> Indexer:
    indexer = home.indexer(RULES, HistoryFile(path, CHAIN_ID))
    await home.read(indexer)
    home.check(indexer)
    return indexer


async def test_a_restart_reads_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
        whole = asked_for_logs(home)
        forget_questions(home)
        home.mine(7)
        again = await read_once(home, path)
        fresh = home.indexer()
        await home.read(fresh)
        assert list(again.ledger.events) == list(fresh.ledger.events)
        assert again.ready
        assert whole > 180


async def test_the_questions_of_a_restart_do_not_grow_with_the_history(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house(blocks=400) as home:
        first = await read_once(home, path)
        forget_questions(home)
        again = await read_once(home, path)
        assert first.ledger.from_block == again.ledger.from_block
        assert first.ledger.tip is not None
        assert first.ledger.from_block is not None
        whole = first.ledger.tip.number - first.ledger.from_block.number + 1
        assert asked_for_logs(home) == whole


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


def _flipped_at_the_end(data: bytes) -> bytes:
    """What it says can still be read, and is wrong."""
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("spoil", [_cut, _flipped, _flipped_at_the_end, lambda _: b"", lambda _: b"\xff" * 5000])
async def test_a_file_that_is_damaged_is_read_anew(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
        path.write_bytes(spoil(path.read_bytes()))
        forget_questions(home)
        await read_once(home, path)
        assert asked_for_logs(home) > 180


async def test_a_file_of_another_chain_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
        forget_questions(home)
        indexer = home.indexer(RULES, HistoryFile(path, CHAIN_ID + 1))
        await home.read(indexer)
        assert asked_for_logs(home) > 180


async def test_a_file_of_other_blocks_under_the_same_chain_id_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
    async with house() as other:  # the same chain id, and other blocks: a local chain that was begun anew
        other.chain.reorg(250)
        other.chain._salt += 1
        other.mine(250)
        await read_once(other, path)
        assert asked_for_logs(other) > 180


async def test_a_file_that_ends_before_what_the_nodes_still_have_does_not_stop_the_start(tmp_path: Path) -> None:
    """Nodes that were set up anew hold the last days only, and Chrono was away for longer."""
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
        home.mine(120)
        for fake in home.fakes:
            fake.oldest = home.chain.head.number - 100
        indexer = home.indexer(RULES, HistoryFile(path, CHAIN_ID))
        await home.read(indexer)
        assert indexer.ready


async def test_a_file_that_is_ahead_of_the_nodes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house(blocks=400) as home:
        await read_once(home, path)
    async with house(blocks=200) as younger:
        await read_once(younger, path)


async def test_a_contract_that_moved_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        await read_once(home, path)
        forget_questions(home)
        indexer = home.indexer(RULES, HistoryFile(path, CHAIN_ID))
        moved = {**CONTRACTS.all, "VoterRegistry": (OTHER,)}
        indexer.contracts = type(CONTRACTS)(CONTRACTS.now, moved)
        assert OTHER in indexer.contracts.addresses(HEARD)
        await home.read(indexer)
        assert asked_for_logs(home) > 180


async def test_a_history_that_broke_off_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        indexer = home.indexer(RULES, HistoryFile(path, CHAIN_ID))
        await home.pool.poll()
        # Room for one batch of the history behind the blocks that are read whole.
        home.fakes[0].dies_after_logs = 22
        with pytest.raises(ChronoError):
            await indexer.catch_up()
        left = indexer.left
        assert left is not None
        assert 0 < left < 188
        home.fakes[0].dies_after_logs = None
        home.fakes[0].wire = ""
        await home.pool.poll()
        forget_questions(home)
        again = await read_once(home, path)
        assert again.left == 0
        assert again.ledger.from_block is not None
        old = [last - first + 1 for first, last in home.fakes[0].log_queries if last < again.ledger.from_block.number]
        assert sum(old) == left


async def test_a_disk_that_refuses_stops_nothing(tmp_path: Path) -> None:
    async with house() as home:
        await read_once(home, tmp_path / "absent folder" / "events")
        blocked = tmp_path / "a folder"
        blocked.mkdir()
        await read_once(home, blocked)


async def test_the_head_is_followed_while_the_history_is_read(tmp_path: Path) -> None:
    async with house() as home:
        indexer = home.indexer(IndexRules(log_blocks=1))
        await home.pool.poll()
        tips: list[tuple[int, bool]] = []

        def changed() -> None:
            tip = indexer.ledger.tip
            if tip is not None and not indexer.ready:
                tips.append((tip.number, indexer.left is not None))
            if indexer.left and home.chain.head.number < 330:
                home.mine(3)
                for name in ("n0", "n1"):
                    home.pool.pushed(name, home.chain.head)

        indexer._on_change = changed
        await indexer.catch_up()
        assert indexer.ready
        assert max(number for number, reading in tips if reading) > 320


async def test_a_fork_below_what_is_kept_leaves_nothing_of_it_behind(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with house() as home:
        indexer = await read_once(home, path)
        home.chain.reorg(3, forget=True)
        home.nonce -= 6
        home.mine(4)
        await home.read(indexer)
        home.check(indexer)
        await read_once(home, path)
