"""A provider's life as the alert rules see it, second by second: calm, with the noise that belongs to it."""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from chrono.alerts.watched import Account, OwedReveal, Submitted, Watched
from chrono.clock import SECOND_NS

START_S = 1_800_000_000
START_S -= (START_S - 1_658_430_000) % 302_400
"""The first second of a reward epoch of Flare."""
ROUND_S, REVEAL_S, EPOCH_S = 90, 45, 302_400
COIN = 10**18
ROLES = ("submit", "submit_signatures", "signing_policy")


def calm_at(second: float, chance: random.Random) -> Watched:
    """One second of a calm life: reveals are confirmed by the 12th second, one round in 200 is missed alone."""
    at_s = START_S + second
    round_id, into_s = int((at_s - 1_658_430_000) // ROUND_S), (at_s - 1_658_430_000) % ROUND_S
    before = round_id - 1
    owed = [_owed(before)] if into_s < 5 + chance.random() * 7 else []
    owed += [_owed(round_id)] if into_s > 76 else []
    epoch_s = second % EPOCH_S
    return Watched(
        network="flare",
        now_ns=int(at_s * SECOND_NS),
        monotonic_ns=int((second + 1000) * SECOND_NS),
        away="the history of the chain is not read on" if second % 5400 < 40 else "",
        owed=tuple(owed),
        offences=0,
        conflicts=0,
        strangers=0,
        rounds=tuple(
            Submitted(round_id=each, missed=each % 200 == 0, reason="too_late") for each in range(before - 3, before)
        ),
        registered_next=epoch_s > EPOCH_S - 2 * 3600,
        epoch_ends_ns=int((at_s - epoch_s + EPOCH_S) * SECOND_NS),
        epoch_length_ns=EPOCH_S * SECOND_NS,
        healthy_nodes=0 if second % 7200 < 20 else chance.randint(1, 3),
        accounts={role: _account(second) for role in ROLES},
        skew_ns=int(chance.gauss(0, 0.3) * SECOND_NS) if second % 3600 > 20 else 5 * SECOND_NS,
    )


def _owed(round_id: int) -> OwedReveal:
    ends_s = 1_658_430_000 + (round_id + 1) * ROUND_S + REVEAL_S
    return OwedReveal(round_id=round_id, deadline_ns=ends_s * SECOND_NS, window_ns=REVEAL_S * SECOND_NS)


def _account(second: float) -> Account:
    """200 coins, filled up once a week, of which 15 go in a day."""
    left = 200 * COIN - int(second % (7 * 86_400)) * 15 * COIN // 86_400
    return Account(balance_wei=left, runway_s=left * 86_400 / (15 * COIN), reserve_wei=20 * COIN)


def calm(seconds: int, *, since: int = 0, every: int = 1, seed: int = 1) -> Iterator[Watched]:
    """A calm life, every so many seconds."""
    chance = random.Random(seed)
    for second in range(since, since + seconds, every):
        yield calm_at(second, chance)


def changed(watched: Watched, **facts: object) -> Watched:
    """The same moment, with other facts."""
    return replace(watched, **facts)
