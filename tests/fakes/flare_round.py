"""Transactions of a voting round, as providers would send them: commits and reveals, right or wrong in every way."""

from collections.abc import Sequence
from typing import Any

from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_values import encode_values
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, encode_frames
from chrono.flare.networks import network_of
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import Outcome, round_from_transactions
from chrono.flare.round.transactions import Transaction

TIMING = network_of("flare").timing
ROUND = VotingRound(1_000_000, TIMING)
SUBMISSION = Address(bytes(19) + b"\xff")
FEEDS = (Feed(FeedId(1, "BTC/USD"), 2), Feed(FeedId(1, "ETH/USD"), 3))
BENCHING_ROUNDS = 20
REVEALS_AFTER_S = 90


def sender(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def electorate(
    weights: Sequence[int] = (100, 100, 100), feeds: Sequence[Feed] = FEEDS, *, fip16: bool = False
) -> Electorate:
    """Voters 0, 1, 2 ... with these weights."""
    voters = tuple(Voter(sender(number), weight, 1) for number, weight in enumerate(weights))
    return Electorate(1, voters, tuple(feeds), fip16)


def reveal(number: int, values: Sequence[int | None] = (100, 200)) -> Reveal:
    return Reveal((number + 1).to_bytes(32, "big"), encode_values(values))


class Submitted:
    """What was sent to the chain, one transaction a block."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []

    def send(
        self,
        number: int,
        function: SubmissionFunction,
        data: bytes,
        after_s: int,
        voting_round: VotingRound = ROUND,
        **others: Any,
    ) -> Transaction:
        """Sender `number` calls `function` with `data`, so many seconds after the start of the round."""
        fields = {"to": SUBMISSION, "block_number": len(self.transactions), "index": 0, **others}
        at_s = voting_round.epoch.start_s + after_s
        self.transactions.append(
            Transaction(sender(number), calldata=function.value + data, block_time_s=at_s, **fields)
        )
        return self.transactions[-1]

    def commit(self, number: int, told: Reveal, after_s: int = 75, **others: Any) -> None:
        voting_round = others.get("voting_round", ROUND)
        payload = told.commit_hash(sender(number), voting_round.id)
        data = encode_frames([Frame(FTSO, voting_round.id, payload)])
        self.send(number, SubmissionFunction.SUBMIT1, data, after_s, **others)

    def reveal(self, number: int, told: Reveal, after_s: int = REVEALS_AFTER_S + 20, **others: Any) -> None:
        voting_round = others.get("voting_round", ROUND)
        data = encode_frames([Frame(FTSO, voting_round.id, told.payload)])
        self.send(number, SubmissionFunction.SUBMIT2, data, after_s, **others)

    def vote(self, number: int, told: Reveal | None = None, **others: Any) -> None:
        """Commit and reveal, both as they should be."""
        told = told or reveal(number)
        self.commit(number, told, **others)
        self.reveal(number, told, **others)

    def outcome(self, voters: Electorate | None = None) -> Outcome:
        found = voters or electorate()
        return round_from_transactions(ROUND, self.transactions, SUBMISSION, lambda _: found, BENCHING_ROUNDS)
