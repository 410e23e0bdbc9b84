"""`chrono ftso entity`: the addresses of our entity in the EntityManager, shown, proposed, confirmed."""

import asyncio
from typing import Any

import rich_click as click
from msgspec import Struct

from chrono.cli import frame
from chrono.cli.ends import DEGRADED, FAILED, OK
from chrono.cli.wallet_secrets import guided
from chrono.settings import Settings

_CODES = {"done": OK, "ready": OK, "open": DEGRADED, "failed": FAILED}
ROLES = ("submit", "submit_signatures", "signing_policy", "delegation")
_REFERENCE = "keychain:SERVICE, fd:N, file:PATH or env:NAME"


class Asked(Struct, frozen=True, kw_only=True):
    """What the command line says."""

    act: str | None
    roles: tuple[str, ...]
    delegation: str | None
    keystore: str | None
    keystore_password: str | None
    path: str
    password: str | None
    dry_run: bool
    yes: bool
    network: str | None
    as_json: bool


@frame.command(
    "entity",
    examples=[
        "chrono ftso entity",
        "chrono ftso entity propose --dry-run",
        "chrono ftso entity propose                     # on a Ledger: press for each",
        "chrono ftso entity propose submit --keystore identity.json",
        "chrono ftso entity confirm",
        "chrono ftso entity propose delegation --delegation 0x…",
        "chrono ftso entity confirm delegation --delegation 0x… --path \"44'/60'/0'/0/1\"",
    ],
)
@click.argument("act", metavar="[propose|confirm]", required=False, type=click.Choice(["propose", "confirm"]))
@click.argument("roles", metavar="[ROLE]...", nargs=-1, type=click.Choice(ROLES))
@click.option("--delegation", metavar="ADDRESS", help="The delegation address: it has no keystore here.")
@click.option(
    "--keystore",
    metavar="FILE",
    help="A wallet's keystore v3 with the cold key: of the identity, to propose; of the delegation address, to confirm"
    " it. [default: a Ledger]",
)
@click.option("--keystore-password", metavar="REF", help=f"Of that file: {_REFERENCE}. [default: ask]")
@click.option("--path", default="44'/60'/0'/0/0", show_default=True, help="The account of the Ledger.")
@click.option(
    "--password", metavar="REF", help=f"Of our keystores, to confirm: {_REFERENCE}. [default: flare.password, else ask]"
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and what it costs; send nothing.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option("--network", metavar="NAME", help="flare, songbird, coston, coston2 or local, instead of network.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def entity(**given: Any) -> int:
    """Show the addresses of the entity, or propose and confirm those of our keys: what is missing, and nothing else.

    An address takes its place in two steps: the identity proposes it, then it confirms itself. ROLE is submit,
    submit_signatures, signing_policy or delegation; without one, the three that have keystores are meant, and the
    delegation address where it is named. Of two keystores of a role the newer one is meant. What stands is not sent
    again. A registered address counts from the next signing policy.

    Every transaction goes to the EntityManager that the chain's registry names, behind a policy that allows this
    call with this argument alone, and counts when two nodes have it in a block.

    Ends with 0 when all that was asked for stands or was done, 3 when something is left to do, 1 when it cannot be.
    """
    from chrono.cli.entity_chain import check_entity
    from chrono.cli.entity_words import last_word

    asked = Asked(**given)
    settings = frame.load({"network": asked.network}).settings
    check_entity(settings)
    with guided("chrono ftso entity"):
        document = asyncio.run(_entity(settings, asked))
    if asked.as_json:
        frame.give_json(document)
    else:
        frame.say(last_word(document))
    return _CODES[document["verdict"]]


async def _entity(settings: Settings, asked: Asked) -> dict[str, Any]:
    from chrono.cli.entity_acting import Acting
    from chrono.cli.entity_chain import entity_chain
    from chrono.cli.entity_keys import our_addresses
    from chrono.cli.entity_words import document_of, judged, show_roles
    from chrono.provider.entity_setup import Act, AddressBook

    ours = our_addresses(settings, asked.delegation)
    async with entity_chain(settings) as chain:
        book = AddressBook(chain.pool, chain.contracts, chain.identity)
        if asked.act is not None:
            return await Acting(Act(asked.act), settings, asked, chain=chain, book=book, ours=ours).run()
        document = judged(document_of(chain, book.manager, await book.read(ours.meant), ours))
        if not asked.as_json:
            show_roles(document)
        return document
