"""The fast updates of the running reward epoch, read from nodes on loopback, and what is told while they are not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest
from msgspec.structs import replace

from chrono.chain.answers import Head
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.chain.standing import PoolRules
from chrono.clock import SECOND_NS, ManualClock, SystemClock
from chrono.errors import (
    CONTRACT_MISSING,
    COUNT_INCOMPLETE,
    HISTORY_CUT,
    NODES_DISAGREE,
    NOT_A_VOTER,
    ChronoError,
)
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.epochs import VotingEpoch
from chrono.provider.counting_updates import DEPTH, PIECE_BLOCKS, UpdateReader
from chrono.settings import Secret
from chrono.voting.budget_updates import Updates
from chrono.voting.epochs import EpochBook
from chrono_core import keccak256
from tests.fakes.epoch_story import TIMING, Member, Story
from tests.fakes.evm_chain import FakeChain
from tests.fakes.rpc import FakeNode, serving
from tests.reference import budgets as slow

ANN, BEN, US = Member("ann", 300), Member("ben", 200), Member("us", 120)
UPDATER = Address(keccak256(b"the fast updater")[12:])
OTHER = Address(keccak256(b"another contract")[12:])
TOPIC = next(each.topic for each in EVENTS if each.name == "FastUpdateFeedsSubmitted")
BLOCK_S = 3
FIRST = 40
"""The first round of reward epoch 2."""


class House:
    """A chain with a block each three seconds from round 36 on, and some updates in each; reward epoch 2 runs."""

    def __init__(self) -> None:
        self.story = Story().started(1, 20).turn(2, (ANN, US, BEN))
        self.book = EpochBook(self.story.network)
        self.book.tell(self.story.told)
        self.chain = FakeChain(time_s=VotingEpoch(36, TIMING).start_s)
        self.clock = ManualClock(self.chain.head.time_s * SECOND_NS)
        self.chance = Random(3)
        self.told: list[tuple[int, bytes]] = []
        self.contracts = Contracts({"FastUpdater": UPDATER}, {"FastUpdater": (OTHER, UPDATER)})
        self.fakes: list[FakeNode] = []
        self.pool: Pool
        self.reader: UpdateReader

    def until(self, round_id: int, after_s: int = 0) -> None:
        """Mine up to so long after a voting epoch began."""
        until_s = VotingEpoch(round_id, TIMING).start_s + after_s
        while self.chain.head.time_s < until_s:
            time_s = self.chain.head.time_s + BLOCK_S
            now = TIMING.round_at(time_s * SECOND_NS).id
            for signer in self.chance.choices((ANN.signer, US.signer, BEN.signer), k=self.chance.randint(0, 3)):
                self.told.append((now, signer))
                self.emit(UPDATER, now, signer)
            self.chain.mine(time_s)
        self.clock.set(self.chain.head.time_s * SECOND_NS)

    def emit(self, contract: Address, round_id: int, signer: Address) -> None:
        topics = (TOPIC, round_id.to_bytes(32, "big"), signer.rjust(32, b"\0"))
        self.chain.emit(contract, topics, b"")

    def head(self) -> Head | None:
        return self.chain.head

    def made(self, contracts: Contracts | None = None, identity: Address = US.identity) -> UpdateReader:
        return UpdateReader(
            pool=self.pool,
            contracts=lambda: contracts or self.contracts,
            head=self.head,
            book=self.book,
            timing=TIMING,
            identity=identity,
            clock=self.clock,
        )

    async def read(self) -> int:
        """Read all there is; the number of pieces."""
        await self.pool.poll()
        pieces = 1
        while await self.reader.look():
            pieces += 1
        return pieces

    def expected(self, before: int) -> Updates:
        return Updates(before - FIRST, *slow.updates_of(self.told, US.signer, FIRST, before))


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    made = House()
    made.fakes = [FakeNode(made.chain) for _ in range(2)]
    async with AsyncExitStack() as stack:
        nodes = []
        for number, fake in enumerate(made.fakes):
            url = await stack.enter_async_context(serving(fake))
            nodes.append(Node(f"n{number}", Secret(url), made.chain.chain_id, SystemClock(), deadline_s=10))
            stack.push_async_callback(nodes[-1].close)
        made.pool = Pool(nodes, made.clock, PoolRules(stale_s=None))
        made.reader = made.made()
        yield made


async def test_every_update_of_the_epochs_whole_rounds_is_counted_once() -> None:
    async with house() as made:
        for now in (41, 42, 47):
            made.until(now, 75)
            await made.read()
            seen = made.reader()
            assert (seen.reason, seen.reward_epoch_id) == (None, 2)
            # The newest blocks are left for later, so that a round is known somewhat after its end.
            assert seen.counted == made.expected(now)
            assert seen.counted.made > 0


async def test_the_first_round_is_told_when_it_is_over_and_its_blocks_are_deep() -> None:
    async with house() as made:
        made.until(FIRST, 80)
        await made.read()
        assert made.reader().reason is COUNT_INCOMPLETE
        made.until(FIRST + 1, (DEPTH - 2) * BLOCK_S)
        await made.read()
        assert made.reader().reason is COUNT_INCOMPLETE
        made.until(FIRST + 1, (DEPTH + 2) * BLOCK_S)
        await made.read()
        assert made.reader().counted == made.expected(FIRST + 1)


async def test_a_start_in_the_middle_of_the_epoch_reads_from_its_beginning_in_pieces() -> None:
    async with house() as made:
        made.until(58)
        assert await made.read() > 1
        assert made.reader().counted == made.expected(57)
        asked = made.fakes[0].log_queries
        assert all(last - first < PIECE_BLOCKS for first, last in asked)
        began_s = made.chain.blocks[min(first for first, _ in asked)].head.time_s
        assert VotingEpoch(FIRST, TIMING).start_s <= began_s < VotingEpoch(FIRST, TIMING).start_s + BLOCK_S


async def test_while_the_beginning_is_read_nothing_is_told() -> None:
    async with house() as made:
        made.until(58)
        await made.pool.poll()
        assert await made.reader.look()
        assert made.reader().reason is COUNT_INCOMPLETE


async def test_where_no_node_has_the_beginning_of_the_epoch_its_updates_are_not_known() -> None:
    async with house() as made:
        made.until(50)
        for fake in made.fakes:
            fake.oldest = next(
                b.head.number for b in made.chain.blocks if b.head.time_s > VotingEpoch(45, TIMING).start_s
            )
        await made.pool.poll()
        with pytest.raises(ChronoError) as raised:
            await made.reader.look()
        assert raised.value.reason is HISTORY_CUT
        assert made.reader().reason is COUNT_INCOMPLETE
        for fake in made.fakes:
            fake.oldest = 0
        await made.read()
        assert made.reader().counted == made.expected(49)


async def test_a_reader_says_what_stands_in_its_way_and_tries_again() -> None:
    async with house() as made:
        made.until(50)
        for fake in made.fakes:
            fake.oldest = len(made.chain.blocks) - 30
        await made.pool.poll()
        running = asyncio.create_task(made.reader.run())
        while made.reader().reason is COUNT_INCOMPLETE:
            await asyncio.sleep(0)
        assert made.reader().reason is HISTORY_CUT
        for fake in made.fakes:
            fake.oldest = 0
        made.clock.advance(600 * SECOND_NS)
        while made.reader().reason is HISTORY_CUT:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_nodes_with_a_small_cap_are_asked_one_question_at_a_time() -> None:
    async with house() as made:
        made.until(58)
        for fake in made.fakes:
            fake.most_log_blocks = 30
        await made.pool.poll()
        assert await made.reader.look()
        made.fakes[0].log_queries.clear()
        assert await made.reader.look()
        assert len(made.fakes[0].log_queries) == 1


async def test_events_of_other_contracts_and_broken_ones_are_passed_over() -> None:
    async with house() as made:
        made.until(41)
        made.emit(Address(bytes(20)), 40, US.signer)
        made.chain.emit(UPDATER, (TOPIC, bytes(32)), b"")
        made.until(43)
        await made.read()
        assert made.reader().counted == made.expected(42)


async def test_updates_of_a_former_contract_count_as_well() -> None:
    async with house() as made:
        made.until(41)
        made.emit(OTHER, 41, US.signer)
        made.told.append((41, US.signer))
        made.until(44)
        await made.read()
        assert made.reader().counted == made.expected(43)


async def test_the_next_reward_epoch_is_counted_from_its_own_beginning() -> None:
    async with house() as made:
        made.until(59, 60)
        await made.read()
        made.story.turn(3, (ANN, US, BEN))
        made.book.tell(made.story.told)
        first = made.story.starts[3]
        made.until(first + 3)
        assert made.reader().reason is COUNT_INCOMPLETE
        await made.read()
        seen = made.reader()
        assert seen.reward_epoch_id == 3
        assert seen.counted == Updates(2, *slow.updates_of(made.told, US.signer, first, first + 2))


async def test_nodes_that_refuse_or_contradict_leave_it_unknown_and_nothing_is_lost() -> None:
    async with house() as made:
        made.until(43)
        made.until(45)
        await made.pool.poll()
        hidden = FakeChain(time_s=made.chain.blocks[0].head.time_s)
        hidden.blocks = [*made.chain.blocks]
        made.fakes[1].chain = hidden
        told = next(each for each in reversed(hidden.blocks[:-DEPTH]) if each.logs)
        hidden.blocks[told.head.number] = replace(told, logs=[])
        with pytest.raises(ChronoError) as raised:
            await made.reader.look()
        assert raised.value.reason is NODES_DISAGREE
        assert made.reader().reason is COUNT_INCOMPLETE
        made.fakes[1].chain = made.chain
        for fake in made.fakes:
            fake.most_log_blocks = 30
        await made.read()
        assert made.reader().counted == made.expected(44)


async def test_what_was_read_long_ago_is_not_told_as_known_now() -> None:
    async with house() as made:
        made.until(43)
        await made.read()
        assert made.reader().reason is None
        made.until(48)
        assert made.reader().reason is COUNT_INCOMPLETE


async def test_a_chain_without_the_contract_and_an_entity_without_a_vote_say_so() -> None:
    async with house() as made:
        made.until(43)
        await made.pool.poll()
        for reader, reason in (
            (made.made(Contracts({}, {})), CONTRACT_MISSING),
            (made.made(identity=Member("x").identity), NOT_A_VOTER),
        ):
            assert not await reader.look()
            assert reader().reason is reason


async def test_blocks_since_our_last_update_are_told() -> None:
    async with house() as made:
        made.until(41)
        assert made.reader().blocks_since_last is None
        made.emit(UPDATER, 41, US.signer)
        made.told.append((41, US.signer))
        made.chance.choices = lambda *_, **__: [ANN.signer]  # type: ignore[method-assign,assignment]
        made.until(43)
        ours = max(
            block.head.number for block in made.chain.blocks if any(US.signer in x.topics[2] for x in block.logs)
        )
        await made.read()
        assert made.reader().blocks_since_last == made.chain.head.number - ours
