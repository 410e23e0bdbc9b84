"""`chrono ftso register`: what registers our entity for the next reward epoch, shown, or sent."""

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK
from chrono.cli.wallet_secrets import given_password, guided
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.chain.intents import Ending
    from chrono.cli.entity_chain import EntityChain
    from chrono.provider.entity import EntityFacts
    from chrono.provider.epoch_steps import Prepared
    from chrono.provider.registering import Plan, Registrar
    from chrono.provider.setup import ProviderRules

_AGAIN = "chrono ftso check"


@frame.command(
    "register",
    examples=[
        "chrono ftso register",
        "chrono ftso register --json | jq .tried",
        "chrono ftso register --send",
    ],
)
@click.option("--send", is_flag=True, help="Send it with the signing-policy key; without it nothing leaves.")
@click.option(
    "--password",
    metavar="REF",
    help="Of the keystore: keychain:SERVICE, fd:N, file:PATH or env:NAME. [default: flare.password]",
)
@click.option("--network", metavar="NAME", help="flare, songbird, coston, coston2 or local, instead of network.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def register(send: bool, password: str | None, network: str | None, as_json: bool) -> int:
    """Show what would register the entity for the next reward epoch, and what the contract would say; or send it.

    `chrono run` in the mode live registers by itself. This is for the first time, and for the hour in which something
    is wrong: registration is open for half an hour, some two hours before a reward epoch begins.

    Without --send nothing is sent: the call is signed, and tried on the nodes. Without a password it is not even
    signed. With --send no other Chrono may vote for the same identity meanwhile.

    Ends with 0 when the entity is registered, or would be; with 1 when the contract refuses, or nothing can be sent.
    """
    from chrono.cli.entity_chain import check_entity

    settings = frame.load({"network": network}).settings
    check_entity(settings)
    with guided(_AGAIN):
        document = asyncio.run(_register(settings, password or settings.flare.password, send=send))
    if as_json:
        frame.give_json(document)
    else:
        _show(document)
    return OK if document["sound"] else FAILED


async def _register(settings: Settings, password: str | None, *, send: bool) -> dict[str, Any]:
    from chrono.cli.entity_chain import entity_chain
    from chrono.provider.entity import EntityReader
    from chrono.provider.registering import plan_of

    async with entity_chain(settings) as chain:
        facts = await EntityReader(chain.pool, chain.contracts, chain.identity).read()
        plan = plan_of(facts)
        document = _told(chain, facts, plan)
        if plan.send is None or (password is None and not send):
            return document
        with ExitStack() as held:
            if send:
                _alone(held, chain)
            registrar = _registrar(settings, chain, password)
            held.callback(registrar.close)
            prepared = await registrar.prepare(plan.send)
            document |= _tried(prepared)
            if send and document["sound"]:
                ending = await registrar.send(prepared, _rules(settings, chain))
                holds = await registrar.registered(prepared.duty)
                document |= _sent(ending, holds)
                document["registered_next" if document["duty"] == "register" else "preregistered_next"] = holds
        return document


def _alone(held: ExitStack, chain: "EntityChain") -> None:
    """See that no Chrono votes for the identity meanwhile: both would use the key's next nonce."""
    from chrono.provider.lock import hold_identity

    held.enter_context(hold_identity(chain.network.name, chain.identity))


def _registrar(settings: Settings, chain: "EntityChain", reference: str | None) -> "Registrar":
    from chrono.keys.key_folder import KeyFolder
    from chrono.keys.keystore import open_keystore
    from chrono.keys.roles import Role
    from chrono.provider.registering import Registrar

    found = KeyFolder.below(settings.data_dir, settings.network).of(Role.SIGNING_POLICY)
    password = given_password(reference, "Password of the signing-policy keystore")
    keys = [(each.address, open_keystore(each, password)) for each in found if each.address is not None]
    return Registrar(
        network=chain.network,
        identity=chain.identity,
        keys=keys,
        pool=chain.pool,
        contracts=chain.contracts,
        clock=chain.clock,
    )


def _rules(settings: Settings, chain: "EntityChain") -> "ProviderRules":
    from chrono.provider.opening import rules_of

    return rules_of(settings.flare, chain.network)


def _told(chain: "EntityChain", facts: "EntityFacts", plan: "Plan") -> dict[str, Any]:
    """What is known before anything is signed."""
    from chrono.flare.address import checksummed

    return {
        "network": chain.network.name,
        "identity": checksummed(facts.identity),
        "reward_epoch": facts.reward_epoch_id,
        "registered": facts.registered,
        "registered_next": facts.registered_next,
        "preregistered_next": facts.preregistered,
        "why": plan.why,
        "duty": None if plan.duty is None else plan.duty.kind.value,
        "sound": bool(facts.registered_next or facts.preregistered or plan.duty is not None),
        "call": None,
        "tried": None,
        "sent": None,
    }


def _tried(prepared: "Prepared") -> dict[str, Any]:
    from chrono.flare.address import checksummed
    from chrono.flare.reverts import revert_of
    from chrono.provider.epoch_steps import FUNCTIONS, GAS

    said = prepared.tried.said
    revert = None if said is None else revert_of(said)
    return {
        "call": {
            "contract": prepared.contract,
            "function": FUNCTIONS[prepared.duty.kind],
            "to": checksummed(prepared.to),
            "from": checksummed(prepared.signer),
            "generation": None if prepared.generation is None else prepared.generation.value,
            "gas": GAS[prepared.duty.kind],
            "data": "0x" + prepared.data.hex(),
        },
        "tried": {
            "passes": said is None,
            "said": said,
            "confirmed": prepared.tried.confirmed,
            "fatal": None if said is None else revert is None or revert.fatal,
            "remedy": None if revert is None else revert.remedy,
        },
        "sound": said is None,
    }


def _sent(ending: "Ending", registered: bool | None) -> dict[str, Any]:
    receipt, reason = ending.receipt, ending.reason
    return {
        "sent": {
            "transaction": None if receipt is None else "0x" + receipt.hash.hex(),
            "block": None if receipt is None else receipt.block_number,
            "cost_wei": None if receipt is None else str(receipt.cost_wei),
            "reason": None if reason is None else reason.code,
            "message": None if reason is None else f"{reason.message}; {reason.remedy}",
            "holds": registered,
        },
        "sound": reason is None and registered is not False,
    }


def _show(document: dict[str, Any]) -> None:
    yes = {True: "yes", False: "NO", None: "not known"}
    rows = [
        ("network", document["network"]),
        ("identity", document["identity"]),
        ("reward epoch", f"{document['reward_epoch']}, registered: {yes[document['registered']]}"),
        ("the next one", f"registered: {yes[document['registered_next']]}"),
    ]
    call, tried, sent = document["call"], document["tried"], document["sent"]
    if call is not None:
        rows += [
            ("call", f"{call['contract']}.{call['function']}, {call['generation']} generation, gas {call['gas']:,}"),
            ("to", call["to"]),
            ("from", call["from"]),
            ("data", call["data"]),
        ]
    if tried is not None:
        rows.append(("tried", "it would go through" if tried["passes"] else f"refused: {tried['said']}"))
    if sent is not None:
        rows.append(("sent", sent["message"] or f"in block {sent['block']}: {sent['transaction']}"))
        rows.append(("holds", yes[sent["holds"]]))
    frame.console().print(frame.table(("", ""), rows))
    frame.say(_last_word(document))


def _last_word(document: dict[str, Any]) -> str:
    tried, sent = document["tried"], document["sent"]
    if sent is not None:
        return "registered" if document["sound"] else "see the reason; chrono ftso check"
    if tried is not None and not tried["passes"]:
        return f"-> {tried['remedy'] or 'read what the contract says'}"
    if tried is not None:
        return "nothing was sent: chrono ftso register --send"
    if document["duty"] is not None:
        return f"{document['why']}; to see what the contract says: --password, or flare.password"
    return str(document["why"])
