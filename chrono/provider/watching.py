"""Once a second: the provider as it stands for whoever looks, and the facts that alarms are made of."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from chrono.alerts.watched import Account, OwedReveal, Submitted, Watched
from chrono.chain.balances import Balances
from chrono.chain.funding import Funding
from chrono.clock import SECOND_NS
from chrono.errors import NOT_READY, REVEAL_MISSED, STOPPING
from chrono.flare.address import Address
from chrono.flare.epochs import Span, VotingRound
from chrono.flare.units import BIPS
from chrono.keys.roles import Role
from chrono.provider.chain_side import ChainSide
from chrono.provider.rounds import Rounds
from chrono.provider.running import Ended
from chrono.provider.setup import ProviderSetup
from chrono.provider.waiting import node_reports
from chrono.telemetry import (
    BUDGET_LEFT,
    EPOCH_ENDS,
    FAST_UPDATE_BLOCKS,
    FTSO_REGISTERED,
    FTSO_REWARD_EPOCH,
    FTSO_ROUND,
    OLDEST_UNREVEALED,
    PASSES,
    REVEAL_DEADLINE,
    REVEAL_OFFENCES,
    REVEALS_PENDING,
)
from chrono.voting import provider_report as told
from chrono.voting.journal import Journal
from chrono.voting.membership import Membership
from chrono.voting.provider_report import Mode

HOUR_S: Final = 3600
_ON_PURPOSE: Final = frozenset({STOPPING, NOT_READY})
"""Rounds without a commit for these reasons were left out on purpose, or had begun before we were there."""


class Standing(Struct, frozen=True, kw_only=True):
    """What others find out about the entity."""

    registered: told.Registered = told.Registered()
    passes: int | None = None
    budget: told.Budget = told.Budget()
    blocks_since_update: int | None = None
    """Blocks since a fast update of ours was taken; None before one was seen."""
    duty: told.Awaiting | None = None
    """A duty of a reward epoch that something stands in the way of."""


class Watch:
    """Looks at everything. Called from the duty's loop."""

    def __init__(
        self,
        setup: ProviderSetup,
        chain: ChainSide,
        journal: Journal,
        rounds: Rounds,
        balances: Balances | None,
        accounts: Mapping[Address, Role],
        conflicts: Callable[[], int],
        standing: Callable[[], Standing],
    ) -> None:
        self._setup = setup
        self._chain = chain
        self._journal = journal
        self._rounds = rounds
        self._balances = balances
        self._accounts = dict(accounts)
        self._conflicts = conflicts
        self._standing = standing
        self._offences: set[int] = set()
        self._read: int | None = None
        """How far the history of the chain was read when it was looked at last."""

    def watched(self) -> Watched:
        """The facts of this moment."""
        now_ns, timing = self._chain.clock.now_ns(), self._chain.network.timing
        self._count_offences()
        self._count(now_ns)
        owed = self._journal.owed(now_ns)
        span = self._epoch_span(now_ns)
        standings = self._chain.pool.standings
        return Watched(
            network=self._setup.network.name,
            now_ns=now_ns,
            monotonic_ns=self._chain.clock.monotonic_ns(),
            away=self._away(),
            owed=tuple(
                OwedReveal(
                    round_id=each.round_id,
                    deadline_ns=each.reveal_deadline_ns,
                    window_ns=timing.reveal_s * SECOND_NS,
                )
                for each in owed
            ),
            offences=len(self._offences),
            conflicts=self._conflicts(),
            strangers=self._rounds.strangers,
            rounds=tuple(map(self._submitted, filter(self._counts, self._rounds.ended))),
            registered_next=self._standing().registered.next,
            epoch_ends_ns=span.end_ns,
            epoch_length_ns=span.end_ns - span.start_ns,
            healthy_nodes=len(standings.alive),
            accounts=self._holdings(),
            skew_ns=self._chain.clock.skew_ns,
        )

    def report(self) -> told.ProviderReport:
        """The provider as it stands."""
        now_ns = self._chain.clock.now_ns()
        current = self._chain.network.timing.round_at(now_ns)
        facts = self._chain.book.of_round(current.id)
        member = None if facts is None else facts.membership(self._setup.identity)
        standing = self._standing()
        return told.ProviderReport(
            network=self._setup.network.name,
            mode=self._setup.mode,
            identity=self._setup.identity,
            at_ns=now_ns,
            round=current,
            reward_epoch_id=None if facts is None else facts.reward_epoch_id,
            addresses={} if member is None else _addresses(member),
            registered=standing.registered,
            weight_bips=None
            if member is None or facts is None
            else member.weight * BIPS // max(sum(facts.policy.weights), 1),
            passes=standing.passes,
            budget=standing.budget,
            balances=self._balance_lines(),
            owed=tuple(told.OwedReveal(each.round_id, each.reveal_deadline_ns) for each in self._journal.owed(now_ns)),
            awaiting=self._awaiting(current, now_ns),
            nodes=node_reports(self._setup, self._chain),
        )

    def _away(self) -> str:
        """Why no round begins; a history that is read on is as it should be."""
        indexer, before = self._chain.indexer, self._read
        tip = indexer.ledger.tip
        self._read = indexer.left if tip is None or indexer.left is not None else tip.number
        if indexer.ready or self._read != before:
            return ""
        why = self._chain.hindered or indexer.waits_for or "too few nodes agree"
        return f"the history of the chain is not read on: {why}"

    def _epoch_span(self, now_ns: int) -> Span:
        """The reward epoch that runs by the calendar."""
        return self._chain.network.timing.reward_epoch_at(now_ns).expected_span

    def _awaiting(self, current: VotingRound, now_ns: int) -> told.Awaiting:
        """What comes next, and why if it is not as it should be."""
        indexer = self._chain.indexer
        if (error := self._chain.hindered) is not None:
            return told.Awaiting(what="a second node that says where the contracts are", reason=error.reason)
        if not indexer.ready:
            blocks = "" if indexer.left is None else f", {indexer.left} blocks more"
            return told.Awaiting(what=f"the history of the chain, which is being read{blocks}")
        running = {each.plan.id: each for each in self._rounds.running}
        mine = running.get(current.id)
        hindered = self._standing().duty
        if hindered is not None and (mine is None or mine.duty.why is None):
            return hindered
        if mine is None:
            return told.Awaiting(what=f"round {current.id + 1}", until_ns=current.commit_window.end_ns)
        what = f"the moment to take the values of round {current.id}"
        until_ns = mine.plan.values_at_ns
        if now_ns >= until_ns:
            what, until_ns = f"the reveal window of round {current.id}", mine.plan.reveal_from_ns
        return told.Awaiting(what=what, until_ns=until_ns, reason=mine.duty.why)

    def _counts(self, ended: Ended) -> bool:
        """Whether a missed round would have been missed against our will."""
        return ended.ours and self._setup.mode is Mode.LIVE and ended.uncommitted not in _ON_PURPOSE

    def _submitted(self, ended: Ended) -> Submitted:
        code = "" if ended.reason is None else ended.reason.code
        return Submitted(round_id=ended.round_id, missed=ended.missed, reason=code)

    def _count_offences(self) -> None:
        for each in self._rounds.ended:
            if each.reason is REVEAL_MISSED and each.round_id not in self._offences:
                self._offences.add(each.round_id)
                REVEAL_OFFENCES.inc()

    def _holdings(self) -> dict[str, Account]:
        spending = self._setup.rules.spending
        return {
            name: Account(
                balance_wei=funding.balance_wei,
                runway_s=funding.runway_s,
                reserve_wei=spending.reserve_wei(role_of(name)),
            )
            for name, funding in self._fundings().items()
        }

    def _balance_lines(self) -> tuple[told.Balance, ...]:
        named = dict(accounts_by_name(self._accounts))
        return tuple(
            told.Balance(
                role=name,
                address=named[name],
                wei=funding.balance_wei,
                runway_hours=None if funding.runway_s is None else int(funding.runway_s) // HOUR_S,
            )
            for name, funding in self._fundings().items()
        )

    def _fundings(self) -> Mapping[str, Funding]:
        return {} if self._balances is None else self._balances.fundings

    def _count(self, now_ns: int) -> None:
        """What is measured each second."""
        owed = self._journal.owed(now_ns)
        REVEALS_PENDING.set(len(owed))
        REVEAL_DEADLINE.set(min((each.reveal_deadline_ns for each in owed), default=0) / SECOND_NS)
        EPOCH_ENDS.set(self._epoch_span(now_ns).end_ns / SECOND_NS)
        oldest_ns = min((each.at_ns for each in owed), default=now_ns)
        OLDEST_UNREVEALED.set((now_ns - oldest_ns) / SECOND_NS)
        current = self._chain.network.timing.round_at(now_ns)
        FTSO_ROUND.set(current.id)
        reward_epoch_id = self._chain.book.reward_epoch_of(current.id)
        if reward_epoch_id is not None:
            FTSO_REWARD_EPOCH.set(reward_epoch_id)
        standing = self._standing()
        for name, known in (("current", standing.registered.current), ("next", standing.registered.next)):
            if known is not None:
                FTSO_REGISTERED.labels(name).set(known)
        count_standing(standing)


def count_standing(standing: Standing) -> None:
    """What the epoch still forgives, and the passes, as metrics; NaN for what is not known."""
    budget = standing.budget
    for condition, left in (
        ("anchor", budget.anchor_misses_left),
        ("fast_updates", budget.fast_updates_left),
        ("fdc", budget.fdc_rounds_left),
    ):
        BUDGET_LEFT.labels(condition).set(_measured(left))
    PASSES.set(_measured(standing.passes))
    FAST_UPDATE_BLOCKS.set(_measured(standing.blocks_since_update))


def _measured(known: int | None) -> float:
    return float("nan") if known is None else known


def accounts_by_name(accounts: Mapping[Address, Role]) -> Iterator[tuple[str, Address]]:
    """Accounts by the name of their role; where a role turns, the second one is `ROLE_2`."""
    seen: dict[Role, int] = {}
    for address, role in accounts.items():
        seen[role] = seen.get(role, 0) + 1
        yield role.value if seen[role] == 1 else f"{role.value}_{seen[role]}", address


def role_of(name: str) -> Role:
    """The role that such a name is about."""
    return next(role for role in sorted(Role, key=len, reverse=True) if name.startswith(role.value))


def _addresses(member: Membership) -> dict[str, Address]:
    return {
        Role.SUBMIT.value: member.submit,
        Role.SUBMIT_SIGNATURES.value: member.submit_signatures,
        Role.SIGNING_POLICY.value: member.signing_policy,
    }
