"""The journal against a twin of plain dicts: any story of commits, calls, attempts and signatures, a crash at any byte.

After a crash the journal knows everything that it said was kept, and of the one thing under way all or nothing.
"""

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.errors import ChronoError
from chrono.flare.frames import FTSO
from chrono.store.journal_file import JournalFile
from chrono.voting.journal import Journal
from chrono.voting.records import Attempt, Ended, Included
from tests.fakes.voting_rounds import (
    CHAIN_ID,
    FDC,
    IDENTITY,
    NETWORK,
    SUBMIT1,
    SUBMIT2,
    TIMING,
    US,
    CrashingLog,
    attempt_of,
    call_of,
    commit_of,
    journal_on,
)

ROUNDS = range(1000, 1006)
NOW_NS = commit_of(1000).reveal_deadline_ns - 1
Step = tuple[Any, ...]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.sampled_from(ROUNDS), st.integers(1, 8)),
        st.tuples(st.just("call"), st.sampled_from(ROUNDS), st.sampled_from([SUBMIT1, SUBMIT2]), st.booleans()),
        st.tuples(st.just("attempt"), st.sampled_from(ROUNDS), st.sampled_from([SUBMIT1, SUBMIT2]), st.integers(0, 3)),
        st.tuples(st.just("included"), st.sampled_from(ROUNDS), st.sampled_from([SUBMIT1, SUBMIT2])),
        st.tuples(st.just("ended"), st.sampled_from(ROUNDS), st.sampled_from([SUBMIT1, SUBMIT2])),
        st.tuples(st.just("bind"), st.sampled_from([FTSO, FDC]), st.sampled_from(ROUNDS), st.integers(1, 3)),
        st.tuples(st.just("pin"), st.sampled_from(ROUNDS), st.integers(1, 3)),
        st.tuples(st.just("mark"), st.sampled_from(ROUNDS)),
        st.tuples(st.just("compact"), st.sampled_from(ROUNDS)),
        st.tuples(st.just("mend")),
    ),
    max_size=40,
)


class Twin:
    """The rules, as plainly as they can be written."""

    def __init__(self) -> None:
        self.commits: dict[int, Any] = {}
        self.calls: dict[str, Any] = {}
        self.attempts: dict[bytes, Attempt] = {}
        self.included: dict[str, Included] = {}
        self.ended: dict[str, Ended] = {}
        self.bounds: dict[tuple[int, int], bytes] = {}
        self.pins: dict[int, bytes] = {}
        self.mark = -1

    def commit(self, round_id: int, random: int) -> None:
        commit = commit_of(round_id, random)
        used = {each.random for each in self.commits.values()}
        if round_id not in self.commits and round_id > self.mark and commit.random not in used:
            self.commits[round_id] = commit

    def call(self, round_id: int, function: Any, joined: bool) -> None:
        call = story_call(round_id, function, joined)
        kept = self.commits.get(round_id)
        mine = {SUBMIT1: kept and kept.commit_hash, SUBMIT2: kept and kept.random + kept.encoded_values}[function]
        if call.intent_id not in self.calls and mine in (None, dict(call.frames)[FTSO]):
            self.calls[call.intent_id] = call

    def attempt(self, round_id: int, function: Any, nonce: int) -> None:
        attempt = attempt_of(story_call(round_id, function, False).intent_id, nonce)
        self.attempts.setdefault(attempt.tx_hash, attempt)

    def include(self, round_id: int, function: Any) -> None:
        told = inclusion(round_id, function)
        self.included[told.intent_id] = told

    def end(self, round_id: int, function: Any) -> None:
        intent = story_call(round_id, function, False).intent_id
        self.ended.setdefault(intent, Ended(intent, "not_mined", 0))

    def bind(self, protocol_id: int, round_id: int, number: int) -> None:
        if round_id > self.mark:
            self.bounds.setdefault((protocol_id, round_id), bytes([number]) * 32)

    def owed(self) -> set[int]:
        tried = {each.intent_id for each in self.attempts.values()}
        return {
            round_id
            for round_id, commit in self.commits.items()
            if commit.reveal_deadline_ns > NOW_NS
            and (one := story_call(round_id, SUBMIT1, False).intent_id) in self.calls
            and one in tried
            and not ((two := story_call(round_id, SUBMIT2, False).intent_id) in self.calls and two in self.included)
        }

    def compact(self, keep_from: int) -> None:
        keep_from = min([keep_from, *self.owed()])
        known = {*self.commits, *(each.round_id for each in self.calls.values()), *self.pins}
        known |= {round_id for _, round_id in self.bounds}
        if keep_from - 1 <= self.mark and not any(each < keep_from for each in known):
            return
        gone = {intent for intent, each in self.calls.items() if each.round_id < keep_from}
        live = self.calls.keys() - gone
        used = max(
            (self.attempts[each.tx_hash].nonce for each in self.included.values() if each.tx_hash in self.attempts),
            default=-1,
        )
        ended = self.included.keys() | self.ended.keys()
        self.attempts = {
            key: each
            for key, each in self.attempts.items()
            if each.intent_id in live or each.nonce > used or each.intent_id not in ended
        }
        self.calls = {intent: each for intent, each in self.calls.items() if intent in live}
        of_use = live | {each.intent_id for each in self.attempts.values()}
        self.included = {key: each for key, each in self.included.items() if key in of_use and key not in gone}
        self.ended = {key: each for key, each in self.ended.items() if key in of_use and key not in gone}
        self.commits = {key: each for key, each in self.commits.items() if key >= keep_from}
        self.pins = {key: each for key, each in self.pins.items() if key >= keep_from}
        self.bounds = {key: each for key, each in self.bounds.items() if key[1] >= keep_from}
        self.mark = max(self.mark, keep_from - 1)

    def does(self, step: Step) -> None:
        match step:
            case "commit", round_id, random:
                self.commit(round_id, random)
            case "call", round_id, function, joined:
                self.call(round_id, function, joined)
            case "attempt", round_id, function, nonce:
                self.attempt(round_id, function, nonce)
            case "included", round_id, function:
                self.include(round_id, function)
            case "ended", round_id, function:
                self.end(round_id, function)
            case "bind", protocol_id, round_id, number:
                self.bind(protocol_id, round_id, number)
            case "pin", round_id, number:
                self.pins.setdefault(round_id, bytes([number]))
            case "mark", round_id:
                self.mark = max(self.mark, round_id)
            case "compact", round_id:
                self.compact(round_id)


def story_call(round_id: int, function: Any, joined: bool) -> Any:
    """The same intent, alone or joined; its FTSO payload is that of the commit with random 1 … of this round."""
    commit = commit_of(round_id, round_id - ROUNDS[0] + 1)
    mine = commit.commit_hash if function is SUBMIT1 else commit.random + commit.encoded_values
    return call_of(function, {FTSO: mine, FDC: b"vote"} if joined else {FTSO: mine}, round_id)


def inclusion(round_id: int, function: Any) -> Included:
    intent = story_call(round_id, function, False).intent_id
    return Included(intent, attempt_of(intent, 1).tx_hash, 9, 9)


def act(journal: Journal, step: Step) -> None:
    """The same on the journal; what it refuses it must refuse without a trace."""
    acts: dict[str, Callable[..., object]] = {
        "commit": lambda round_id, random: journal.commit(commit_of(round_id, random)),
        "call": lambda *what: journal.call(story_call(*what)),
        "attempt": lambda round_id, function, nonce: journal.attempt(
            attempt_of(story_call(round_id, function, False).intent_id, nonce)
        ),
        "included": lambda *what: journal.included(inclusion(*what)),
        "ended": lambda *what: journal.ended(Ended(story_call(*what, False).intent_id, "not_mined", 0)),
        "bind": lambda protocol_id, round_id, number: journal.bind(protocol_id, round_id, bytes([number]) * 32),
        "pin": lambda round_id, number: journal.pin(round_id, bytes([number])),
        "mark": journal.raise_mark,
        "compact": lambda round_id: journal.compact(round_id, NOW_NS),
        "mend": journal.mend,
    }
    with contextlib.suppress(ChronoError):
        acts[step[0]](*step[1:])


def agree(journal: Journal, twin: Twin) -> bool:
    """Whether everything that can be asked is answered alike."""
    both = [(SUBMIT1, FTSO), (SUBMIT1, FDC), (SUBMIT2, FTSO), (SUBMIT2, FDC)]
    tried = {each.intent_id for each in twin.attempts.values()}
    for round_id in ROUNDS:
        commit = twin.commits.get(round_id)
        carrying = {
            (function, protocol): (call := twin.calls.get(story_call(round_id, function, False).intent_id)) is not None
            and protocol in call.protocols
            and call.intent_id
            for function, protocol in both
        }
        if not (
            journal.committed(round_id) == commit
            and journal.pinned(round_id) == twin.pins.get(round_id)
            and all(journal.bound(each, round_id) == twin.bounds.get((each, round_id)) for each in (FTSO, FDC))
            and all(journal.left(round_id, *each) == (carrying[each] in tried) for each in both)
            and all(journal.done(round_id, *each) == (carrying[each] in twin.included) for each in both)
        ):
            return False
    calls = {call.intent_id: call for round_id in ROUNDS for call in journal.calls(round_id)}
    owed = {commit.round_id for commit in journal.owed(NOW_NS)}
    attempts = {each for intent in INTENTS for each in journal.attempts_of(intent)}
    return (calls, owed, journal.mark, attempts) == (twin.calls, twin.owed(), twin.mark, set(twin.attempts.values()))


INTENTS = [story_call(round_id, function, False).intent_id for round_id in ROUNDS for function in (SUBMIT1, SUBMIT2)]


@given(steps, st.data())
def test_a_crash_at_any_byte_loses_nothing_that_was_said_to_be_kept(story: list[Step], data: st.DataObject) -> None:
    log, twin = CrashingLog(), Twin()
    journal = journal_on(log)
    for step in story:
        earlier, before = log.data, copy.deepcopy(twin)
        act(journal, step)
        twin.does(step)
        assert agree(journal, twin), step
        if data.draw(st.booleans(), label="crash"):
            # A rewrite takes the old file's place in one step; an append leaves any part of itself.
            appended = log.data.startswith(earlier)
            kept = data.draw(st.integers(len(earlier), len(log.data)), label="bytes") if appended else len(log.data)
            again = CrashingLog(log.data[:kept])
            restarted = journal_on(again)
            assert agree(restarted, twin) or (kept < len(log.data) and agree(restarted, before)), (step, kept)
            # What is there now goes on; the step is done again, as a restarted duty would.
            act(restarted, step)
            if not agree(restarted, twin):
                pytest.fail(f"{step} again after a crash: another journal than without one")
            journal, log = restarted, again


@given(story=steps)
def test_a_real_file_tells_a_restart_the_same(story: list[Step], tmp_path_factory: pytest.TempPathFactory) -> None:
    path: Path = tmp_path_factory.mktemp("journal") / "voter.log"
    twin = Twin()

    def opened() -> tuple[JournalFile, Journal]:
        file = JournalFile(path)
        return file, Journal(file, network=NETWORK, chain_id=CHAIN_ID, identity=IDENTITY)

    file, journal = opened()
    for number, step in enumerate(story[:12]):
        act(journal, step)
        twin.does(step)
        if number % 4 == 3:
            file.close()
            file, journal = opened()
    file.close()
    file, journal = opened()
    assert agree(journal, twin)
    assert file.cut_bytes == 0
    file.close()


def test_the_stories_are_of_this_calendar() -> None:
    assert all(commit_of(each).reveal_deadline_ns > NOW_NS for each in ROUNDS)
    assert TIMING.round_at(NOW_NS).id == ROUNDS[0] + 1
    assert US.submit == attempt_of("x").account
