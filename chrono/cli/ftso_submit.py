"""`chrono ftso submit --dry-run`: the very bytes that the provider sends in a round, or would send, in words."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli import voting_words as words
from chrono.cli.client import Client
from chrono.cli.ends import FAILED, OK, REFUSED, Stop
from chrono.cli.whereabouts import client_for
from chrono.flare.contracts.addresses import NETWORK_NAMES

if TYPE_CHECKING:
    from chrono.cli.decoding.terms import Terms
    from chrono.flare.networks import Network

LOOKED_AT = 20
"""Newest rounds among which one with bytes is looked for."""


@frame.command(
    "submit",
    examples=[
        "chrono ftso submit --dry-run",
        "chrono ftso submit --dry-run --round 1128701",
        "chrono ftso submit --dry-run --json | jq -r '.payloads[].calldata'",
    ],
)
@click.option("--dry-run", is_flag=True, help="Show the bytes and send nothing: the only way there is.")
@click.option("--round", "number", type=click.IntRange(min=0), metavar="ROUND", help="[default: the newest with bytes]")
@frame.reading_options
def submit(dry_run: bool, number: int | None, as_json: bool, url: str | None, key: str | None) -> int:
    """Show the bytes of a round's transactions as the running provider made them, and what they say.

    In the mode dry-run these are the bytes that would be sent; in the mode live those that are. A reveal of the mode
    live is shown from its own window on: before that its values must stay secret.

    Nothing is ever sent by this command: `chrono run` does that, at the right moment, once the mode is live.
    """
    if not dry_run:
        told = "nothing is sent by hand: a second sender beside `chrono run` could spoil a reveal"
        raise Stop(told, then="chrono ftso submit --dry-run", code=REFUSED)
    client = client_for(url, key)
    document = _round(client, number)
    terms = _terms(document)
    payloads = [_decoded(payload, terms) for payload in words.rows_of(document.get("payloads"))]
    if as_json:
        about = {name: document.get(name) for name in ("network", "round", "mode", "phase")}
        frame.give_json({**about, "payloads": payloads})
    else:
        _show(document, payloads)
    return OK if all(payload["decoded"]["decoded"] for payload in payloads) else FAILED


def _round(client: Client, number: int | None) -> words.Document:
    """A round that has bytes. Raises: Stop."""
    if number is not None:
        document = client.get(f"/rounds/{number}").document
        if not document.get("payloads"):
            told = f"no bytes of round {number} are in memory: it is too old, was missed, or has not come so far"
            raise Stop(told, then=f"chrono ftso explain {number}")
        return document
    for row in words.rows_of(client.get("/rounds", limit=LOOKED_AT).document.get("data")):
        document = client.get(f"/rounds/{row.get('round')}").document
        if document.get("payloads"):
            return document
    raise Stop("no round has bytes to show yet", then="chrono ftso status")


def _terms(document: words.Document) -> "Terms":
    """What the bytes are read by: the round's own network and feeds."""
    from chrono.cli.decoding.feeds import NamedFeed
    from chrono.cli.decoding.terms import Terms
    from chrono.flare.networks import network_of

    fip16_from = frame.load().settings.flare.fip16_activation_reward_epoch
    named = str(document.get("network"))
    network = network_of(named, fip16_from) if named in NETWORK_NAMES else _local(document)
    feeds = tuple(
        NamedFeed(str(feed.get("symbol")), feed.get("decimals")) for feed in words.rows_of(document.get("feeds"))
    )
    return Terms(network, feeds, {}, fip16_from)


def _local(document: words.Document) -> "Network":
    """A network that only the server knows: its calendar is what the round's windows say.

    Raises: Stop when they say nothing.
    """
    from chrono.flare.epochs import Timing
    from chrono.flare.networks import local_network

    windows, number = words.part_of(document, "windows"), document.get("round")
    ends = [words.moment(words.part_of(windows, name).get("from")) for name in ("commit", "reveal", "sign")]
    commit, reveal, sign = ends
    if commit is None or reveal is None or sign is None or not isinstance(number, int):
        raise Stop("the answer has no windows", then="chrono version  (is the server of this version?)")
    epoch_s = round((reveal - commit).total_seconds())
    timing = Timing(
        first_start_s=round(commit.timestamp()) - number * epoch_s,
        # One round a reward epoch, counted so that this round is in the one that the server names.
        rounds_per_reward_epoch=1,
        epoch_s=epoch_s,
        reveal_s=round((sign - reveal).total_seconds()),
        first_reward_epoch_round=number - int(document.get("reward_epoch") or 0),
    )
    return local_network(timing, name=str(document.get("network")))


def _decoded(payload: words.Document, terms: "Terms") -> dict[str, Any]:
    from chrono.cli.decoding.finding import About, Calldata
    from chrono.cli.decoding.transaction import describe

    about = About(sender=str(payload.get("sender")))
    return {**payload, "decoded": describe(Calldata(about, str(payload.get("calldata"))), terms, network_is_given=True)}


def _show(document: words.Document, payloads: list[dict[str, Any]]) -> None:
    from chrono.cli.decoding.words import lines_of

    would = "would be sent" if document.get("mode") == "dry-run" else "is sent"
    frame.give(f"round {document.get('round')} of {document.get('network')}: what {would}")
    for payload in payloads:
        frame.give(f"\n{payload.get('phase')}, made {words.clock_text(payload.get('made_at'))} UTC")
        frame.give(f"{payload.get('calldata')}")
        for line in lines_of(payload["decoded"]):
            frame.give(line)
