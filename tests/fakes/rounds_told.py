"""Rounds as the duty tells them: made by hand, with real results of real reveals."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import TOO_LATE
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import Outcome, conclude
from chrono.flare.round.submissions import ReadReveal, Submissions
from chrono.voting.closeness import feed_outcomes
from chrono.voting.provider_report import (
    Awaiting,
    Balance,
    Budget,
    Mode,
    OwedReveal,
    ProviderReport,
    Registered,
)
from chrono.voting.reports import Payload, RoundPhase, RoundReport, Sent, SentPhase, SentStatus
from tests.fakes.flare_round import reveal, sender

TIMING = Timing.of("coston2")
CURRENT = VotingRound(1_128_703, TIMING)
"""The round of 2025-10-09T12:34:30Z, in which the API's fake clock stands."""

ROUND = VotingRound(CURRENT.id - 2, TIMING)
"""The newest that is over then."""

FEEDS = (
    Feed(FeedId(1, "FLR/USD"), 7),
    Feed(FeedId(1, "BTC/USD"), 2),
    Feed(FeedId(1, "ETH/USD"), 3),
    Feed(FeedId(2, "EUR/USD"), 5),
)
VALUES: Sequence[Sequence[int | None]] = (
    (165_500, 6_723_456, 2_500_100, None),
    (165_400, 6_723_000, 2_510_000, None),
    (165_600, 6_724_000, 2_520_000, None),
    (165_700, 6_725_000, 2_530_000, None),
)
"""Of each voter; ours first. Our ETH/USD is 1.2 % low, and nobody has EUR/USD."""

BAND_PPMS = {feed.id: 1000 for feed in FEEDS}
SUBMIT = sender(0)


def electorate() -> Electorate:
    """Four voters of the same weight."""
    voters = tuple(Voter(sender(number), 100, 16_383) for number in range(len(VALUES)))
    return Electorate(4707, voters, FEEDS, fip16=False)


def outcome(voting_round: VotingRound = ROUND) -> Outcome:
    """What the four of them reveal."""
    told = {sender(number): reveal(number, values) for number, values in enumerate(VALUES)}
    commits = {who: what.commit_hash(who, voting_round.id) for who, what in told.items()}
    reveals = {who: ReadReveal(what, what.values(len(FEEDS))) for who, what in told.items()}
    return conclude(Submissions(voting_round.id, commits, reveals), frozenset(), electorate())


_WHEN = {
    SentPhase.SUBMIT1: (78, 12),
    SentPhase.SUBMIT2: (90 + 20, 25),
    SentPhase.SUBMIT_SIGNATURES: (90 + 47, 13),
    SentPhase.RELAY: (90 + 50, 15),
}
"""In which second after the start of the round its block is, and how many before its deadline that is."""


def sent(phase: SentPhase, voting_round: VotingRound = ROUND, **changes: Any) -> Sent:
    """A transaction that is in a block, in time."""
    number = list(SentPhase).index(phase)
    after_s, margin_s = _WHEN[phase]
    mined_ns = (voting_round.epoch.start_s + after_s) * SECOND_NS
    fields: dict[str, Any] = {
        "intent_id": f"coston2/{voting_round.id}/{phase}",
        "phase": phase,
        "status": SentStatus.CONFIRMED,
        "tx_hash": bytes([number + 1]) * 32,
        "submitted_at_ns": mined_ns - 1_877 * MS_NS,
        "confirmed_at_ns": mined_ns,
        "block_number": 24_680_000 + number,
        "gas_used": 45_000,
        "fee_wei": 45_000 * 25 * 10**9,
        "margin_ms": margin_s * 1000,
    }
    return Sent(**{**fields, **changes})


def payload(phase: SentPhase, calldata: str, *, shown_from_ns: int = 0) -> Payload:
    """Some bytes of ours."""
    return Payload(
        phase=phase, sender=SUBMIT, calldata=bytes.fromhex(calldata), made_at_ns=1, shown_from_ns=shown_from_ns
    )


def finished(voting_round: VotingRound = ROUND, **changes: Any) -> RoundReport:
    """A round in which all went well, with its result."""
    found = outcome(voting_round)
    fields: dict[str, Any] = {
        "network": "coston2",
        "round": voting_round,
        "phase": RoundPhase.FINALISED,
        "reward_epoch_id": 4707,
        "submit": SUBMIT,
        "result": found.result,
        "outcome": found,
        "electorate": electorate(),
        "transactions": tuple(sent(phase, voting_round) for phase in SentPhase),
        "feeds": feed_outcomes(FEEDS, VALUES[0], found.result, BAND_PPMS),
    }
    return RoundReport(**{**fields, **changes})


def committed(voting_round: VotingRound = ROUND, **changes: Any) -> RoundReport:
    """A round whose commit is in a block; nothing else is known yet."""
    fields: dict[str, Any] = {
        "phase": RoundPhase.COMMITTED,
        "result": None,
        "outcome": None,
        "transactions": (sent(SentPhase.SUBMIT1, voting_round),),
        "feeds": feed_outcomes(FEEDS, VALUES[0], None, BAND_PPMS),
    }
    return structs.replace(finished(voting_round), **{**fields, **changes})


def missed(voting_round: VotingRound = ROUND, **changes: Any) -> RoundReport:
    """A round that we let pass."""
    fields: dict[str, Any] = {"phase": RoundPhase.FINALISED, "reason": TOO_LATE, "transactions": (), "feeds": ()}
    return structs.replace(finished(voting_round), **{**fields, **changes})


def provider(**changes: Any) -> ProviderReport:
    """A provider that votes."""
    fields: dict[str, Any] = {
        "network": "coston2",
        "mode": Mode.LIVE,
        "identity": sender(100),
        "at_ns": CURRENT.epoch.start_s * SECOND_NS + 26 * SECOND_NS,
        "round": CURRENT,
        "reward_epoch_id": 4707,
        "addresses": {"submit": SUBMIT, "submit_signatures": sender(101), "signing_policy": sender(102)},
        "registered": Registered(True, None),
        "weight_bips": 2500,
        "passes": 2,
        "budget": Budget(anchor_misses_left=1234),
        "balances": (
            Balance(role="submit", address=SUBMIT, wei=12 * 10**18, runway_hours=400),
            Balance(role="submit_signatures", address=sender(101), wei=3 * 10**18),
        ),
        "owed": (OwedReveal(CURRENT.id - 1, CURRENT.epoch.start_s * SECOND_NS + 45 * SECOND_NS),),
        "awaiting": Awaiting(
            what=f"the moment to take the values of round {CURRENT.id}",
            until_ns=CURRENT.epoch.start_s * SECOND_NS + 75 * SECOND_NS,
        ),
    }
    return ProviderReport(**{**fields, **changes})
