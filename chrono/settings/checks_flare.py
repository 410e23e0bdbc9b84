"""What the settings of the voter must be together: a seat that lacks something, or spends what it should not."""

import re
from collections.abc import Iterator
from pathlib import Path

from chrono.settings.checks import Check, Finding, is_loopback, parts_of
from chrono.settings.model import Settings
from chrono.settings.secrets import masked_secret

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_PASSWORD = re.compile(r"(keychain|fd|file|env):.+", re.DOTALL)

NO_FDC = (
    "a submitter without an fdc-client fails the FDC condition; set flare.fdc_url, or confirm it: without_fdc = true"
)
NO_BLOCK_LATENCY = (
    "Chrono does not send block-latency feeds yet: run Flare's fast-updates client beside it, or the entity fails that"
    " condition"
)


def _addresses(settings: Settings) -> Iterator[Finding]:
    flare = settings.flare
    for key, text in (("flare.identity", flare.identity), ("flare.registry", flare.registry)):
        if text is not None and (not _ADDRESS.fullmatch(text) or not int(text, 16)):
            yield Finding(key, text, "expected an address, 0x and 40 hex digits")


def _nodes(settings: Settings) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, node in enumerate(settings.flare.nodes):
        key, plain = f"flare.nodes[{number}]", str(node)
        parts = parts_of(plain)
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            yield Finding(key, masked_secret(plain), "expected http:// or https:// and a host")
        elif plain in seen:
            yield Finding(key, masked_secret(plain), "this node is listed twice; two that agree must be two")
        elif parts.scheme == "http" and not is_loopback(parts.hostname):
            told = "what this node says crosses the network in clear; https:// is better"
            yield Finding(key, masked_secret(plain), told, advice=True)
        seen.add(plain)


def _sockets(settings: Settings) -> Iterator[Finding]:
    for number, socket in enumerate(settings.flare.node_sockets):
        key, plain = f"flare.node_sockets[{number}]", str(socket)
        parts = parts_of(plain)
        if parts is None or parts.scheme not in {"ws", "wss"} or not parts.hostname:
            yield Finding(key, masked_secret(plain), "expected ws:// or wss:// and a host")
        elif number >= len(settings.flare.nodes):
            yield Finding(key, masked_secret(plain), "expected no more of them than flare.nodes has, in its order")


def _seat(settings: Settings) -> Iterator[Finding]:
    """What a seat and a local chain cannot do without."""
    flare = settings.flare
    taken = flare.seat != "none"
    if taken and flare.identity is None:
        yield Finding("flare.identity", "", f"the seat {flare.seat} needs the identity address of the entity")
    if taken and not flare.nodes:
        yield Finding(
            "flare.nodes", "", f"the seat {flare.seat} needs a node, better three: each is held against others"
        )
    if taken and len(flare.nodes) == 1:
        told = "a single node is believed whatever it says; two or more must agree"
        yield Finding("flare.nodes", "one", told, advice=True)
    if settings.network == "local":
        for key, given in (("flare.nodes", flare.nodes), ("flare.registry", flare.registry)):
            if not given:
                yield Finding(key, "", "the network local is read from its own chain: give a node and the registry")


def _live(settings: Settings) -> Iterator[Finding]:
    flare = settings.flare
    if flare.seat != "submitter" or flare.mode != "live":
        return
    if flare.password is None:
        told = "signing needs the keystores' password: keychain:SERVICE, fd:N, file:PATH or env:NAME"
        yield Finding("flare.password", "", told)
    if flare.fdc_url is None and not flare.without_fdc:
        yield Finding("flare.without_fdc", flare.without_fdc, NO_FDC)
    yield Finding("flare.mode", flare.mode, NO_BLOCK_LATENCY, advice=True)


def _password(settings: Settings) -> Iterator[Finding]:
    password = settings.flare.password
    if password is not None and not _PASSWORD.fullmatch(password):
        # The text is not shown: it may be the password itself.
        yield Finding("flare.password", "***", "expected keychain:SERVICE, fd:N, file:PATH or env:NAME, never the word")


def _fdc(settings: Settings) -> Iterator[Finding]:
    flare = settings.flare
    if flare.fdc_url is None:
        if flare.fdc_key is not None:
            yield Finding("flare.fdc_key", "***", "a key without an fdc-client; set flare.fdc_url")
        return
    parts = parts_of(flare.fdc_url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Finding("flare.fdc_url", masked_secret(flare.fdc_url), "expected http:// or https:// and a host")
    elif flare.without_fdc:
        yield Finding("flare.without_fdc", flare.without_fdc, "this says without an fdc-client, and fdc_url names one")


def _data_provider(settings: Settings) -> Iterator[Finding]:
    flare, server = settings.flare, settings.server
    if server.data_provider_port is not None and flare.seat != "data-provider":
        told = "nothing is served there; set flare.seat = data-provider, or take the port away"
        yield Finding("server.data_provider_port", server.data_provider_port, told)
    beyond = not all(is_loopback(text.partition("/")[0]) for text in server.seam_networks)
    if flare.seat == "data-provider" and flare.data_provider_key is None and beyond:
        told = "others than this machine may ask for reveals; set flare.data_provider_key"
        yield Finding("flare.data_provider_key", "", told, advice=True)


def _caps(settings: Settings) -> Iterator[Finding]:
    flare = settings.flare
    if flare.commit_gwei > flare.reveal_gwei:
        told = "expected no more than reveal_gwei: a missed commit costs a round, a missed reveal thirty"
        yield Finding("flare.commit_gwei", flare.commit_gwei, told)


def _reward_data(settings: Settings) -> Iterator[Finding]:
    place = settings.flare.reward_data
    if place is None:
        return
    parts = parts_of(place)
    if "://" in place:
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            yield Finding("flare.reward_data", place, "expected a folder, or https:// and a host")
    elif not Path(place).expanduser().is_dir():
        yield Finding("flare.reward_data", place, "expected a folder that is there, or https:// and a host")


FLARE_CHECKS = (
    Check(("flare.identity", "flare.registry"), _addresses),
    Check(("flare.nodes",), _nodes),
    Check(("flare.nodes", "flare.node_sockets"), _sockets),
    Check(("network", "flare.seat", "flare.identity", "flare.nodes", "flare.registry"), _seat),
    Check(("flare.seat", "flare.mode", "flare.password", "flare.fdc_url", "flare.without_fdc"), _live),
    Check(("flare.password",), _password),
    Check(("flare.fdc_url", "flare.fdc_key", "flare.without_fdc"), _fdc),
    Check(
        ("server.data_provider_port", "server.seam_networks", "flare.seat", "flare.data_provider_key"), _data_provider
    ),
    Check(("flare.commit_gwei", "flare.reveal_gwei"), _caps),
    Check(("flare.reward_data",), _reward_data),
)
