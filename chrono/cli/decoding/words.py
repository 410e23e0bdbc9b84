"""A document of `transaction.describe` in plain words, line by line."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from chrono.cli.decoding.terms import Document

VALUES_PER_LINE: Final = 10
_IN_TIME: Final = {True: ", in time", False: ", not in its time", None: ""}
_INDENT: Final = "  "


def lines_of(document: Document) -> Iterator[str]:
    """What a person reads of one transaction or log."""
    yield _title(document)
    for line in (*_surroundings(document), *_said(document)):
        yield _INDENT + line
    for note in document.get("notes", []):
        yield f"{_INDENT}note: {note}"
    for fault in document["faults"]:
        place = "" if fault["at_byte"] is None else f" at byte {fault['at_byte']}"
        yield f"{_INDENT}unreadable{place}: {fault['why']}"


def _title(document: Document) -> str:
    if "event" in document:
        return f"event {document['event'].partition('(')[0]} of {document['contract']}"
    if "function" in document:
        return f"{document['function']} of {document['contract']}, {document['bytes']} bytes"
    return f"item {document['item']}, line {document['line']}" if "item" in document else "calldata"


def _surroundings(document: Document) -> Iterator[str]:
    """Which transaction it is, as far as that is known."""
    if "hash" in document:
        block = f" in block {document['block']}" if "block" in document else ""
        yield f"transaction {document['hash']}{block}{' (reverted)' if document.get('reverted') else ''}"
    elif document.get("reverted"):
        yield "the transaction was reverted"
    if "block_time" in document:
        yield f"block time {document['block_time']}"
    if "from" in document:
        yield f"from {document['from']}"
    if "to" in document:
        known = document.get("to_contract")
        called = document.get("contract")
        doubt = f", which is not {called}" if known and called and known != called else ""
        yield f"to {document['to']}{f' ({known}{doubt})' if known else ''}"


def _said(document: Document) -> Iterator[str]:
    for frame in document.get("frames", []):
        yield from _frame(frame)
    if "policy" in document:
        yield from _relay(document)
    for name in ("arguments", "fields"):
        for key, value in document.get(name, {}).items():
            yield f"{key}: {_flat(value)}"
    for key in ("claimed_wei", "merkle_roots", "update", "signer"):
        if key in document and "policy" not in document:
            yield f"{key.replace('_', ' ')}: {_flat(document[key])}"


def _frame(frame: Document) -> Iterator[str]:
    kind = frame.get("kind", "payload").replace("_", " ")
    place = f"at byte {frame['at_byte']}, {frame['payload_bytes']} bytes"
    yield f"{_protocol(frame)}: {kind}, {place}{_IN_TIME[frame['in_time']]}"
    yield _INDENT + _round(frame["round"])
    for line in _KINDS.get(frame.get("kind", ""), _payload)(frame):
        yield _INDENT + line


def _protocol(document: Document) -> str:
    number = document.get("protocol_id", (document.get("message") or {}).get("protocol_id"))
    return f"{document['protocol']} ({number})" if document["protocol"] else f"protocol {number}"


def _round(document: Document) -> str:
    number = f"round {document['voting_round_id']}"
    if document["sign_until"] is None:
        return f"{number}, which begins after the year 9999"
    return (
        f"{number}: commit from {document['commit_from']}, reveal from {document['reveal_from']}, sign from"
        f" {document['sign_from']} until {document['sign_until']} (reward epoch"
        f" {document['expected_reward_epoch_id']} by the calendar)"
    )


def _payload(frame: Document) -> Iterator[str]:
    yield f"payload {frame['payload']}"


def _commit(frame: Document) -> Iterator[str]:
    yield f"commit hash {frame['commit_hash']}"


def _reveal(frame: Document) -> Iterator[str]:
    yield f"random {frame['random']}"
    if "commit_hash_of_sender" in frame:
        yield f"its commit, from this sender, was {frame['commit_hash_of_sender']}"
    values = frame["values"]
    empty = sum(value is None for value in values)
    yield f"{len(values)} values{f', {empty} of them empty' if empty else ''}"
    if "feeds" in frame:
        for feed in frame["feeds"]:
            told = feed["price"] if feed["price"] is not None else feed["value"]
            yield f"{_INDENT}{feed['feed']:<20} {'empty' if told is None else told}"
    else:
        for start in range(0, len(values), VALUES_PER_LINE):
            part = values[start : start + VALUES_PER_LINE]
            yield f"{_INDENT}{start:>4}  " + " ".join("empty" if value is None else str(value) for value in part)


def _bit_vote(frame: Document) -> Iterator[str]:
    confirmed = ", ".join(map(str, frame["confirmed"])) or "none"
    yield f"{frame['requests']} attestation requests, confirmed: {confirmed}"


def _signature(frame: Document) -> Iterator[str]:
    yield f"type {frame['type']}, v {frame['v']}, r {frame['r']}, s {frame['s']}"
    if frame["message"]:
        yield _message(frame["message"])
        yield f"signed by {frame['signer'] or 'nobody: these numbers are no signature'}"
    else:
        yield "whose it is cannot be told without the signed message; give it with --message"
    if "consensus_bit_vote" in frame:
        yield from _bit_vote(frame["consensus_bit_vote"])
    elif "unsigned_message" in frame:
        yield f"beside it, unsigned: {frame['unsigned_message']}"


def _message(message: Document) -> str:
    secure = "secure" if message["is_secure_random"] else "not secure"
    return (
        f"message: protocol {message['protocol_id']}, round {message['voting_round_id']}, random {secure},"
        f" Merkle root {message['merkle_root']}"
    )


def _relay(document: Document) -> Iterator[str]:
    policy = document["policy"]
    yield _policy("by the policy", policy)
    if "message" in document:
        yield f"{_protocol(document)}, {_round(document['round'])}"
        yield _message(document["message"])
    else:
        yield _policy("relays the policy", document["new_policy"])
    yield from _voters(policy["voters"], document["signatures"])
    verdict = f"{'above' if document['enough'] else 'not above'} the threshold {policy['threshold']}"
    yield f"signed weight {document['weight']} of {policy['total_weight']}, {verdict}"
    if document["refusal"]:
        yield f"the Relay refuses it: {document['refusal']}"
    if "selected_finalisers" in document:
        sender = {True: "; the sender is one", False: "; the sender is none", None: ""}[document["sender_is_selected"]]
        yield f"selected to finalise: {', '.join(document['selected_finalisers']) or 'nobody'}{sender}"


def _policy(told: str, policy: Document) -> str:
    return (
        f"{told} of reward epoch {policy['reward_epoch_id']}: {len(policy['voters'])} voters, total weight"
        f" {policy['total_weight']}, threshold {policy['threshold']}, from round {policy['start_voting_round_id']},"
        f" hash {policy['hash']}"
    )


def _voters(voters: Sequence[Document], signatures: Sequence[Document]) -> Iterator[str]:
    """Every voter with its weight, and the sum up to each signature; then the signatures that are of no voter."""
    by_index = {each["index"]: each for each in signatures}
    for index, voter in enumerate(voters):
        signed = by_index.get(index)
        state = "" if signed is None else f"signed, {signed['accumulated_weight']} so far"
        if signed is not None and not signed["valid"]:
            state = f"wrong signature, by {signed['signer'] or 'nobody'}"
        yield f"{_INDENT}{index:>3}  {voter['address']}  {voter['weight']:>5}  {state}".rstrip()
    for each in signatures:
        if each["voter"] is None:
            yield f"{_INDENT}{each['index']:>3}  no such voter; signed by {each['signer'] or 'nobody'}"


def _flat(value: Any) -> str:
    # Text from a transaction is anybody's: what would steer a terminal is written out.
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


_KINDS: Final = {"commit": _commit, "reveal": _reveal, "bit_vote": _bit_vote, "signature": _signature}
