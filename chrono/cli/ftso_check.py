"""`chrono ftso check`: what the entity lacks, which minimal conditions it misses, and what that costs."""

import asyncio
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli import voting_words as words
from chrono.cli.budget_words import budget_findings, counted_fdc, counted_updates
from chrono.cli.doctor import show_findings, worst_of
from chrono.cli.ends import DEGRADED, FAILED, OK, Stop
from chrono.cli.entity_findings import condition_findings, cost_finding, entity_findings
from chrono.cli.findings import Finding, Verdict
from chrono.cli.wallet_secrets import guided
from chrono.cli.whereabouts import client_for
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.cli.entity_chain import EntityChain
    from chrono.provider.entity import EntityFacts
    from chrono.voting.conditions import ConditionReport, Cost, PublishedConditions

_LOOKED_BACK = 4
"""Reward epochs: the newest publication is a day or more behind."""


@frame.command(
    "check", examples=["chrono ftso check", "chrono ftso check --json | jq .conditions", "chrono ftso check -c a.toml"]
)
@click.option("--network", metavar="NAME", help="flare, songbird, coston, coston2 or local, instead of network.")
@frame.reading_options
def check(network: str | None, as_json: bool, url: str | None, key: str | None) -> int:
    """Check the entity on the chain: addresses, keys, registration, weight, chill, passes, and the minimal conditions.

    The nodes of flare.nodes are asked; nothing is sent and no key is opened. What happened in past reward epochs is
    read from flare.reward_data, the budget of misses from the running Chrono; what nobody tells is said to be unknown.

    Ends with 0 when all is well, 3 when something is worth a look, 1 when votes or rewards are lost like this.
    """
    from chrono.cli.entity_chain import check_entity

    settings = frame.load({"network": network}).settings
    check_entity(settings)
    with guided("chrono doctor"):
        facts, published = asyncio.run(_read(settings))
    running = _running(url, key)
    reports, cost = _conditions(settings, facts, published, running)
    findings = [
        *entity_findings(settings, facts),
        *budget_findings(running),
        *condition_findings(reports),
        cost_finding(cost),
    ]
    worst = worst_of(findings)
    if as_json:
        frame.give_json(_document(facts, findings, reports, cost, published, running, worst))
    else:
        show_findings(findings, worst)
    return {Verdict.PASS: OK, Verdict.WARN: DEGRADED, Verdict.FAIL: FAILED}[worst]


async def _read(settings: Settings) -> "tuple[EntityFacts, PublishedConditions | None]":
    from chrono.cli.entity_chain import entity_chain
    from chrono.provider.entity import EntityReader

    async with entity_chain(settings) as chain:
        facts = await EntityReader(chain.pool, chain.contracts, chain.identity).read()
        return facts, await _published(settings, chain, facts.reward_epoch_id)


async def _published(settings: Settings, chain: "EntityChain", epoch: int) -> "PublishedConditions | None":
    """Of the newest published reward epoch; None where there is none, or no source."""
    from chrono.errors import ChronoError
    from chrono.provider.reward_data import RewardAddress, reward_source

    where = settings.flare.reward_data
    if where is None:
        return None
    source = reward_source(where, chain.network.name)
    try:
        for past in range(epoch - 1, max(epoch - 1 - _LOOKED_BACK, -1), -1):
            try:
                found = await source.conditions(past, chain.identity)
            except ChronoError:
                continue  # not published yet, or not readable: an older one may be
            if found is not None:
                return found
    finally:
        if isinstance(source, RewardAddress):
            await source.close()
    return None


def _running(url: str | None, key: str | None) -> words.Document | None:
    """What the running provider says; None when none runs, or it does not answer."""
    from chrono.cli.ftso_status import provider_of

    try:
        return provider_of(client_for(url, key))
    except Stop:
        return None


def _conditions(
    settings: Settings,
    facts: "EntityFacts",
    published: "PublishedConditions | None",
    running: words.Document | None,
) -> "tuple[tuple[ConditionReport, ...], Cost]":
    from chrono.flare.networks import NETWORKS
    from chrono.voting.conditions import Facts, conditions, cost_of

    staking = {network.name: bool(network.most_nodes) for network in NETWORKS}
    reports = conditions(
        Facts(
            network=settings.network,
            has_staking=staking.get(settings.network, False),
            registered=facts.registered,
            weight=facts.weight,
            total_weight=facts.total_weight,
            updates=counted_updates(running, facts.weight, facts.total_weight),
            fdc=counted_fdc(running),
            has_fdc=settings.flare.fdc_url is not None,
            node_count=None if facts.node_ids is None else len(facts.node_ids),
            last=published,
        )
    )
    return reports, cost_of(reports, None if published is None else published.passes)


def _document(
    facts: "EntityFacts",
    findings: list[Finding],
    reports: "tuple[ConditionReport, ...]",
    cost: "Cost",
    published: "PublishedConditions | None",
    running: words.Document | None,
    worst: Verdict,
) -> dict[str, Any]:
    """Everything as JSON: stable names."""
    from chrono.flare.address import checksummed

    return {
        "verdict": worst.value,
        "identity": checksummed(facts.identity),
        "reward_epoch": facts.reward_epoch_id,
        "registered": {"current": facts.registered, "next": facts.registered_next},
        "addresses": {role: None if at is None else checksummed(at) for role, at in facts.roles.items()},
        "nodes": None if facts.node_ids is None else ["0x" + each.hex() for each in facts.node_ids],
        "weight": {"own": facts.weight, "total": facts.total_weight},
        "chilled": dict(facts.chilled),
        "passes": cost.passes,
        "published_reward_epoch": None if published is None else published.reward_epoch_id,
        "budget": None if running is None else running.get("budget"),
        "conditions": [
            {
                "condition": each.condition.value,
                "state": each.state.value,
                "figures": each.figures,
                "remedy": each.remedy or None,
            }
            for each in reports
        ],
        "cost": {"failing": [each.value for each in cost.failing], "told": cost.told},
        "checks": [
            {"name": f.name, "verdict": f.verdict.value, "found": f.found, "remedy": f.remedy or None} for f in findings
        ],
    }
