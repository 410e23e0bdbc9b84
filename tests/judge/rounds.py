"""The result of a round, and whether the chain has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from py_flare_common.ftso.median import FtsoVote, calculate_median
from py_flare_common.merkle import MerkleTree

from tests.judge import sums
from tests.judge.chain import Chain
from tests.judge.epochs import Electorate, Epochs
from tests.judge.events import RELAYED, Relayed, logs_of, relayed_of
from tests.judge.frames import FTSO
from tests.judge.votes import RANDOM_BYTES, Box


@dataclass(frozen=True)
class Result:
    """What everybody should have signed."""

    root: bytes
    random: int
    is_secure: bool
    medians: tuple[int | None, ...]
    revealed: int

    def message(self, round_id: int) -> bytes:
        return bytes([FTSO]) + round_id.to_bytes(4, "big") + bytes([self.is_secure]) + self.root


@dataclass(frozen=True)
class Verdict:
    """Of one round. `fault` is None when the chain has the right root, or rightly none."""

    round_id: int
    reward_epoch: int
    feeds: int
    fip16: bool
    result: Result | None
    relayed: Relayed | None
    fault: str | None


def result_of(round_id: int, electorate: Electorate, box: Box) -> Result | None:
    """None without a single valid reveal of a voter: then there is nothing to sign."""
    valid = box.valid(round_id)
    reveals = {voter.submit: valid[voter.submit] for voter in electorate.voters if voter.submit in valid}
    weights = [voter.weight for voter in electorate.voters]
    if not reveals or not sum(weights):
        return None
    offenders = box.offenders(round_id) & {voter.submit for voter in electorate.voters}
    randoms = {voter: int.from_bytes(reveal[:RANDOM_BYTES], "big") for voter, reveal in reveals.items()}
    random, is_secure = sums.random_of(randoms, offenders, box.benched(round_id))
    votes = [sums.decode_values(reveals.get(voter.submit, b"")[RANDOM_BYTES:]) for voter in electorate.voters]
    return conclude(round_id, electorate.feeds, weights, votes, (random, is_secure), len(reveals))


def conclude(
    round_id: int,
    feeds: Sequence[tuple[bytes, int]],
    weights: Sequence[int],
    votes: Sequence[Sequence[int | None]],
    random: tuple[int, bool],
    revealed: int,
) -> Result | None:
    """From the votes by voter to the root; None where the reference throws."""
    leaves = [sums.random_leaf(round_id, *random)]
    medians: list[int | None] = []
    for place, (feed, decimals) in enumerate(feeds):
        column = [told[place] if place < len(told) else None for told in votes]
        try:
            found = sums.median(column, weights)
        except sums.NoResultError:
            return None
        second_opinion(column, weights, found)
        turnout = sums.turnout_bips(found.participating, sum(weights)) if found else 0
        medians.append(found.value if found else None)
        leaves.append(sums.feed_leaf(round_id, feed, found.value if found else 0, turnout, decimals))
    root = sums.merkle_root(leaves)
    if MerkleTree([leaf.hex() for leaf in leaves]).root != "0x" + root.hex():
        raise AssertionError(f"two Merkle trees differ in round {round_id}")
    return Result(root, *random, tuple(medians), revealed)


def second_opinion(values: Sequence[int | None], weights: Sequence[int], found: sums.Median | None) -> None:
    """py-flare-common's median, which cannot count votes without any weight."""
    votes = [FtsoVote(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    if not sum(vote.weight for vote in votes):
        return
    told = calculate_median(votes)
    same = (
        told
        and found
        and (told.value, told.first_quartile, told.third_quartile)
        == (
            found.value,
            found.quartile1,
            found.quartile3,
        )
    )
    if not same:
        raise AssertionError(f"two medians differ: {told} and {found}")


class Rounds:
    """Verdicts on every round that is over."""

    def __init__(self, chain: Chain, epochs: Epochs, box: Box) -> None:
        self._chain = chain
        self._epochs = epochs
        self._box = box
        told = map(relayed_of, logs_of(chain, "Relay", RELAYED))
        self.relayed = {each.round_id: each for each in told if each.protocol == FTSO}

    def over(self) -> list[int]:
        """From the first round of the first policy to the last one whose time is up."""
        starts = [policy.start_round for policy in self._epochs.policies.values()]
        last = self._chain.calendar.round_at(self._chain.head_time_s) - 2
        return list(range(min(starts), last + 1)) if starts else []

    def verdict(self, round_id: int) -> Verdict:
        electorate = self._epochs.electorate_of(round_id)
        if electorate is None:
            raise LookupError(f"no policy for round {round_id}")
        result = result_of(round_id, electorate, self._box)
        relayed = self.relayed.get(round_id)
        return Verdict(
            round_id,
            electorate.reward_epoch,
            len(electorate.feeds),
            electorate.fip16,
            result,
            relayed,
            _fault(result, relayed),
        )


def _fault(result: Result | None, relayed: Relayed | None) -> str | None:
    if relayed is None:
        return "not finalised" if result else None
    if result is None:
        return "finalised without a single reveal"
    if relayed.root != result.root:
        return "another root"
    return None if relayed.is_secure == result.is_secure else "another word on the random"
