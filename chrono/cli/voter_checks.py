"""What `chrono doctor` checks for a provider that votes: its nodes, its keys and their password, and who may ask it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chrono.cli.findings import Finding, Verdict, failed, passed, warned
from chrono.cli.whereabouts import configured_key
from chrono.settings import Settings, environment
from chrono.settings.model import Flare

if TYPE_CHECKING:
    from chrono.chain.standing import Standings
    from chrono.keys.roles import Role

ENOUGH_NODES: Final = 2
"""With fewer, nobody contradicts one that lies."""

_LOOKED_AT: Final = ("env:", "file:")
"""The others can be read only once, or ask a person."""


def check_voter(settings: Settings) -> Iterator[Finding]:
    """Everything that a seat beside Flare's clients needs; nothing where none is taken. Nothing is sent."""
    flare = settings.flare
    if flare.seat == "none":
        return
    yield from _nodes(settings)
    if flare.seat == "submitter":
        yield from _keys(settings)
        yield from _password(flare)
    if configured_key(settings) is None:
        told = "no API key is set: nobody can ask the provider, `chrono ftso` on this machine neither"
        remedy = "write chrono_admin_ and a long random word into a file of mode 600, and name it in api.admin_keys"
        yield warned("API keys", told, remedy)


def _nodes(settings: Settings) -> Iterator[Finding]:
    standings = asyncio.run(_asked(settings))
    alive = len(standings.alive)
    told = ", ".join(_told(standings, f"node{number}") for number in range(1, len(standings) + 1))
    if not alive:
        yield failed("nodes", told, "see that they are up, of this network and in reach; name others in flare.nodes")
    elif alive < len(standings):
        yield warned("nodes", told, "see to those that are not alive, or name others in flare.nodes")
    elif alive < ENOUGH_NODES:
        yield warned("nodes", f"{told}: nobody contradicts it", "name a second one, of another operator")
    else:
        yield passed("nodes", told)


async def _asked(settings: Settings) -> "Standings":
    """How the nodes stand when each has been asked for its head."""
    from chrono.chain.pool import Pool
    from chrono.clock import SystemClock
    from chrono.flare.networks import network_of
    from chrono.provider.opening import LOCAL, nodes_of
    from chrono.settings.model import Logs
    from chrono.telemetry import configure_logs

    configure_logs(Logs(level="error"))
    flare, clock = settings.flare, SystemClock()
    is_local = settings.network == LOCAL
    nodes = nodes_of(flare, flare.local_chain_id if is_local else network_of(settings.network).chain_id, clock)
    try:
        pool = Pool(nodes, clock)
        await pool.poll()
        return pool.standings
    finally:
        for node in nodes:
            await node.close()


def _told(standings: "Standings", name: str) -> str:
    head, why = standings.head_of(name), standings.why(name)
    block = "" if head is None else f" at block {head.number}"
    return f"{name} {standings.state(name).value}{block}" + (f" ({why})" if why else "")


def _keys(settings: Settings) -> Iterator[Finding]:
    """The keystores of the three roles that a submitter signs with, as files; none is opened."""
    from chrono.errors import ChronoError
    from chrono.keys.key_folder import KeyFolder

    folder = KeyFolder.below(settings.data_dir, settings.network)
    try:
        found = {each.role for each in folder.keystores()}
    except ChronoError as unsound:
        yield failed("keys", str(unsound), "chrono wallet list")
        return
    missing = [role for role in _submitters() if role not in found]
    if not missing:
        yield passed("keys", f"{len(found)} in {folder.path}, closed to others; `chrono wallet verify` opens them")
        return
    verdict = Verdict.FAIL if settings.flare.mode == "live" else Verdict.WARN
    told = f"none for {', '.join(missing)} in {folder.path}"
    yield Finding("keys", verdict, told, "; ".join(f"chrono wallet new {role}" for role in missing))


def _submitters() -> "tuple[Role, ...]":
    from chrono.keys.roles import Role

    return (Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.SIGNING_POLICY)


def _password(flare: Flare) -> Iterator[Finding]:
    from chrono.errors import ChronoError
    from chrono.keys.passwords import read_password

    reference = flare.password
    if reference is None or not reference.startswith(_LOOKED_AT):
        return
    try:
        read_password(reference, environment(), Path.cwd())
    except ChronoError as unreadable:
        verdict = Verdict.FAIL if flare.mode == "live" else Verdict.WARN
        yield Finding("password", verdict, str(unreadable.facts.get("why", unreadable)), "mend flare.password")
    else:
        yield passed("password", f"found at {reference.partition(':')[0]}:…")
