"""When somebody must come: ten rules over what is watched, each with the moment at which it is over again. No I/O.

Few and sure: each stands for money or a duty in danger now, and none fires while all is well. Source: failures.md
section 4, pages 1 to 8, and 2A row 7. Figures of time are those of Flare's 90 s rounds, and shrink with shorter ones.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from chrono.alerts.watched import Account, Watched
from chrono.clock import SECOND_NS

Fact: TypeAlias = str | int | float
HOUR_NS: Final = 3600 * SECOND_NS

REVEAL_WINDOW_S: Final = 45
RISK_S: Final = 20
"""A reveal that is not confirmed so shortly before the end of a window of REVEAL_WINDOW_S is at risk."""

MISSES: Final = 2
"""Of the last three rounds."""

REGISTER_NS: Final = HOUR_NS
SHORT_EPOCH: Final = 20
"""In reward epochs of less than twenty hours, a twentieth of one stands for the hour."""

RUNWAY_S: Final = 24 * 3600
SAFE_RUNWAY_S: Final = 30 * 3600
SKEW_NS: Final = 2 * SECOND_NS
SAFE_SKEW_NS: Final = 3 * SECOND_NS // 2


class Found(Struct, frozen=True):
    """What a rule sees of one subject. `is_on` is None between the limits: it stays as it was."""

    is_on: bool | None
    facts: Mapping[str, Fact]


Look: TypeAlias = Callable[[Watched], Mapping[str, Found] | None]
"""By subject (a round, a role; "" where there is one only); a subject that is not named is off. None: not known now."""


class Rule(Struct, frozen=True, kw_only=True):
    """One alert: what it is called, what it means, what to do, and how long it must last to begin and to end."""

    code: str
    summary: str
    remedy: str
    look: Look
    begins_after_ns: int = 0
    ends_after_ns: int = 0
    is_event: bool = False
    """Whether it happened and cannot be undone: it ends when nothing followed for `ends_after_ns`."""


def _reveal(watched: Watched) -> dict[str, Found] | None:
    if watched.owed is None:
        return None
    found = {}
    for owed in watched.owed:
        left_ns = owed.deadline_ns - watched.now_ns
        is_on = 0 < left_ns < owed.window_ns * RISK_S // REVEAL_WINDOW_S
        found[str(owed.round_id)] = Found(is_on, {"round": owed.round_id, "left_s": round(left_ns / SECOND_NS, 1)})
    return found


def _offence(watched: Watched) -> dict[str, Found]:
    return _counted(watched.offences)


def _conflict(watched: Watched) -> dict[str, Found]:
    return _counted(watched.conflicts)


def _stranger(watched: Watched) -> dict[str, Found]:
    return _counted(watched.strangers)


def _counted(count: int | None) -> dict[str, Found]:
    """The newest of several events."""
    return {str(count): Found(is_on=True, facts={"count": count})} if count else {}


def _missed(watched: Watched) -> dict[str, Found] | None:
    if not watched.rounds:
        return None
    missed = [each for each in watched.rounds[-3:] if each.missed]
    facts: dict[str, Fact] = {
        "missed": len(missed),
        "rounds": ", ".join(f"{each.round_id} ({each.reason})" for each in missed),
    }
    return {"": Found(_between(len(missed) >= MISSES, is_off=not missed), facts)}


def _unregistered(watched: Watched) -> dict[str, Found] | None:
    if watched.registered_next is None or watched.epoch_ends_ns is None:
        return None
    left_ns = watched.epoch_ends_ns - watched.now_ns
    late_ns = min(REGISTER_NS, (watched.epoch_length_ns or SHORT_EPOCH * REGISTER_NS) // SHORT_EPOCH)
    is_late = not watched.registered_next and left_ns < late_ns
    # Once it is on, only a registration ends it: the epoch that began without us is no good news.
    return {"": Found(_between(is_late, is_off=watched.registered_next), {"left_s": max(left_ns, 0) // SECOND_NS})}


def _no_node(watched: Watched) -> dict[str, Found] | None:
    if watched.healthy_nodes is None:
        return None
    return {"": Found(watched.healthy_nodes == 0, {"healthy": watched.healthy_nodes})}


def _away(watched: Watched) -> dict[str, Found] | None:
    if watched.away is None or watched.healthy_nodes == 0:  # no node: that is told of its own
        return None
    return {"": Found(bool(watched.away), {"why": watched.away})}


def _low(watched: Watched) -> dict[str, Found] | None:
    return None if not watched.accounts else {role: _funds(role, account) for role, account in watched.accounts.items()}


def _funds(role: str, account: Account) -> Found:
    runway_s, reserve_wei = account.runway_s, account.reserve_wei
    is_low = account.balance_wei < reserve_wei or (runway_s is not None and runway_s < RUNWAY_S)
    is_safe = account.balance_wei * 10 >= reserve_wei * 11 and (runway_s is None or runway_s >= SAFE_RUNWAY_S)
    facts: dict[str, Fact] = {"role": role, "balance_wei": str(account.balance_wei), "reserve_wei": str(reserve_wei)}
    if runway_s is not None:
        facts["runway_s"] = round(runway_s)
    return Found(_between(is_low, is_off=is_safe), facts)


def _skewed(watched: Watched) -> dict[str, Found] | None:
    if watched.skew_ns is None:
        return None
    off_ns = abs(watched.skew_ns)
    facts = {"skew_s": round(watched.skew_ns / SECOND_NS, 2)}
    return {"": Found(_between(off_ns > SKEW_NS, is_off=off_ns < SAFE_SKEW_NS), facts)}


def _between(is_on: bool, *, is_off: bool) -> bool | None:
    return True if is_on else (False if is_off else None)


RULES: Final = (
    Rule(
        code="reveal_at_risk",
        summary="a commit is not revealed yet, and its reveal window ends soon",
        remedy="look at the nodes' states and at the funds of the submit account; leave Chrono running, it still tries",
        look=_reveal,
    ),
    Rule(
        code="reveal_offence",
        summary="a commit was not revealed in time: thirty rounds' rewards are lost",
        remedy="read the round with `chrono ftso explain`, and mend what held the reveal back before the next commit",
        look=_offence,
        is_event=True,
        ends_after_ns=HOUR_NS // 2,
    ),
    Rule(
        code="signer_conflict",
        summary="a second, different result of one round was to be signed, and was refused",
        remedy="nothing was signed; find out why the results differ: two providers of one identity, or nodes that lie",
        look=_conflict,
        is_event=True,
        ends_after_ns=HOUR_NS // 2,
    ),
    Rule(
        code="unknown_submission",
        summary="the chain holds a transaction of our address that the journal does not know",
        remedy="stop the other program that uses this key, or put the newest journal back; two rounds are kept silent",
        look=_stranger,
        is_event=True,
        ends_after_ns=HOUR_NS // 2,
    ),
    Rule(
        code="submissions_missed",
        summary="two of the last three rounds were missed",
        remedy="read the rounds with `chrono ftso explain`, each names its reason; `chrono status` tells what goes on",
        look=_missed,
    ),
    Rule(
        code="not_registered",
        summary="the next reward epoch begins within the hour, and we are not registered for it",
        remedy="run `chrono ftso check`, mend what it names, and register with `chrono ftso register`",
        look=_unregistered,
        begins_after_ns=60 * SECOND_NS,
    ),
    Rule(
        code="no_healthy_node",
        summary="no node of the network has answered as it should for a minute",
        remedy="look at `chrono status` for each node's state; name other nodes in `flare.nodes`",
        look=_no_node,
        begins_after_ns=60 * SECOND_NS,
        ends_after_ns=10 * SECOND_NS,
    ),
    Rule(
        code="voter_away",
        summary="the duty has not been at work for a minute: it does not begin, or stands still",
        remedy="mend what it names; Chrono tries again by itself, and `chrono status` tells what it waits for",
        look=_away,
        begins_after_ns=60 * SECOND_NS,
        ends_after_ns=10 * SECOND_NS,
    ),
    Rule(
        code="balance_low",
        summary="an account lasts for less than a day, or holds less than what reveals may need",
        remedy="send coins to the account; `chrono wallet fund-check` tells how much each should hold",
        look=_low,
        begins_after_ns=120 * SECOND_NS,
        ends_after_ns=60 * SECOND_NS,
    ),
    Rule(
        code="clock_skewed",
        summary="this machine's clock differs from the chain's by more than two seconds",
        remedy="mend the time service (chronyd, systemd-timesyncd, timed); beyond ten seconds nothing is committed",
        look=_skewed,
        begins_after_ns=60 * SECOND_NS,
        ends_after_ns=30 * SECOND_NS,
    ),
)
"""Every alert of the duty. Add a rule here; docs/runbook.md must tell what to do about it."""
