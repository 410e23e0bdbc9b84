"""Every alert fires once in its fault, is resolved once after it, and none ever fires while all is well."""

from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace

from chrono.alerts.alarms import Alarms, Notice, Status
from chrono.alerts.rules import RULES
from chrono.alerts.watched import Account, OwedReveal, Submitted, Watched
from chrono.clock import SECOND_NS
from tests.fakes.alerting import COIN, EPOCH_S, REVEAL_S, ROUND_S, START_S, calm

DAY_S = 86_400


def told(alarms: Alarms, life: Iterable[Watched]) -> list[Notice]:
    return [notice for watched in life for notice in alarms.look(watched)]


def test_seven_calm_days_are_silent() -> None:
    assert told(Alarms(), calm(7 * DAY_S, every=7)) == []
    assert told(Alarms(), calm(3 * 3600, since=EPOCH_S - 2 * 3600)) == []


def test_nothing_is_told_for_want_of_knowledge() -> None:
    blank = [Watched(network="flare", now_ns=s * SECOND_NS, monotonic_ns=s * SECOND_NS) for s in range(3600)]
    assert told(Alarms(), blank) == []


def _no_reveal(watched: Watched) -> Watched:
    """The reveal of one round stays away until two seconds before its end."""
    into_s = (watched.now_ns // SECOND_NS - 1_658_430_000) % ROUND_S
    if into_s > REVEAL_S - 2:
        return replace(watched, owed=())
    ends_ns = watched.now_ns + (REVEAL_S - into_s) * SECOND_NS
    return replace(watched, owed=(OwedReveal(round_id=7, deadline_ns=ends_ns, window_ns=REVEAL_S * SECOND_NS),))


def _missing(watched: Watched) -> Watched:
    gone = tuple(Submitted(round_id=each.round_id, missed=True, reason="too_late") for each in watched.rounds[:2])
    return replace(watched, rounds=(*gone, watched.rounds[2]))


def _poor(**changes: object) -> Callable[[Watched], Watched]:
    return lambda watched: replace(
        watched, accounts={**watched.accounts, "submit": replace(watched.accounts["submit"], **changes)}
    )


FAULTS: dict[str, tuple[str, int, int, Callable[[Watched], Watched]]] = {
    # name: alert, when it begins, how long it lasts (seconds from the first of a reward epoch), what it does
    "reveal": ("reveal_at_risk", 90 * 10, 90, _no_reveal),
    "offence": ("reveal_offence", 1000, 10**9, lambda watched: replace(watched, offences=1)),
    "conflict": ("signer_conflict", 1000, 10**9, lambda watched: replace(watched, conflicts=1)),
    "stranger": ("unknown_submission", 1000, 10**9, lambda watched: replace(watched, strangers=1)),
    "missed": ("submissions_missed", 1000, 300, _missing),
    "unregistered": (
        "not_registered",
        EPOCH_S - 3 * 3600,
        3 * 3600 - 900,
        lambda watched: replace(watched, registered_next=False),
    ),
    "nodes": ("no_healthy_node", 1000, 90, lambda watched: replace(watched, healthy_nodes=0)),
    "away": ("voter_away", 1000, 90, lambda watched: replace(watched, away="journal_broken")),
    "runway": ("balance_low", 1000, 300, _poor(runway_s=23.0 * 3600)),
    "reserve": ("balance_low", 1000, 300, _poor(balance_wei=19 * COIN)),
    "skew": ("clock_skewed", 1000, 90, lambda watched: replace(watched, skew_ns=-2_100_000_000)),
    "far skew": ("clock_skewed", 1000, 90, lambda watched: replace(watched, skew_ns=120 * SECOND_NS)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fires_once_and_is_resolved_once(name: str) -> None:
    alert, begins, lasts, spoil = FAULTS[name]
    alarms, found = Alarms(), []
    before = 300 if alert == "reveal_at_risk" else 900
    for watched in calm(before + min(lasts, 3 * 3600) + 3600, since=begins - before):
        second = watched.now_ns // SECOND_NS - START_S
        found += alarms.look(spoil(watched) if begins <= second < begins + lasts else watched)
    assert [(each.alert, each.status) for each in found] == [(alert, Status.FIRING), (alert, Status.RESOLVED)]
    first, last = found
    assert first.id == last.id
    assert first.began_ns >= (START_S + begins) * SECOND_NS
    assert last.ended_ns is not None
    assert last.ended_ns > first.began_ns
    assert alarms.firing == []


def test_every_rule_has_its_fault() -> None:
    assert {alert for alert, *_ in FAULTS.values()} == {rule.code for rule in RULES}


def _watched(second: float = 0.0, **facts: object) -> Watched:
    return replace(Watched(network="flare", now_ns=START_S * SECOND_NS, monotonic_ns=int(second * SECOND_NS)), **facts)


@pytest.mark.parametrize(
    ("window_s", "left_s", "fires"),
    [(45, 20, False), (45, 19.9, True), (45, 0.1, True), (45, 0, False), (9, 4, False), (9, 3.9, True)],
)
def test_a_reveal_is_at_risk_in_the_last_twenty_seconds_of_its_window(
    window_s: int, left_s: float, fires: bool
) -> None:
    deadline_ns = START_S * SECOND_NS + int(left_s * SECOND_NS)
    owed = OwedReveal(round_id=7, deadline_ns=deadline_ns, window_ns=window_s * SECOND_NS)
    (notice,) = Alarms().look(_watched(owed=(owed,))) or [None]
    assert (notice is not None) is fires
    if notice is not None:
        assert notice.subject == "7"


def test_each_round_at_risk_is_told_of_its_own() -> None:
    alarms = Alarms()
    owed = [OwedReveal(round_id=n, deadline_ns=START_S * SECOND_NS + n, window_ns=45 * SECOND_NS) for n in (7, 8)]
    assert [each.subject for each in alarms.look(_watched(owed=(owed[0],)))] == ["7"]
    assert [(each.subject, each.status) for each in alarms.look(_watched(owed=(owed[1],)))] == [
        ("7", Status.RESOLVED),
        ("8", Status.FIRING),
    ]


def test_every_offence_is_told_and_each_ends_by_itself() -> None:
    alarms, found = Alarms(), []
    for second in range(3 * 3600):
        offences = 0 if second < 100 else 1 if second < 200 else 2
        found += alarms.look(_watched(second, offences=offences))
    assert [(each.subject, each.status) for each in found] == [
        ("1", Status.FIRING),
        ("2", Status.FIRING),
        ("1", Status.RESOLVED),
        ("2", Status.RESOLVED),
    ]


@pytest.mark.parametrize(
    ("missed", "is_on"), [("...", False), ("..x", False), ("x.x", True), ("xx.", True), ("xxx", True), ("x", False)]
)
def test_two_of_three_rounds_are_too_many(missed: str, is_on: bool) -> None:
    rounds = tuple(Submitted(round_id=n, missed=each == "x") for n, each in enumerate(missed))
    assert bool(Alarms().look(_watched(rounds=rounds))) is is_on


def test_missed_rounds_are_over_when_three_were_good() -> None:
    alarms, pattern = Alarms(), ".xx.x..x.....xx"
    statuses = []
    for end in range(3, len(pattern) + 1):
        rounds = tuple(Submitted(round_id=n, missed=pattern[n] == "x") for n in range(end - 3, end))
        statuses += [(end, each.status) for each in alarms.look(_watched(end * 90.0, rounds=rounds))]
    assert statuses == [(3, Status.FIRING), (11, Status.RESOLVED), (15, Status.FIRING)]


@pytest.mark.parametrize(
    ("epoch_s", "left_s", "fires"),
    [(302_400, 3599, True), (302_400, 3601, False), (21_600, 1000, True), (21_600, 1100, False), (1000, 51, False)],
)
def test_registration_is_late_within_the_hour_or_a_twentieth_of_a_short_epoch(
    epoch_s: int, left_s: int, fires: bool
) -> None:
    alarms = Alarms()
    facts = {
        "registered_next": False,
        "epoch_ends_ns": (START_S + left_s) * SECOND_NS,
        "epoch_length_ns": epoch_s * SECOND_NS,
    }
    alarms.look(_watched(0, **facts))
    assert bool(alarms.look(_watched(60, **facts))) is fires


def test_an_epoch_that_begins_without_us_is_no_good_news() -> None:
    alarms = Alarms()
    late = {"registered_next": False, "epoch_length_ns": EPOCH_S * SECOND_NS}
    alarms.look(_watched(0, **late, epoch_ends_ns=(START_S + 60) * SECOND_NS))
    assert alarms.look(_watched(60, **late, epoch_ends_ns=(START_S + 1) * SECOND_NS))
    for second in range(61, 4000):
        assert alarms.look(_watched(second, **late, epoch_ends_ns=(START_S + EPOCH_S) * SECOND_NS)) == []
    (over,) = alarms.look(_watched(4000, **late | {"registered_next": True}, epoch_ends_ns=(START_S + 1) * SECOND_NS))
    assert over.status is Status.RESOLVED


def test_a_fault_that_comes_and_goes_within_a_minute_is_not_told() -> None:
    alarms = Alarms()
    flapping = (_watched(second, healthy_nodes=0 if second % 60 < 55 else 1) for second in range(7200))
    assert told(alarms, flapping) == []


def test_a_value_at_the_limit_is_told_once() -> None:
    alarms, found = Alarms(), []
    for second in range(7200):
        skew_s = 1.95 if second // 80 % 2 else 2.05  # above and below the limit, never safely below
        found += alarms.look(_watched(second, skew_ns=int(skew_s * SECOND_NS)))
    assert [each.status for each in found] == [Status.FIRING]


def test_a_node_that_comes_back_for_a_moment_is_no_end_of_it() -> None:
    alarms, found = Alarms(), []
    for second in range(600):
        found += alarms.look(_watched(second, healthy_nodes=1 if second > 100 and second % 30 < 8 else 0))
    assert [each.status for each in found] == [Status.FIRING]


def test_an_account_of_one_role_says_nothing_of_the_others() -> None:
    alarms, found = Alarms(), []
    for second in range(300):
        accounts = {role: Account(balance_wei=0, runway_s=None, reserve_wei=1) for role in ("submit", "executor")}
        if second > 150:
            accounts["submit"] = Account(balance_wei=10, runway_s=None, reserve_wei=1)
        found += alarms.look(_watched(second, accounts=accounts))
    assert [(each.subject, each.status.value) for each in found] == [
        ("submit", "firing"),
        ("executor", "firing"),
        ("submit", "resolved"),
    ]


def test_what_becomes_unknown_stays_as_it_was() -> None:
    alarms = Alarms()
    for second in range(62):
        alarms.look(_watched(second, healthy_nodes=0))
    assert len(alarms.firing) == 1
    for second in range(62, 1000):
        assert alarms.look(_watched(second)) == []
    assert len(alarms.firing) == 1


def test_a_duty_that_begins_anew_ends_no_alert_for_want_of_knowledge() -> None:
    """After a crash it knows nothing at first: neither what is owed, nor what the accounts hold."""
    poor = {role: Account(balance_wei=0, runway_s=None, reserve_wei=1) for role in ("submit", "executor")}
    owed = OwedReveal(round_id=7, deadline_ns=START_S * SECOND_NS + 10**9, window_ns=45 * SECOND_NS)
    alarms, found = Alarms(), []
    for second in range(400):
        begun = second < 200 or second >= 230
        knows = {"owed": (owed,), "accounts": poor if second != 230 else {"submit": poor["submit"]}}
        found += alarms.look(_watched(second, **(knows if begun else {"owed": None})))
    assert sorted((each.alert, each.status.value) for each in found) == [
        ("balance_low", "firing"),
        ("balance_low", "firing"),
        ("reveal_at_risk", "firing"),
    ]


@pytest.mark.parametrize("fact", ["offences", "conflicts", "strangers"])
def test_what_is_counted_anew_by_a_duty_that_begins_anew_is_news(fact: str) -> None:
    alarms, found = Alarms(), []
    for second in range(400):
        count = 0 if second < 100 or 200 <= second < 300 else 1
        found += alarms.look(_watched(second, **{fact: count}))
    assert [(each.subject, each.status) for each in found] == [("1", Status.FIRING), ("2", Status.FIRING)]


@pytest.mark.parametrize("fact", ["offences", "conflicts", "strangers"])
def test_a_duty_that_was_only_silent_counts_on_and_tells_nothing_twice(fact: str) -> None:
    alarms, found = Alarms(), []
    for second in range(400):
        found += alarms.look(_watched(second, **({fact: 2} if second < 100 or second >= 150 else {})))
    assert [each.subject for each in found] == ["2"]


def test_a_duty_that_waits_for_any_node_is_not_told_twice() -> None:
    alarms, found = Alarms(), []
    for second in range(200):
        found += alarms.look(_watched(second, healthy_nodes=0, away="it waits for: the nodes"))
    assert [each.alert for each in found] == ["no_healthy_node"]


def test_a_notice_carries_what_somebody_needs_at_night() -> None:
    (notice,) = Alarms().look(_watched(offences=3))
    assert notice.alert == "reveal_offence"
    assert notice.facts == {"count": 3}
    assert "thirty rounds" in notice.summary
    assert "chrono ftso explain" in notice.remedy
    assert notice.id.startswith("flare/reveal_offence/3/")


def test_calm_life_has_reveals_in_it() -> None:
    """The calm week would prove nothing of reveals and misses if there were none."""
    life = list(calm(90 * 210, every=3))
    assert sum(bool(watched.owed) for watched in life) > 1000
    assert any(each.missed for watched in life for each in watched.rounds)
    assert any(watched.healthy_nodes == 0 for watched in life)
