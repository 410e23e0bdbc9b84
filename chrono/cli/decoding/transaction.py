"""A transaction or a log as one document: what was called, by whom, what it says, and where it makes no sense."""

from typing import Any

import msgspec
from msgspec.structs import replace

from chrono.cli.decoding.calls import describe_call
from chrono.cli.decoding.files import Broken
from chrono.cli.decoding.finding import About, Found, Log
from chrono.cli.decoding.relays import describe_relay
from chrono.cli.decoding.submissions import describe_frames
from chrono.cli.decoding.terms import Document, Terms, from_hex, hexed, time_text
from chrono.flare.abi import Malformed
from chrono.flare.address import ADDRESS_BYTES, Address, checksummed
from chrono.flare.contracts.addresses import contract_at
from chrono.flare.contracts.event_table import decode_event, event_of
from chrono.flare.contracts.functions import function_of
from chrono.flare.contracts.shapes import SELECTOR_BYTES, FunctionShape
from chrono.flare.frames import SubmissionFunction
from chrono.flare.networks import UnknownNetworkError, network_of
from chrono.flare.relay import SELECTOR as RELAY


def describe(found: Found, terms: Terms, *, network_is_given: bool = False) -> Document:
    """What was found in a file or argument, explained; `decoded` is false where anything could not be read.

    A transaction's own network is used unless one was given.
    """
    if isinstance(found, Broken):
        return {"line": found.line, "decoded": False, "faults": [{"at_byte": None, "why": found.why}]}
    try:
        terms = _own_terms(found.about, terms, network_is_given=network_is_given)
        document = _header(found.about, terms)
        document |= _log(found) if isinstance(found, Log) else _calldata(from_hex(found.text), terms)
    except Malformed as fault:
        document = _header(found.about, terms) | {"faults": [{"at_byte": fault.at, "why": fault.what}]}
    return document | {"decoded": not document["faults"]}


def _own_terms(about: About, terms: Terms, *, network_is_given: bool) -> Terms:
    network = terms.network
    if about.network is not None and not network_is_given:
        try:
            network = network_of(about.network, terms.fip16_from)
        except UnknownNetworkError as error:
            raise Malformed(str(error)) from error
    return replace(terms, network=network, time_s=about.time_s, sender=_address(about.sender))


def _header(about: About, terms: Terms) -> Document:
    """What stood beside the bytes; what is not known is left out."""
    to = _address(about.to)
    known: Document = {
        "line": about.line,
        "network": terms.network.name,
        "hash": about.hash,
        "block": about.block,
        "block_time": None if about.time_s is None else time_text(about.time_s),
        "from": checksummed(terms.sender) if terms.sender else None,
        "to": checksummed(to) if to else None,
        "to_contract": contract_at(terms.network.contracts, to) if to else None,
        "reverted": about.failed,
    }
    return {name: value for name, value in known.items() if value is not None}


def _calldata(calldata: bytes, terms: Terms) -> Document:
    if len(calldata) < SELECTOR_BYTES:
        raise Malformed(f"calldata begins with a selector of 4 bytes, {len(calldata)} are there")
    shape = function_of(calldata)
    if shape is None:
        raise Malformed(f"{hexed(calldata[:SELECTOR_BYTES])} is the selector of no function that Chrono knows")
    named: Document = {
        "selector": hexed(shape.selector),
        "contract": shape.contract,
        "function": shape.canonical,
        "bytes": len(calldata),
    }
    try:
        return named | _said(shape, calldata, terms)
    except Malformed as fault:
        return named | {"notes": [], "faults": [{"at_byte": fault.at, "why": fault.what}]}


def _said(shape: FunctionShape, calldata: bytes, terms: Terms) -> Document:
    if shape.selector == RELAY:
        return describe_relay(calldata, terms)
    if shape.selector in {function.value for function in SubmissionFunction}:
        return describe_frames(SubmissionFunction(shape.selector), calldata, terms)
    return describe_call(shape, calldata, terms)


def _log(found: Log) -> Document:
    topics = [from_hex(topic) for topic in found.topics]
    shape = event_of(topics[0]) if topics else None
    if shape is None:
        raise Malformed(f"{hexed(topics[0]) if topics else 'nothing'} is the topic of no event that Chrono knows")
    event = decode_event(topics, from_hex(found.data))
    return {"contract": shape.contract, "event": shape.canonical, "fields": _plain(event), "notes": [], "faults": []}


def _plain(value: Any) -> Any:
    """An event's fields for JSON: 20 bytes as an address, other bytes as hex, wide integers as text."""
    if isinstance(value, bytes):
        return checksummed(value) if len(value) == ADDRESS_BYTES else hexed(value)
    if isinstance(value, msgspec.Struct):
        return {name: _field(name, getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return getattr(value, "value", value)


def _field(name: str, value: Any) -> Any:
    # Node ids have 20 bytes as well, but are no addresses.
    return [hexed(each) for each in value] if name == "node_ids" else _plain(value)


def _address(text: str | None) -> Address | None:
    """An address in any case of its letters; None where there is none, or no address."""
    digits = (text or "").removeprefix("0x")
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        return None
    return Address(data) if len(data) == ADDRESS_BYTES else None
