"""Transactions and logs within whatever JSON people have: RPC answers, blocks, receipts, an indexer's rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from chrono.cli.decoding.files import Broken, Value
from chrono.flare.networks import NETWORKS

_CALLDATA: Final = ("input", "calldata", "Input", "data")
_YEAR_3000_S: Final = 32_503_680_000
_HASH: Final = re.compile(r"(0x)?[0-9a-fA-F]{1,64}")
_NETWORKS: Final = {network.name for network in NETWORKS}


class About(Struct, frozen=True):
    """What is known beside the bytes; None is not known. `time_s` is the block time in seconds."""

    line: int | None = None
    """Of the file; None for calldata that was given on the command line."""
    hash: str | None = None
    """As the file spells it: up to 64 hex digits, with or without 0x."""
    sender: str | None = None
    to: str | None = None
    block: int | None = None
    time_s: int | None = None
    failed: bool | None = None
    network: str | int | None = None
    """A network's name, or its chain id."""


class Calldata(Struct, frozen=True):
    """A transaction's calldata as its hex text."""

    about: About
    text: str


class Log(Struct, frozen=True):
    """A log with its topics and data as hex texts; `about.to` is the contract that emitted it."""

    about: About
    topics: tuple[str, ...]
    data: str


Found = Calldata | Log | Broken


def found_in(value: Value | Broken) -> Iterator[Found]:
    """Every transaction and log in one value of a file, in the order they stand there."""
    if isinstance(value, Broken):
        yield value
        return
    about = About(line=value.line)
    content = value.content
    if isinstance(content, str):
        yield Calldata(about, content)
    elif isinstance(content, Mapping | list):
        count = 0
        for item in _within(content, about):
            count += 1
            yield item
        if not count:
            yield Broken(value.line, "neither a transaction nor a log is in it")
    else:
        yield Broken(value.line, f"{content!r:.60} is no transaction")


def _within(content: object, about: About) -> Iterator[Found]:
    """Depth first, without recursion: what others wrote may be nested deeply."""
    waiting: list[tuple[object, About]] = [(content, about)]
    while waiting:
        node, above = waiting.pop()
        if isinstance(node, list):
            waiting.extend((child, above) for child in reversed(node))
        elif isinstance(node, Mapping):
            here = _about(node, above)
            item = _item(node, here)
            if item is not None:
                yield item
            waiting.extend((child, here) for child in reversed(list(node.values())) if isinstance(child, dict | list))
        elif isinstance(node, str) and node[:2] == "0x" and len(node) > 2 + 2 * 32:
            # A bare string is calldata only where it stands in a list and is longer than a hash.
            yield Calldata(above, node)


def _item(node: Mapping[str, Any], about: About) -> Found | None:
    topics = _topics(node)
    if topics is not None:
        data = _text(node, "data", "Data") or ""
        address = _text(node, "address", "Address") or about.to
        return Log(replace(about, to=address), topics, data)
    text = _text(node, *_CALLDATA)
    return None if text is None else Calldata(about, text)


def _topics(node: Mapping[str, Any]) -> tuple[str, ...] | None:
    listed = node.get("topics")
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        return tuple(str(topic) for topic in listed)
    if "Topic0" in node:
        given = (str(node.get(f"Topic{place}")) for place in range(4))
        return tuple(topic for topic in given if topic not in {"NULL", "None", ""})
    return None


def _about(node: Mapping[str, Any], above: About) -> About:
    """What this object says, else what the ones around it said."""
    time_s = _number(node, "timestamp", "blockTimestamp", "Timestamp")
    status = _number(node, "status", "Status")
    network = node.get("network")
    return About(
        line=above.line,
        hash=_hash(_text(node, "hash", "Hash", "transactionHash", "TransactionHash")) or above.hash,
        sender=_text(node, "from", "FromAddress", "submit_address") or above.sender,
        to=_text(node, "to", "ToAddress") or above.to,
        block=_first(_number(node, "blockNumber", "BlockNumber", "number"), above.block),
        time_s=time_s if time_s is not None and 0 <= time_s < _YEAR_3000_S else above.time_s,
        failed=above.failed if status is None else status == 0,
        network=network if network in _NETWORKS else _first(_number(node, "chainId", "chain"), above.network),
    )


def _hash(text: str | None) -> str | None:
    """The hash, unless it is something else, which might not even be printable."""
    return text if text is not None and _HASH.fullmatch(text) else None


def _first(one: int | None, other: Any) -> Any:
    return other if one is None else one


def _text(node: Mapping[str, Any], *names: str) -> str | None:
    return next((node[name] for name in names if isinstance(node.get(name), str)), None)


def _number(node: Mapping[str, Any], *names: str) -> int | None:
    """An integer as JSON has it, or as RPC writes it (0x and hex digits)."""
    for name in names:
        told = node.get(name)
        if isinstance(told, int) and not isinstance(told, bool):
            return told
        if isinstance(told, str):
            try:
                return int(told, 16 if told.startswith("0x") else 10)
            except ValueError:
                continue
    return None
