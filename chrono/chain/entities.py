"""What the registries say of an entity, by quorum, and what a contract would say of a call that is not sent yet.

Source: fsp.md section 6 (addresses and registration), section 2 of the Solidity specification (reverts).
"""

import re
from collections import Counter
from typing import Any, Final

from msgspec import Struct

from chrono.chain.pool import Pool
from chrono.chain.ports import NodePort
from chrono.chain.registry import Contracts
from chrono.errors import NODE_GARBLED, NODE_REFUSED, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.flare.abi import Malformed, decode
from chrono.flare.address import Address
from chrono.flare.contracts.questions import QUESTION_BY_NAME
from chrono.flare.reverts import revert_of

_REVERT_DATA: Final = re.compile(r"0x08c379a0((?:[0-9a-f]{2})+)", re.IGNORECASE)
"""`Error(string)`, as nodes give it where they do not spell the reason."""

_CUT_SHORT: Final = re.compile(r"0x08c379a0[0-9a-f]*", re.IGNORECASE)
"""The same where it was cut: beside the words it says nothing more."""

_UNANSWERED: Final = frozenset({NODES_DISAGREE, NOT_CONFIRMED})


class VoterAddresses(Struct, frozen=True):
    """An entity's hot addresses in the EntityManager; one that is not set is the identity itself."""

    submit: Address
    submit_signatures: Address
    signing_policy: Address


class Tried(Struct, frozen=True):
    """What a call came to without being sent. `said` is the contract's refusal; None: it would go through."""

    said: str | None
    confirmed: bool = True
    """Whether enough nodes say the same."""


async def is_registered(pool: Pool, contracts: Contracts, identity: Address, reward_epoch_id: int) -> bool | None:
    """Whether a VoterRegistry, the present or an old one, holds the entity; None when the present one says nothing."""
    now = contracts.address("VoterRegistry")
    told = {
        each: await _flag(pool, each, "isVoterRegistered", identity, reward_epoch_id)
        for each in contracts.addresses(("VoterRegistry",))
    }
    return True if any(told.values()) else told.get(now)


async def is_preregistered(pool: Pool, contracts: Contracts, identity: Address, reward_epoch_id: int) -> bool | None:
    """Whether the VoterPreRegistry holds the entity; None when it says nothing."""
    at = contracts.now.get("VoterPreRegistry")
    return None if at is None else await _flag(pool, at, "isVoterPreRegistered", reward_epoch_id, identity)


async def voter_addresses(
    pool: Pool, contracts: Contracts, identity: Address, block_number: int | None = None
) -> VoterAddresses | None:
    """The entity's addresses now, or at a block; None when the EntityManager says nothing."""
    at = contracts.now.get("EntityManager")
    if at is None:
        return None
    three = ("address", "address", "address")
    if block_number is None:
        told = await asked(pool, at, "getVoterAddresses", three, identity)
    else:
        told = await asked(pool, at, "getVoterAddressesAt", three, identity, block_number)
    return None if told is None else VoterAddresses(*(Address(bytes.fromhex(each[2:])) for each in told))


async def asked(
    pool: Pool, to: Address, function: str, types: tuple[str, ...], *arguments: Any
) -> tuple[Any, ...] | None:
    """What two nodes agree that a view function gives; None when they do not, or the contract does not know it.

    Raises: ChronoError when no node answers as it should.
    """
    data = QUESTION_BY_NAME[function].encode(*arguments)
    try:
        told = await pool.agreed(lambda node: node.call(to, data))
    except ChronoError as error:
        if error.reason in _UNANSWERED:
            return None
        raise
    try:
        return decode(types, told) if told else None
    except Malformed as error:
        raise ChronoError(NODE_GARBLED, cause=f"no answer of {function}: {error}") from error


async def tried(pool: Pool, to: Address, data: bytes, sender: Address) -> Tried:
    """What a call would come to at the newest block. A refusal counts when two nodes say the same.

    Raises: ChronoError(NOT_CONFIRMED) when no node answers.
    """

    async def ask(node: NodePort) -> str:
        try:
            await node.call(to, data, sender)
        except ChronoError as error:
            said = spoken(str(error.facts.get("said", "")))
            if error.reason is NODE_REFUSED and said is not None:
                return said
            raise
        return ""

    told = await pool.answers(ask, pool.witnesses)
    if not told:
        raise ChronoError(NOT_CONFIRMED, answered="", needed=pool.witnesses)
    if any(not said for said in told.values()):
        return Tried(None)
    said, count = Counter(told.values()).most_common(1)[0]
    return Tried(said, confirmed=count >= pool.witnesses)


def spoken(said: str) -> str | None:
    """The reason in a node's refusal of a call; None when it does not say that the contract reverts."""
    found = _REVERT_DATA.search(said)
    if found is not None:
        try:
            return str(decode(("string",), bytes.fromhex(found.group(1)))[0])
        except Malformed:
            pass  # cut short, or not what it seems: the words around it are all there is
    revert = revert_of(said)
    if revert is not None:
        return revert.reason
    told = said.strip()
    words = _CUT_SHORT.sub("", told.partition("reverted:")[2]).strip()
    return words or told if "revert" in told.lower() else None


async def _flag(pool: Pool, to: Address, function: str, *arguments: Any) -> bool | None:
    told = await asked(pool, to, function, ("bool",), *arguments)
    return None if told is None else bool(told[0])
