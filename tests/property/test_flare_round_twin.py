"""Whole rounds against a twin that follows the protocol's text: soups of right, late, doubled, bent and foreign bytes."""

import os
import random

import pytest

from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_values import encode_values
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import Frame, SubmissionFunction, encode_frames
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import Outcome, round_from_transactions
from chrono.flare.round.transactions import Transaction
from tests.fakes.flare_round import BENCHING_ROUNDS, ROUND, SUBMISSION, TIMING, sender
from tests.fakes.fuzzing import LONG
from tests.reference.flare_round import Rules, Sent, Told, Twin

ROUNDS = 10_000 if LONG else 600
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20261123"))
EDGES_S = [-1, 0, 1, 75, 89, 90, 110, 134, 135]
NEW_EPOCH = ROUND.id - 1
"""Two rounds before the end of a soup the feeds change."""

pytestmark = pytest.mark.timeout(900)


class Soup:
    """The transactions of a few senders in the last rounds, and the electorates of both epochs."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.senders = [sender(number) for number in range(chance.randint(1, 5))]
        self.old, self.new = self.electorate(), self.electorate()
        self.transactions: list[Transaction] = []
        for round_id in (ROUND.id - 21, ROUND.id - 20, ROUND.id - 2, ROUND.id - 1, ROUND.id):
            for each in self.senders:
                self.vote(each, round_id)
        chance.shuffle(self.transactions)

    def electorate(self) -> Electorate:
        weights = [self.chance.choice([0, 1, 2, 3, 10**25 + 1]) for _ in self.senders]
        voters = [Voter(each, weight, weight % 7) for each, weight in zip(self.senders, weights, strict=True)]
        kept = voters[: self.chance.randint(1, len(voters))]
        feeds = tuple(Feed(FeedId(1, f"F{number}"), number - 1) for number in range(self.chance.randint(1, 4)))
        return Electorate(0, tuple(kept), feeds, fip16=self.chance.random() < 0.3)

    def electorate_of(self, round_id: int) -> Electorate:
        return self.new if round_id >= NEW_EPOCH else self.old

    def vote(self, by: Address, round_id: int) -> None:
        """Mostly a right commit and a right reveal; each with others before and after it, and sometimes missing."""
        chance = self.chance
        count = len(self.electorate_of(round_id).feeds) if chance.random() < 0.9 else chance.randint(0, 5)
        values = [chance.choice([None, chance.randint(-50, 50)]) for _ in range(count)]
        told = Reveal(chance.randbytes(32), encode_values(values, strip=chance.random() < 0.5))
        for function, payload, usual_s in (
            (SubmissionFunction.SUBMIT1, told.commit_hash(by, round_id), 75),
            (SubmissionFunction.SUBMIT2, told.payload, 110),
        ):
            for _ in range(chance.choices([0, 1, 2], [1, 8, 2])[0]):
                self.send(by, function, self.frames(round_id, payload), round_id, usual_s)

    def frames(self, round_id: int, payload: bytes) -> bytes:
        chance = self.chance
        frames = [Frame(100, round_id, payload)]
        if chance.random() < 0.2:
            frames.insert(chance.randint(0, 1), Frame(200, round_id, b"\1"))
        if chance.random() < 0.1:
            other = chance.choice([payload[:-1], payload[:32], bytes(len(payload)), payload + b"\0\0\0\0"])
            frames.insert(chance.randint(0, 1), Frame(100, round_id + chance.choice([0, 0, 1, -1]), other))
        data = encode_frames(frames)
        return data + b"\xff" if chance.random() < 0.03 else data

    def send(self, by: Address, function: SubmissionFunction, data: bytes, round_id: int, usual_s: int) -> None:
        chance = self.chance
        at_s = usual_s if chance.random() < 0.9 else chance.choice(EDGES_S)
        to = SUBMISSION if chance.random() < 0.98 else sender(77)
        place = (chance.randint(0, 3), len(self.transactions))
        start_s = VotingRound(round_id, TIMING).epoch.start_s
        succeeded = chance.random() < 0.9
        self.transactions.append(Transaction(by, to, function.value + data, *place, start_s + at_s, succeeded))

    def outcome(self) -> Outcome:
        return round_from_transactions(ROUND, self.transactions, SUBMISSION, self.electorate_of, BENCHING_ROUNDS)

    def twin(self) -> Told:
        sent = [Sent(each.place, each.block_time_s, each.sender, each.to, each.calldata) for each in self.transactions]
        return Twin(TIMING.first_start_s, SUBMISSION, sent, self.rules).tell(ROUND.id)

    def rules(self, round_id: int) -> Rules:
        found = self.electorate_of(round_id)
        weights = [voter.signing_weight if found.fip16 else voter.capped_delegation_wei for voter in found.voters]
        voters = list(zip([voter.submit_address for voter in found.voters], weights, strict=True))
        return Rules(voters, [(bytes(feed.id), feed.decimals) for feed in found.feeds], found.fip16)


def test_a_round_is_what_the_text_of_the_protocol_says() -> None:
    seen = {"offenders": 0, "benched": 0, "secure": 0, "no result": 0, "results": 0}
    for number in range(ROUNDS):
        soup = Soup(random.Random(f"{SEED}-{number}"))
        outcome, told = soup.outcome(), soup.twin()
        result = outcome.result
        assert outcome.valid.keys() == told.valid, (SEED, number)
        assert outcome.offenders == told.offenders, (SEED, number)
        assert outcome.benched == told.benched, (SEED, number)
        assert (result and result.root) == told.root, (SEED, number)
        if result is not None:
            assert (result.random.value, result.random.is_secure) == (told.random, told.is_secure), (SEED, number)
            assert [feed.median and feed.median.value for feed in result.feeds] == told.medians, (SEED, number)
        seen["offenders"] += bool(told.offenders)
        seen["benched"] += bool(told.benched)
        seen["secure"] += bool(told.is_secure)
        seen["no result"] += told.root is None
        seen["results"] += told.root is not None
    assert min(seen.values()) > ROUNDS // 20, seen
