"""A round's outcome: who revealed, who offended, and the result if there is one. Source: fsp.md sections 2 to 4."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.median import Median, weighted_medians
from chrono.flare.random import round_random
from chrono.flare.results import RoundResult, feed_results
from chrono.flare.round.electorate import Electorate
from chrono.flare.round.submissions import ReadReveal, Submissions, read_submissions
from chrono.flare.round.transactions import RoundTransactions, Transaction, by_round

ElectorateOf = Callable[[int], Electorate | None]
"""The electorate of a round, by the reward epoch it really belongs to. None is for rounds before the protocol began,
in which nobody can offend; where the electorate is not known, raise: without it the random would be a guess."""


class Outcome(Struct, frozen=True):
    """What became of a round."""

    voting_round_id: int
    valid: dict[Address, ReadReveal]
    """The reveals of voters that match their commits."""
    offenders: frozenset[Address]
    """The voters who committed and did not reveal that in time."""
    benched: frozenset[Address]
    result: RoundResult | None
    """None when nobody revealed, or no vote has any weight: then there is nothing to sign."""


def round_from_transactions(
    voting_round: VotingRound,
    transactions: Iterable[Transaction],
    submission: Address,
    electorate_of: ElectorateOf,
    benching_rounds: int,
) -> Outcome:
    """The outcome of a round from the raw transactions of itself and of the `benching_rounds` rounds before it.

    `transactions` may hold any others too, in any order. `benching_rounds` is the network's.

    Raises: LookupError when the round has no electorate.
    """
    electorate = electorate_of(voting_round.id)
    if electorate is None:
        raise LookupError(f"there is no electorate for round {voting_round.id}")
    found = by_round(transactions, submission, voting_round.timing)
    past = range(voting_round.id - benching_rounds, voting_round.id)
    benched = [submissions.offenders for submissions in _read_past(past, found, electorate_of)]
    this = found.get(voting_round.id, RoundTransactions([], []))
    return conclude(read_submissions(voting_round.id, this, electorate), frozenset().union(*benched), electorate)


def conclude(submissions: Submissions, benched: frozenset[Address], electorate: Electorate) -> Outcome:
    """The outcome of a round whose transactions have been read.

    `benched` are all offenders of the rounds before, voters or not: whoever follows the chain keeps `offenders` of
    each round it read and needs not read it again.
    """
    eligible = electorate.submit_addresses
    valid = {sender: read for sender, read in submissions.matching.items() if sender in eligible}
    offenders = submissions.offenders & eligible
    result = _result(submissions.voting_round_id, valid, offenders, benched, electorate)
    return Outcome(submissions.voting_round_id, valid, offenders, benched, result)


def _read_past(
    rounds: Iterable[int], found: Mapping[int, RoundTransactions], electorate_of: ElectorateOf
) -> Iterable[Submissions]:
    for round_id in rounds:
        electorate = electorate_of(round_id) if round_id in found else None
        if electorate is not None:
            yield read_submissions(round_id, found[round_id], electorate)


def _result(
    round_id: int,
    valid: Mapping[Address, ReadReveal],
    offenders: frozenset[Address],
    benched: frozenset[Address],
    electorate: Electorate,
) -> RoundResult | None:
    if not valid or not electorate.total_weight:
        return None
    columns = _columns(valid, electorate)
    medians = weighted_medians(columns, electorate.weights)
    if any(map(_undecided, columns, medians)):
        return None
    random = round_random({sender: read.reveal.random for sender, read in valid.items()}, offenders, benched)
    return RoundResult(round_id, random, feed_results(round_id, electorate.feeds, medians, electorate.total_weight))


def _columns(valid: Mapping[Address, ReadReveal], electorate: Electorate) -> list[list[int | None]]:
    """The vote of every voter on every feed, in the order of the policy. Shape: (feeds, voters)."""
    nothing: list[int | None] = [None] * len(electorate.feeds)
    rows = [
        valid[voter.submit_address].values if voter.submit_address in valid else nothing for voter in electorate.voters
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _undecided(column: Sequence[int | None], median: Median | None) -> bool:
    """Whether there is a vote and yet no median: the only vote on a feed has no weight, and the reference throws."""
    return median is None and any(value is not None for value in column)
