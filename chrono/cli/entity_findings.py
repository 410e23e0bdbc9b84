"""What `chrono ftso check` finds out about an entity, thing by thing: each with its verdict and its remedy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chrono.cli.findings import Finding, failed, passed, warned
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.provider.entity import EntityFacts
    from chrono.voting.conditions import ConditionReport, Cost

_ROLES = ("submit", "submit_signatures", "signing_policy")


def entity_findings(settings: Settings, facts: "EntityFacts") -> Iterator[Finding]:
    """What the contracts know of the entity, thing by thing."""
    keys = _keys(settings)
    for role in _ROLES:
        yield _address(role, facts, keys)
    yield _delegation(facts)
    yield _sortition(facts)
    yield _registered(facts)
    yield _registered_next(facts)
    yield _weight(facts)
    for name, until in facts.chilled.items():
        told = f"{name} counts for nothing until reward epoch {until}"
        yield failed("chill", told, "wait; governance chilled it: ask Flare why")
    if facts.chilled == {} and facts.delegation is not None:
        yield passed("chill", "neither the delegation address nor a node is chilled")


def _keys(settings: Settings) -> dict[str, list[str]]:
    """The addresses of our keystores by role. None is opened."""
    from chrono.errors import ChronoError
    from chrono.keys.key_folder import KeyFolder

    found: dict[str, list[str]] = {}
    for _, each in KeyFolder.below(settings.data_dir, settings.network).survey():
        if not isinstance(each, ChronoError):
            found.setdefault(each.role.value, []).append(each.public)
    return found


def _address(role: str, facts: "EntityFacts", keys: dict[str, list[str]]) -> Finding:
    from chrono.flare.address import checksummed

    name, address = role.replace("_", " "), facts.roles[role]
    if address is None:
        return warned(name, "not known: the EntityManager does not say", "name more nodes, and check again")
    if address == facts.identity:
        return failed(name, "no address is set", f"chrono ftso entity propose {role}, then confirm {role}")
    spelled, ours = checksummed(address), keys.get(role, [])
    if spelled in ours:
        return passed(name, f"{spelled}, its key is here")
    found = f"{spelled}; its key is not here" + (f" (here: {', '.join(ours)})" if ours else "")
    return failed(name, found, f"chrono wallet import {role}; chrono ftso entity, for the key that is here")


def _delegation(facts: "EntityFacts") -> Finding:
    from chrono.flare.address import checksummed

    if facts.delegation is None:
        return warned("delegation", "not known: the EntityManager does not say", "name more nodes, and check again")
    if facts.delegation == facts.identity:
        remedy = "chrono ftso entity propose delegation --delegation ADDRESS, then confirm it"
        return failed("delegation", "no address is set: nobody can register like this", remedy)
    return passed("delegation", checksummed(facts.delegation))


def _sortition(facts: "EntityFacts") -> Finding:
    if facts.public_key is None:
        return warned("sortition key", "not known: the EntityManager does not say", "name more nodes, and check again")
    if not any(map(any, facts.public_key)):
        remedy = "chrono wallet new sortition, then registerPublicKey with the identity key"
        return warned("sortition key", "none is registered: no fast updates, and some networks ask for one", remedy)
    return passed("sortition key", "registered")


def _registered(facts: "EntityFacts") -> Finding:
    name, epoch = "registered", facts.reward_epoch_id
    if facts.registered is None:
        return warned(name, f"reward epoch {epoch}: not known", "name more nodes, and check again")
    if not facts.registered:
        return failed(
            name, f"NOT in reward epoch {epoch}: votes do not count, nothing is earned", "chrono ftso register"
        )
    return passed(name, f"reward epoch {epoch}")


def _registered_next(facts: "EntityFacts") -> Finding:
    name, epoch, phase = "the next epoch", facts.reward_epoch_id + 1, facts.phase
    if facts.registered_next:
        return passed(name, f"registered for reward epoch {epoch}")
    if phase.closed:
        return failed(name, f"NOT registered for reward epoch {epoch}, and it is too late", "see the log for why")
    if phase.selected:
        told = f"NOT registered for reward epoch {epoch}; registration is open"
        return failed(name, told, "chrono ftso register --send")
    if facts.preregistered:
        return passed(name, f"pre-registered for reward epoch {epoch}")
    if facts.registered:
        told = f"not pre-registered for reward epoch {epoch} yet"
        return warned(name, told, "chrono run does it in the mode live; else chrono ftso register --send")
    return warned(name, f"registration for reward epoch {epoch} opens some two hours before it", "chrono ftso register")


def _weight(facts: "EntityFacts") -> Finding:
    if facts.weight is None or not facts.total_weight:
        return warned("weight", "not known: the VoterRegistry does not say", "it is told once the entity is registered")
    return passed("weight", f"{facts.weight * 10_000 // facts.total_weight / 100:.2f} % of the signing policy")


def condition_findings(reports: "tuple[ConditionReport, ...]") -> Iterator[Finding]:
    """Each minimal condition."""
    from chrono.voting.conditions import State

    for each in reports:
        name = each.condition.name.lower().replace("_", " ")
        if each.state is State.NOT_MET:
            yield failed(name, f"NOT MET: {each.figures}", each.remedy)
        elif each.state is State.UNKNOWN:
            yield warned(
                name, f"not known: {each.figures}", each.remedy or "wait for a publication; set flare.reward_data"
            )
        elif each.remedy:
            yield warned(name, each.figures, each.remedy)
        else:
            yield passed(name, each.figures)


def cost_finding(cost: "Cost") -> Finding:
    """What the conditions come to."""
    held = "passes are not known" if cost.passes is None else f"{cost.passes} passes held"
    if not cost.failing:
        return passed("what it costs", f"{cost.told}; {held}")
    if cost.passes is not None and cost.passes >= len(cost.failing):
        return warned("what it costs", cost.told, "mend each condition above: a pass is earned only with all four met")
    return failed("what it costs", f"{cost.told}; {held}", "mend each condition above")
