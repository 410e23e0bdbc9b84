"""What `chrono ftso entity` says, for persons and for programs."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, Final

from chrono.cli import frame
from chrono.cli.ends import Stop
from chrono.flare.address import Address, checksummed
from chrono.flare.units import COIN_WEI
from chrono.keys.funding import COIN_OF
from chrono.keys.roles import COLD, Role

if TYPE_CHECKING:
    from chrono.cli.entity_chain import EntityChain
    from chrono.cli.entity_keys import OurAddresses
    from chrono.provider.entity_sending import Offer, Sent
    from chrono.provider.entity_setup import Act, EntityCall, RoleFacts

_NOTHING: Final = "nothing: it stands"
_DONE: Final = {None: ("stands",), "propose": ("stands", "proposed"), "confirm": ("stands",)}
_OPEN: Final = frozenset({"missing", "proposed"})
_WAITING: Final = frozenset({"no_address", "elsewhere"})
"""States that ask for something from the operator before a call can be made."""


def document_of(
    chain: "EntityChain",
    manager: Address,
    facts: "Sequence[RoleFacts]",
    ours: "OurAddresses",
    act: "Act | None" = None,
) -> dict[str, Any]:
    """How the roles stand, as JSON with stable names."""
    return {
        "network": chain.network.name,
        "identity": checksummed(chain.identity),
        "entity_manager": checksummed(manager),
        "act": None if act is None else act.value,
        "roles": roles_of(chain.identity, facts, ours),
        "calls": [],
        "funds": [],
        "sent": None,
    }


def roles_of(identity: Address, facts: "Sequence[RoleFacts]", ours: "OurAddresses") -> list[dict[str, Any]]:
    """How each role stands."""
    return [_role(each, identity, ours) for each in facts]


def _role(facts: "RoleFacts", identity: Address, ours: "OurAddresses") -> dict[str, Any]:
    from chrono.provider.entity_setup import State, state_of

    state = state_of(facts, identity)
    unset = facts.registered in (None, identity)
    return {
        "role": facts.role.value,
        "registered": None if unset else _spelled(facts.registered),
        "key_is_here": None if unset else facts.registered in ours.here,
        "proposed": _spelled(facts.ours) if state is State.PROPOSED else None,
        "ours": _spelled(facts.ours),
        "state": state.value,
        "holder": _spelled(facts.holder) if state is State.TAKEN and facts.holder != facts.ours else None,
        "next": _next(facts, state.value),
    }


def _next(facts: "RoleFacts", state: str) -> str | None:
    """What is to be done; None for nothing."""
    role = facts.role
    named = f" --delegation {_spelled(facts.ours) or 'ADDRESS'}" if role in COLD else ""
    said = None if facts.proposal is None else facts.proposal.said
    another = "name another one" if role in COLD else f"move its file away, then chrono wallet new {role}"
    told = {
        "proposed": f"chrono ftso entity confirm {role}{named}",
        "missing": f"chrono ftso entity propose {role}{named}",
        "no_address": f"chrono ftso entity propose {role}{named}" if role in COLD else f"chrono wallet new {role}",
        "elsewhere": None
        if role in COLD
        else f"chrono wallet import {role}, or make another: chrono wallet new {role}",
        "taken": f"our address is that of another entity{_whose(facts)}: {another}",
        "identity": f"nobody registers with the identity as its own {role} address: {another}",
        "refused": f"the contract refuses our address: {said}",
        "unknown": "the nodes do not agree on what is registered: name more nodes, or ask again",
    }
    return told.get(state)


def _whose(facts: "RoleFacts") -> str:
    return "" if facts.holder in (None, facts.ours) else f", {_spelled(facts.holder)}"


def plan_of(calls: "Sequence[EntityCall]", offer: "Offer") -> dict[str, Any]:
    """The calls that are missing, what they cost, and what their senders lack."""
    return {
        "calls": [_call(each, offer) for each in calls],
        "funds": [
            {"account": checksummed(account), "balance_wei": str(offer.balances[account]), "missing_wei": str(wei)}
            for account, wei in offer.missing(calls).items()
        ],
    }


def _call(call: "EntityCall", offer: "Offer") -> dict[str, Any]:
    cost = offer.cost(call)
    return {
        "role": call.role.value,
        "contract": "EntityManager",
        "function": call.function,
        "argument": checksummed(call.argument),
        "to": checksummed(call.to),
        "from": checksummed(call.sender),
        "gas": call.gas,
        "about_wei": str(cost.about_wei),
        "most_wei": str(cost.most_wei),
        "data": "0x" + call.data.hex(),
    }


def sent_of(sent: "Sent") -> dict[str, Any]:
    """How a call ended."""
    ending = sent.ending
    receipt = None if ending is None else ending.receipt
    reason = None if ending is None else ending.reason
    told = "not sent, since the one before was not" if ending is None else None
    if reason is not None:
        told = f"the contract says: {sent.said}" if sent.said else f"{reason.message}; {reason.remedy}"
    return {
        "role": sent.call.role.value,
        "function": sent.call.function,
        "transaction": None if receipt is None else "0x" + receipt.hash.hex(),
        "block": None if receipt is None else receipt.block_number,
        "cost_wei": None if receipt is None else str(receipt.cost_wei),
        "reason": None if reason is None else reason.code,
        "message": told,
    }


def judged(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with its `verdict`: done, ready (a dry run that could be real), open, or failed."""
    states = {each["role"]: each["state"] for each in document["roles"]}
    called = {each["role"] for each in document["calls"]} if document["sent"] is None else set()
    left = {role: state for role, state in states.items() if state not in _DONE[document["act"]]}
    if document["act"] is None:
        left = {role: state for role, state in left.items() if not (state == "elsewhere" and Role(role) in COLD)}
    blocked = any(state not in _OPEN and (document["act"] or state not in _WAITING) for state in left.values())
    # What stands counts, also where another transaction than ours brought it about.
    unsettled = {each["role"] for each in document["sent"] or ()} & left.keys()
    if blocked or unsettled or document["funds"]:
        verdict = "failed"
    elif not left:
        verdict = "done"
    else:
        verdict = "ready" if set(left) <= called else "open"
    return {**document, "verdict": verdict}


def check_funds(document: dict[str, Any]) -> None:
    """Raises: Stop when a sender cannot pay for its calls."""
    if document["funds"]:
        raise Stop("an account holds too little for its calls, and nothing was sent", then=_lacking(document))


def show_roles(document: dict[str, Any]) -> None:
    """Each role, with what is registered, proposed, ours, and to be done."""
    rows: list[tuple[str, str, str]] = [
        ("entity", "identity", document["identity"]),
        ("", "EntityManager", f"{document['entity_manager']} on {document['network']}"),
    ]
    for each in document["roles"]:
        here = {True: "", False: ", its key is not here", None: ""}[each["key_is_here"]]
        if Role(each["role"]) in COLD:
            here = ""
        registered = "not known" if each["state"] == "unknown" else "none"
        rows += [
            (each["role"], "registered", (each["registered"] or registered) + here),
            ("", "proposed", each["proposed"] or "none of ours"),
            ("", "ours", each["ours"] or "none"),
            ("", "to do", each["next"] or _NOTHING),
        ]
    frame.console().print(frame.table(("", "", ""), rows))


def show_plan(document: dict[str, Any]) -> None:
    """The calls before they are sent; and of the other roles why there is none."""
    called = {each["role"] for each in document["calls"]}
    for each in document["roles"]:
        if each["role"] not in called:
            frame.say(f"{each['role']}: {_why_not(each, document['act'])}")
    rows: list[tuple[str, str, str]] = []
    for each in document["calls"]:
        about, most = (_coins(each[name], document) for name in ("about_wei", "most_wei"))
        rows += [
            (each["role"], "call", f"{each['contract']}.{each['function']}"),
            ("", "with", each["argument"]),
            ("", "to", each["to"]),
            ("", "from", each["from"]),
            ("", "costs", f"about {about}, at most {most}"),
        ]
    if rows:
        frame.console().print(frame.table(("", "", ""), rows))


def _why_not(role: dict[str, Any], act: str) -> str:
    if role["state"] in _DONE[act]:
        return "nothing to do: " + ("it stands" if role["state"] == "stands" else "it is proposed")
    return role["next"] or "nothing to do"


def show_sent(document: dict[str, Any]) -> None:
    """How each call ended."""
    for each in document["sent"]:
        where = "" if each["block"] is None else f" in block {each['block']}: {_coins(each['cost_wei'], document)}"
        frame.give(f"{each['function']}{where}" + (f": {each['message']}" if each["message"] else ""))
        if each["transaction"] is not None:
            frame.give(f"  {each['transaction']}")


def last_word(document: dict[str, Any]) -> str:
    """What comes next."""
    if document["funds"]:
        return f"next: {_lacking(document)}"
    if document["verdict"] == "ready":
        return "nothing was sent: the same without --dry-run"
    if document["verdict"] == "done" and document["act"] == "propose":
        return "proposed; next: chrono ftso entity confirm"
    if document["verdict"] == "done":
        return "every address stands: chrono ftso check" if document["act"] is None else "confirmed; chrono ftso check"
    return "next: chrono ftso entity" if document["act"] else "not every address stands: see what is to do"


def _lacking(document: dict[str, Any]) -> str:
    sums = [f"{_coins(each['missing_wei'], document)} to {each['account']}" for each in document["funds"]]
    return f"send {', '.join(sums)}"


def _spelled(address: Address | None) -> str | None:
    return None if address is None else checksummed(address)


def _coins(wei: str, document: dict[str, Any]) -> str:
    """Coins of the network, rounded up: what is called for must suffice."""
    coins = (Decimal(wei) / COIN_WEI).quantize(Decimal("0.0001"), rounding=ROUND_CEILING)
    return f"{coins} {COIN_OF.get(document['network'], 'coins')}"
