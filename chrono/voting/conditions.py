"""The minimal conditions of a reward epoch as one entity stands to them: met, not met, or not known; and what it costs.

What is published of the last epochs tells what happened; settings and the chain tell what will not do in this one.
Nothing is guessed: what neither says is not known. Source: fsp.md section 7, "Minimal conditions".
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.flare.rewards.minimal_conditions import (
    FAST_UPDATES_SPARED_PPM,
    LEAST_SELF_BOND_FOR_PASS_GWEI,
    LEAST_SELF_BOND_GWEI,
    LEAST_STAKE_FOR_PASS_GWEI,
    Condition,
    NodeStake,
    StakingDuty,
)
from chrono.flare.units import COIN_GWEI, PPM
from chrono.voting.budget import AnchorBudget
from chrono.voting.budget_fdc import FdcBudget
from chrono.voting.budget_updates import FastUpdateBudget

_FDC_REMEDY: Final = "look at the fdc-client: chrono_sub_protocol_requests_total, and its own log"

ORDER: Final = (Condition.ANCHOR_FEEDS, Condition.FAST_UPDATES, Condition.FDC, Condition.STAKING)


class State(StrEnum):
    """How a condition stands."""

    MET = "met"
    OPEN = "open"
    """It may still be met, or fail: the epoch is not over."""
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


class PublishedConditions(Struct, frozen=True, kw_only=True):
    """An entity in one past reward epoch, as `minimal-conditions.json` says it. What it does not say is None."""

    reward_epoch_id: int
    passes_held: int
    """Before the epoch."""
    passes: int
    """After it."""
    strikes: int
    eligible: bool
    """Whether its rewards were kept."""
    anchor_met: bool
    hits: int
    possible: int
    fast_updates_met: bool | None = None
    updates: int | None = None
    updates_expected: int | None = None
    spared: bool | None = None
    """Whether it was too light to be held to fast updates."""
    staking_met: bool | None = None
    nodes: tuple[NodeStake, ...] = ()
    fdc_met: bool | None = None
    fdc_rounds: int | None = None
    fdc_rounds_possible: int | None = None

    @property
    def staking(self) -> StakingDuty:
        """Its nodes."""
        return StakingDuty(self.nodes)


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of the entity now. None where nobody told it."""

    network: str
    has_staking: bool
    registered: bool | None = None
    weight: int | None = None
    """Of the signing policy, 16 bits."""
    total_weight: int | None = None
    budget: AnchorBudget | None = None
    updates: FastUpdateBudget | None = None
    fdc: FdcBudget | None = None
    """This and the two above are counted in the reward epoch that runs."""
    has_fdc: bool = False
    """Whether an fdc-client is configured."""
    node_count: int | None = None
    """Nodes that the EntityManager knows of the entity."""
    last: PublishedConditions | None = None
    """The newest reward epoch that is published."""


class ConditionReport(Struct, frozen=True):
    """One condition: how it stands, the figures, and what to do where it is not met."""

    condition: Condition
    state: State
    figures: str
    remedy: str = ""


class Cost(Struct, frozen=True, kw_only=True):
    """What the conditions come to if nothing changes. `passes` None: nobody told them."""

    failing: tuple[Condition, ...]
    unknown: tuple[Condition, ...]
    passes: int | None

    @property
    def told(self) -> str:
        """In one sentence."""
        failures = len(self.failing)
        if not failures:
            rest = f"; {len(self.unknown)} not known" if self.unknown else ""
            return f"no condition is known to fail{rest}"
        each = f"{failures} condition{'s' if failures > 1 else ''} fail{'' if failures > 1 else 's'}"
        if self.passes is None:
            return f"{each}: each costs one pass, and with fewer passes than failures all rewards of the epoch burn"
        if self.passes < failures:
            return f"{each}, {self.passes} passes are held: ALL rewards of the epoch burn"
        return f"{each}: {self.passes - failures} of {self.passes} passes are left, and the rewards are kept"


def conditions(facts: Facts) -> tuple[ConditionReport, ...]:
    """All four, in the order of ORDER."""
    return _anchor(facts), _fast_updates(facts), _fdc(facts), _staking(facts)


def cost_of(reports: tuple[ConditionReport, ...], passes: int | None) -> Cost:
    """What the reports come to."""
    return Cost(
        failing=tuple(each.condition for each in reports if each.state is State.NOT_MET),
        unknown=tuple(each.condition for each in reports if each.state is State.UNKNOWN),
        passes=passes,
    )


def _anchor(facts: Facts) -> ConditionReport:
    """80 % of rounds x feeds within 0.5 % of the median."""
    budget, remedy = facts.budget, "see `chrono ftso rounds` for the misses, `chrono explain` for the values"
    if budget is not None and budget.counted.rounds:
        counted = budget.counted
        figures = f"{_share(counted.hits, counted.values)} of {counted.rounds} rounds hit; 80 % are needed"
        if budget.most_left < 0:
            return ConditionReport(Condition.ANCHOR_FEEDS, State.NOT_MET, figures, remedy)
        figures += f"; {_left(budget)}"
        return ConditionReport(Condition.ANCHOR_FEEDS, State.OPEN, figures)
    if facts.last is not None:
        last = facts.last
        figures = f"{_share(last.hits, last.possible)} hit in reward epoch {last.reward_epoch_id}; 80 % are needed"
        state = State.MET if last.anchor_met else State.NOT_MET
        return ConditionReport(Condition.ANCHOR_FEEDS, state, figures, "" if last.anchor_met else remedy)
    return ConditionReport(Condition.ANCHOR_FEEDS, State.UNKNOWN, "nothing is counted yet, and nothing is published")


def _left(budget: AnchorBudget) -> str:
    if budget.left is None:
        return f"{budget.uncounted} values were not counted here"
    return f"{budget.left} values ({budget.rounds_left} whole rounds) may still miss"


def _fast_updates(facts: Facts) -> ConditionReport:
    """80 % of what the weight lets expect, unless it is below 0.2 %. Chrono sends none; another client may."""
    condition = Condition.FAST_UPDATES
    if facts.weight is not None and facts.total_weight:
        share = facts.weight * PPM // facts.total_weight
        if share < FAST_UPDATES_SPARED_PPM:
            return ConditionReport(condition, State.MET, f"spared: {share / 10_000:.2f} % of the weight is below 0.2 %")
    remedy = "run Flare's own fast-updates client beside Chrono, which sends none yet"
    if facts.updates is not None and facts.updates.is_asked:
        return _running_updates(facts.updates, remedy)
    last = facts.last
    if last is None or last.fast_updates_met is None:
        return ConditionReport(condition, State.NOT_MET, "Chrono sends none, and nothing is published", remedy)
    sent = "spared" if last.spared else f"{last.updates} updates, {last.updates_expected} expected"
    figures = f"{sent} in reward epoch {last.reward_epoch_id}"
    state = State.MET if last.fast_updates_met and (last.updates or last.spared) else State.NOT_MET
    return ConditionReport(condition, state, figures, "" if state is State.MET else remedy)


def _running_updates(budget: FastUpdateBudget, remedy: str) -> ConditionReport:
    """By what the reward epoch that runs counted."""
    counted = budget.counted
    figures = f"{counted.made} updates in {counted.rounds} rounds, {budget.expected} expected; 80 % of them are needed"
    lost = not counted.made or budget.most_left < 0
    state = State.NOT_MET if lost else State.OPEN
    return ConditionReport(Condition.FAST_UPDATES, state, figures, "" if budget.duty.met and not lost else remedy)


def _running_fdc(budget: FdcBudget) -> ConditionReport:
    """By what the reward epoch that runs counted."""
    counted = budget.counted
    figures = f"rewarded in {counted.hits} of {counted.values} rounds counted; 60 % are needed"
    remedy = "" if budget.met_so_far else _FDC_REMEDY
    state = State.NOT_MET if budget.most_left < 0 else State.OPEN
    return ConditionReport(Condition.FDC, state, figures, remedy)


def _fdc(facts: Facts) -> ConditionReport:
    """Rewarded in 60 % of the rounds in which the FDC rewarded anyone."""
    if facts.fdc is not None and facts.fdc.is_asked and (facts.has_fdc or facts.fdc.counted.hits):
        return _running_fdc(facts.fdc)
    if not facts.has_fdc:
        remedy = "run Flare's fdc-client, and set flare.fdc_url to it"
        return ConditionReport(Condition.FDC, State.NOT_MET, "no fdc-client is configured", remedy)
    last = facts.last
    if last is None or last.fdc_met is None:
        return ConditionReport(Condition.FDC, State.UNKNOWN, "an fdc-client is configured; nothing is published")
    rounds = f"{last.fdc_rounds} of {last.fdc_rounds_possible} rounds" if last.fdc_rounds is not None else "not counted"
    figures = f"{rounds} in reward epoch {last.reward_epoch_id}; 60 % are needed"
    remedy = "" if last.fdc_met else _FDC_REMEDY
    return ConditionReport(Condition.FDC, State.MET if last.fdc_met else State.NOT_MET, figures, remedy)


def _staking(facts: Facts) -> ConditionReport:
    """80 % of the stake with uptime, and 1M of self-bond; where there is staking at all."""
    if not facts.has_staking:
        return ConditionReport(Condition.STAKING, State.MET, f"{facts.network} has no staking")
    if facts.node_count == 0:
        remedy = "register the validator in the EntityManager (registerNodeId), with at least 1M of self-bond"
        return ConditionReport(Condition.STAKING, State.NOT_MET, "no node is registered", remedy)
    last = facts.last
    if last is None or last.staking_met is None:
        told = "" if facts.node_count is None else f"{facts.node_count} nodes; "
        return ConditionReport(Condition.STAKING, State.UNKNOWN, f"{told}stake and uptime are not published yet")
    staking = last.staking
    up = _share(staking.stake_with_uptime_gwei, staking.stake_gwei)
    figures = (
        f"self-bond {_coins(staking.self_bond_gwei)} (1M needed), {up} of the stake was up (80 % needed)"
        f" in reward epoch {last.reward_epoch_id}"
    )
    if not last.staking_met:
        bond = staking.self_bond_gwei < LEAST_SELF_BOND_GWEI
        remedy = "raise the self-bond to 1M" if bond else "look at the validators: they were down"
        return ConditionReport(Condition.STAKING, State.NOT_MET, figures, remedy)
    poor = staking.self_bond_gwei < LEAST_SELF_BOND_FOR_PASS_GWEI or staking.stake_gwei < LEAST_STAKE_FOR_PASS_GWEI
    remedy = "a pass needs 3M of self-bond and 15M of stake" if poor else ""
    return ConditionReport(Condition.STAKING, State.MET, figures, remedy)


def _share(part: int, whole: int) -> str:
    """A share in percent, cut: it never says more than there is."""
    return f"{part * 10_000 // whole / 100:.2f} %" if whole else "0 %"


def _coins(gwei: int) -> str:
    return f"{gwei // COIN_GWEI:,}"
