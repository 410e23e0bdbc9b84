"""Ten mistakes that a voter could be built with, and for each a round in which it shows.

A plant changes the provider as it runs; a plot is what happens to it. Without the plant, every plot ends well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from msgspec import structs

from chrono.chain.lanes import Lane
from chrono.chain.nonces import Nonces
from chrono.chain.pool import Fate, Pool
from chrono.clock import SECOND_NS
from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_order import OfferWindow
from chrono.flare.feeds import Feed
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.round.outcome import Outcome, round_from_transactions
from chrono.flare.round.transactions import Transaction
from chrono.provider.chain_side import ChainSide
from chrono.simulation.flare.node import NodeFaults
from chrono.simulation.flare.prices import FEEDS
from chrono.store.journal_file import JournalFile
from chrono.voting.epochs import EpochBook
from chrono.voting.journal import Journal
from chrono.voting.margins import Margins
from chrono.voting.membership import RewardEpochFacts
from tests.sim.features import PLAIN, Features
from tests.sim.house import House

Plot = Callable[[House], Awaitable[int]]
"""Lets something happen; gives the round that is judged last."""


@dataclass(frozen=True)
class Planted:
    """A mistake, what happens, and what the judge must say of it."""

    name: str
    plant: Callable[[], AbstractContextManager[Any]]
    plot: Plot
    says: str
    features: Features = PLAIN


class _Memory:
    """A journal that is nowhere."""

    damaged, sound = False, True

    def __init__(self, *_: object) -> None:
        self._records: list[bytes] = []

    def records(self) -> Sequence[bytes]:
        return tuple(self._records)

    def append(self, record: bytes) -> None:
        self._records.append(record)

    def replace(self, records: Iterable[bytes]) -> None:
        self._records = list(records)


# What happens


async def killed_after_its_commit(house: House) -> int:
    """The power fails when the commit is mined, and comes back in time for the reveal."""
    round_id = house.round.id + 1
    await house.until(round_id, 88.0)
    house.kill(power=True)
    await asyncio.sleep(4.0)
    house.start()
    await house.until(round_id + 2)
    return round_id


async def killed_with_its_commit_sent(house: House) -> int:
    """Killed as soon as the commit has left, and back at once: there is time for another."""
    round_id = house.round.id + 1
    await house.until(round_id, 74.0)
    while not any(raw for node in house.nodes for at_ns, raw in node.sent if at_ns >= house.clock.now_ns() - SECOND_NS):
        await asyncio.sleep(0.05)
    house.kill(power=False)
    await asyncio.sleep(0.1)
    house.start()
    await house.until(round_id + 2)
    return round_id


async def a_calm_round(house: House) -> int:
    """Nothing happens."""
    round_id = house.round.id + 1
    await house.until(round_id + 2)
    return round_id


async def an_epoch_with_other_feeds(house: House) -> int:
    """A reward epoch begins, in which one feed less is voted on."""
    house.flare.remove_feed(FEEDS[0].id)
    timing = house.flare.network.timing
    turn = (house.round.id // timing.rounds_per_reward_epoch + 2) * timing.rounds_per_reward_epoch
    await house.until(turn + 3)
    return turn + 1


async def signed_and_killed(house: House) -> int:
    """Killed when its signature is mined, and back while signatures still count."""
    round_id = house.round.id + 1
    await house.until(round_id + 1, 53.0)
    house.kill(power=False)
    await asyncio.sleep(0.1)
    house.start()
    await house.until(round_id + 2)
    return round_id


async def a_node_that_sees_everything_mined(house: House) -> int:
    """One node says of every transaction that it is mined, while ours are dropped until late in the window."""
    round_id = house.round.id + 1
    await house.until(round_id + 1)
    house.nodes[0].faults = NodeFaults(false_receipts=True)
    for node in house.nodes[1:]:
        node.faults = NodeFaults(slow_s=0.3)
    await _drop(house, seconds=18.0)
    await house.until(round_id + 2)
    return round_id


async def a_commit_that_the_nodes_drop(house: House) -> int:
    """Every node takes the commit and forgets it; the reveal of the round before it is long done."""
    round_id = house.round.id + 1
    await house.until(round_id, 74.0)
    await _drop(house, seconds=5.0)
    await house.until(round_id + 2)
    return round_id


async def _drop(house: House, seconds: float) -> None:
    """Our waiting transactions are forgotten before any block can hold them."""
    until_ns = house.clock.now_ns() + int(seconds * SECOND_NS)
    while house.clock.now_ns() < until_ns:
        for waiting in house.flare.chain.pool.values():
            waiting.clear()
        await asyncio.sleep(0.005)


# What is planted


def journal_in_memory() -> AbstractContextManager[Any]:
    return patch("tests.sim.house.JournalFile", _Memory)


@contextmanager
def second_random() -> Iterator[None]:
    """After a restart a commit is made anew, with another random, and nobody looks for the first one."""
    with journal_in_memory(), patch("chrono.voting.strangers.unknown_submissions", lambda *_, **__: ()):
        yield


@contextmanager
def no_fsync() -> Iterator[None]:
    """Nothing is synced, neither the file nor its name."""
    with (
        patch.object(JournalFile, "_sync", lambda *_: None),
        patch.object(JournalFile, "_sync_folder", lambda *_: None),
    ):
        yield


def exclusive_bound() -> AbstractContextManager[Any]:
    """Offers that are made in the very block in which a reward epoch begins are left out."""
    return patch.object(OfferWindow, "__contains__", lambda self, time_s: self.first_s < time_s < self.last_s)


@contextmanager
def re_encoding() -> Iterator[None]:
    """The reveal is encoded anew, and its empty values are no longer left out at the end."""
    payload = Journal.payload

    def encoded_anew(self: Journal, function: SubmissionFunction, protocol_id: int, round_id: int) -> bytes | None:
        commit = self.committed(round_id)
        if function is SubmissionFunction.SUBMIT2 and protocol_id == FTSO and commit is not None:
            values = commit.encoded_values.ljust(4 * commit.feed_count, b"\0")
            return Reveal(commit.random, values[:-4] + bytes(4)).payload
        return payload(self, function, protocol_id, round_id)

    with (
        patch.object(Journal, "payload", encoded_anew),
        patch("chrono.keys.submissions.JournalledFrames._check_anchor", lambda *_: None),
    ):
        yield


@contextmanager
def stale_feed_order() -> Iterator[None]:
    """The feeds of the first reward epoch that was seen are taken for those of every one."""
    of_round = EpochBook.of_round
    first: list[tuple[Feed, ...]] = []

    def stale(self: EpochBook, round_id: int) -> RewardEpochFacts | None:
        facts = of_round(self, round_id)
        if facts is None:
            return None
        first.append(facts.electorate.feeds)
        return structs.replace(facts, electorate=structs.replace(facts.electorate, feeds=first[0]))

    with patch.object(EpochBook, "of_round", stale):
        yield


@contextmanager
def second_root() -> Iterator[None]:
    """What was signed is not remembered, and the first process misses the last reveal of each round."""
    hasty: list[ChainSide] = []
    outcome = ChainSide.outcome

    def computed(self: ChainSide, voting_round: VotingRound) -> Outcome:
        if not hasty:
            hasty.append(self)
        return _without_last_reveal(self, voting_round) if self is hasty[0] else outcome(self, voting_round)

    with second_random(), patch.object(ChainSide, "outcome", computed):
        yield


def _without_last_reveal(chain: ChainSide, voting_round: VotingRound) -> Outcome:
    sent: list[Transaction] = list(chain.indexer.ledger.transactions)
    deadline_s = voting_round.reveal_window.end_ns // SECOND_NS
    reveals = [
        each
        for each in sent
        if each.calldata[:4] == SubmissionFunction.SUBMIT2.value and each.block_time_s < deadline_s
    ]
    sent.remove(reveals[-1])
    chosen = chain.book.electorate_of
    return round_from_transactions(voting_round, sent, chain.submission, chosen, chain.network.benching_rounds)


@contextmanager
def one_receipt() -> Iterator[None]:
    """A transaction is in a block as soon as any node says so."""

    async def fate(self: Pool, transaction_hash: bytes) -> Fate:
        told = await self.answers(lambda node: node.receipt(transaction_hash), 1)
        found = next((receipt for receipt in told.values() if receipt is not None), None)
        return Fate(found, absent=found is None)

    with (
        patch.object(Pool, "fate", fate),
        patch("chrono.provider.hands.Hands._block_time", _head_time),
    ):
        yield


async def _head_time(self: Any, receipt: Any) -> int | None:
    head = self._chain.pool.head
    return None if receipt is None or head is None else head.time_s


@contextmanager
def dropped_nonce() -> Iterator[None]:
    """What was sent once is taken for sent, and the next transaction takes the next nonce."""

    def free(self: Nonces, live: Any) -> int:
        assert self.next is not None
        return max([slot.nonce + 1 for slot in self.slots] + [self.next])

    with (
        patch.object(Nonces, "free", free),
        patch.object(Lane, "_resend", lambda *_: None),
        patch.object(Lane, "_raise", lambda *_: None),
    ):
        yield


@contextmanager
def late_commit() -> Iterator[None]:
    """Values are taken, and commits sent, until the epoch is all but over."""
    of = Margins.of

    def hurried(timing: Any) -> Margins:
        usual = of(timing)
        return structs.replace(usual, values_after_ns=87 * SECOND_NS, commit_stop_after_ns=89 * SECOND_NS)

    with patch.object(Margins, "of", hurried):
        yield


PLANTED = (
    Planted("journal in memory", journal_in_memory, killed_after_its_commit, "a commit without its reveal"),
    Planted("second random", second_random, killed_with_its_commit_sent, "different payloads of 6c532fae"),
    Planted("no fsync", no_fsync, killed_after_its_commit, "a commit without its reveal"),
    Planted("exclusive bound", exclusive_bound, a_calm_round, "no commit in time"),
    Planted("re-encoding at reveal", re_encoding, a_calm_round, "a commit without its reveal"),
    Planted("stale feed order", stale_feed_order, an_epoch_with_other_feeds, "a commit without its reveal"),
    Planted("second root", second_root, signed_and_killed, "different payloads of 57eed580"),
    Planted("trust in one receipt", one_receipt, a_node_that_sees_everything_mined, "a commit without its reveal"),
    Planted("dropped nonce", dropped_nonce, a_commit_that_the_nodes_drop, "no reveal in time"),
    Planted("late commit", late_commit, a_calm_round, "a commit was first sent"),
)
