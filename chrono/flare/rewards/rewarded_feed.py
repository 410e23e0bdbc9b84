"""Which feed a round pays for: a later secure random decides, so that nobody knows while voting.

Source: fsp.md section 7, step 2; FTSO-Scaling random-number-fixing-utils.ts and reward-offers.ts.
"""

from collections.abc import Mapping

from chrono.flare.abi import word
from chrono.flare.random import RoundRandom
from chrono_core import keccak256

ROUNDS_INTO_NEXT_EPOCH = 30
"""How far into the next reward epoch a secure random is looked for; without one the last rounds' offers burn."""


def rewarded_random(random: int, voting_round_id: int) -> int:
    """The number that chooses the feeds of the rounds before `voting_round_id`, whose secure random is `random`.

    The specification hashes each covered round's own id; the reference hashes the id of the round that gave the
    random, so that all rounds it covers pay for the same feed. The reference decides what is paid.
    """
    return int.from_bytes(keccak256(word(random) + word(voting_round_id)))


def rewarded_randoms(first_round: int, last_round: int, randoms: Mapping[int, RoundRandom]) -> list[int | None]:
    """For each round of an epoch, the number that chooses its feed; None where no later secure random came in time.

    `randoms` are by voting round: those of the epoch and of the beginning of the next one.
    """
    chosen: list[int | None] = []
    for voting_round_id in range(first_round + 1, last_round + ROUNDS_INTO_NEXT_EPOCH + 1):
        random = randoms.get(voting_round_id)
        if random is not None and random.is_secure:
            covered = min(voting_round_id, last_round + 1) - first_round
            chosen += [rewarded_random(random.value, voting_round_id)] * (covered - len(chosen))
    return chosen + [None] * (last_round - first_round + 1 - len(chosen))


def feed_index(random: int, feeds: int) -> int:
    """The place of the rewarded feed among `feeds`: the canonical order, or the eligible fast-update feeds.

    Raises: ZeroDivisionError without feeds.
    """
    return random % feeds
