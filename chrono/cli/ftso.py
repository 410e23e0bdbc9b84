"""`chrono ftso`: the provider as it stands, its rounds, and the protocol's bytes in words."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK, USAGE, Stop
from chrono.cli.ftso_check import check
from chrono.cli.ftso_entity import entity
from chrono.cli.ftso_register import register
from chrono.cli.ftso_rounds import explain, rounds
from chrono.cli.ftso_status import status
from chrono.cli.ftso_submit import submit
from chrono.flare.contracts.addresses import NETWORK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from chrono.cli.decoding.feeds import NamedFeed
    from chrono.cli.decoding.terms import Document, Terms
    from chrono.flare.protocol_message import ProtocolMessage

_PROGRESS_EVERY: Final = 200


@click.group("ftso", context_settings=frame.CONTEXT)
def command() -> None:
    """Look at the provider and its rounds, and read what is sent to Flare's contracts."""


@frame.command(
    "decode",
    examples=[
        "chrono ftso decode 0x6c532fae64000c66200020…",
        "chrono ftso decode transactions.json.gz --feeds feeds.json",
        "chrono ftso decode blocks.ndjson --json | jq 'select(.decoded | not)'",
    ],
)
@click.argument("what", metavar="CALLDATA|TXFILE")
@click.option(
    "--network",
    type=click.Choice(NETWORK_NAMES),
    help="Whose calendar and addresses. [default: as in the file, else flare]",
)
@click.option("--feeds", metavar="FILE", help="Names and decimals of the voted feeds, as JSON.")
@click.option(
    "--message",
    "messages",
    multiple=True,
    metavar="HEX",
    help="A signed message (38 bytes), to find signers of type 1 by.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per transaction or log on stdout.")
@frame.shared_options
def decode(what: str, network: str | None, feeds: str | None, messages: tuple[str, ...], as_json: bool) -> int:
    """Explain transactions to Flare's contracts: submissions, signatures, relays, registrations, claims, and logs.

    CALLDATA is hex. TXFILE is - (stdin) or a file: JSON of transactions, blocks or receipts as a node gives them (one,
    a list, or JSON lines), or one calldata a line; also gzipped, of any length.

    FEEDS is a list of {"id": "0x01…", "decimals": 2} in voting order, or the developer hub's list.

    Ends with 1 when anything could not be read; the words say where and why.
    """
    from chrono.cli.decoding.terms import Terms
    from chrono.flare.networks import network_of

    fip16_from = frame.load().settings.flare.fip16_activation_reward_epoch
    chosen = network_of(network or NETWORK_NAMES[0], fip16_from)
    terms = Terms(chosen, _feeds(feeds), _messages(messages), fip16_from)
    given = network is not None
    if _is_calldata(what):
        return _one(what, terms, as_json=as_json)
    with _opened(what) as raw:
        return _all(raw, terms, network_is_given=given, as_json=as_json)


for _command in (status, rounds, explain, submit, check, entity, register, decode):
    command.add_command(_command)


def _is_calldata(what: str) -> bool:
    """Hex is calldata, unless a file has that very name."""
    return what.startswith(("0x", "0X")) or (
        re.fullmatch(r"[0-9a-fA-F]{8,}", what) is not None and not Path(what).exists()
    )


def _feeds(path: str | None) -> "tuple[NamedFeed, ...]":
    from chrono.cli.decoding.feeds import read_feeds

    return read_feeds(path) if path else ()


def _messages(texts: Sequence[str]) -> "dict[tuple[int, int], ProtocolMessage]":
    from chrono.cli.decoding.terms import from_hex
    from chrono.flare.abi import Malformed
    from chrono.flare.protocol_message import MESSAGE_BYTES, ProtocolMessage

    try:
        read = [ProtocolMessage.decode(from_hex(text)) for text in texts]
    except Malformed as fault:
        raise Stop(f"--message: {fault}", then="chrono ftso decode --help", code=USAGE) from fault
    if any(len(from_hex(text)) > MESSAGE_BYTES for text in texts):
        raise Stop(f"--message: a message has {MESSAGE_BYTES} bytes", then="chrono ftso decode --help", code=USAGE)
    return {(message.protocol_id, message.voting_round_id): message for message in read}


def _one(text: str, terms: "Terms", *, as_json: bool) -> int:
    from chrono.cli.decoding.finding import About, Calldata
    from chrono.cli.decoding.transaction import describe

    document = describe(Calldata(About(), text), terms)
    if as_json:
        frame.give_json(document)
    else:
        _tell(document)
    return OK if document["decoded"] else FAILED


def _all(raw: "BinaryIO", terms: "Terms", *, network_is_given: bool, as_json: bool) -> int:
    """Everything in a file, told as it is read; then how much of it could be."""
    from chrono.cli.decoding.files import values
    from chrono.cli.decoding.finding import found_in
    from chrono.cli.decoding.transaction import describe

    read, unread = 0, 0
    with _progress(raw) as on_value:
        for value in values(raw):
            for found in found_in(value):
                document = {"item": read + unread + 1}
                document |= describe(found, terms, network_is_given=network_is_given)
                read += document["decoded"]
                unread += not document["decoded"]
                _give(document, as_json=as_json)
            on_value()
    if not read and not unread:
        raise Stop("the file is empty", then="chrono ftso decode --help", code=USAGE)
    frame.say(f"{read:,} read, {unread:,} not")
    return FAILED if unread else OK


def _give(document: "Document", *, as_json: bool) -> None:
    import json

    if as_json:
        frame.give(json.dumps(document, ensure_ascii=False))
    else:
        _tell(document)
        frame.give("")


def _tell(document: "Document") -> None:
    from chrono.cli.decoding.words import lines_of

    for line in lines_of(document):
        frame.give(line)


@contextmanager
def _opened(path: str) -> Iterator["BinaryIO"]:
    from chrono.cli.decoding.files import open_bytes

    try:
        raw = open_bytes(path)
    except OSError as error:
        what = path or "an empty text"
        told = f"{what} is neither calldata (0x and hex digits) nor a file that can be read ({error.strerror})"
        raise Stop(told, then="chrono ftso decode --help", code=USAGE) from error
    with raw:
        yield raw


@contextmanager
def _progress(raw: "BinaryIO") -> Iterator["Callable[[], None]"]:
    """How far the file is read, on stderr; nothing when nobody looks, or when what is told goes to the same screen."""
    if not sys.stderr.isatty() or sys.stdout.isatty() or not raw.seekable():
        yield lambda: None
        return
    from os import fstat

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=fstat(raw.fileno()).st_size)
        count = 0

        def on_value() -> None:
            nonlocal count
            count += 1
            if count % _PROGRESS_EVERY == 0:
                bar.update(task, completed=raw.tell())

        yield on_value
