"""The addresses of an entity beside those of our keys: what stands, what is proposed, and what is to be done about it.

What an address could become is found by trying the call on the nodes: the contract's queue of proposals has no function
that tells it. So of all that may be proposed, only our own addresses are seen.
"""

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.chain.entities import Tried, asked, tried, voter_addresses
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.flare.address import Address
from chrono.flare.contracts.entity_calls import ENTITY_CALLS, ENTITY_MANAGER, LATEST_BLOCK
from chrono.keys.entity_calls import ENTITY_ROLES
from chrono.keys.roles import Role

_TAKEN: Final = "already registered"


class Act(StrEnum):
    """What may be done for a role."""

    PROPOSE = "propose"
    CONFIRM = "confirm"


class State(StrEnum):
    """How far our address of a role has come."""

    STANDS = "stands"
    PROPOSED = "proposed"
    MISSING = "missing"
    """It can be proposed."""
    NO_ADDRESS = "no_address"
    """Neither the chain nor we have one."""
    ELSEWHERE = "elsewhere"
    """One is registered, and we have none."""
    TAKEN = "taken"
    """Another entity has it."""
    IDENTITY = "identity"
    """It is the identity itself, with which nobody can register."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The nodes do not say what is registered."""


class RoleFacts(Struct, frozen=True, kw_only=True):
    """One role, as two nodes agree on it. `registered` is the identity where none is set; None: not known."""

    role: Role
    registered: Address | None
    ours: Address | None = None
    proposal: Tried | None = None
    """What proposing ours would come to."""
    confirmation: Tried | None = None
    """What its confirmation would come to."""
    holder: Address | None = None
    """The entity that has ours; ours itself where none has; None: not known."""


class EntityCall(Struct, frozen=True, kw_only=True):
    """One call that is missing."""

    act: Act
    role: Role
    function: str
    to: Address
    sender: Address
    argument: Address
    data: bytes
    gas: int

    def intent_id(self, network: str) -> str:
        """The same call is the same intent."""
        return f"{network}/entity/{self.function}/{self.sender.hex()}/{self.argument.hex()}"


GAS: Final = {Act.PROPOSE: 150_000, Act.CONFIRM: 500_000}
"""Limits: three times and more what the contract takes; the lane raises one that ran out."""

USED: Final = {Act.PROPOSE: 50_000, Act.CONFIRM: 130_000}
"""About what it takes, to say beforehand what it costs."""


def state_of(facts: RoleFacts, identity: Address) -> State:
    """How far our address of a role has come."""
    if facts.registered is None:
        return State.UNKNOWN
    if facts.ours is None:
        return State.NO_ADDRESS if facts.registered == identity else State.ELSEWHERE
    if facts.ours == identity:
        return State.IDENTITY
    if facts.ours == facts.registered:
        return State.STANDS
    if facts.confirmation is not None and facts.confirmation.said is None:
        return State.PROPOSED
    if facts.proposal is not None and facts.proposal.said is None:
        return State.MISSING
    said = "" if facts.proposal is None else facts.proposal.said or ""
    held = facts.holder not in (None, facts.ours)
    return State.TAKEN if held or _TAKEN in said else State.REFUSED


def call_of(facts: RoleFacts, act: Act, identity: Address, manager: Address) -> EntityCall | None:
    """The call that is missing of a role; None when it is done, or it is not its turn."""
    wanted = State.MISSING if act is Act.PROPOSE else State.PROPOSED
    if facts.ours is None or state_of(facts, identity) is not wanted:
        return None
    sender, argument = (identity, facts.ours) if act is Act.PROPOSE else (facts.ours, identity)
    calls = ENTITY_CALLS[facts.role]
    shape = calls.propose if act is Act.PROPOSE else calls.confirm
    return EntityCall(
        act=act,
        role=facts.role,
        function=shape.name,
        to=manager,
        sender=sender,
        argument=argument,
        data=shape.encode(argument),
        gas=GAS[act],
    )


class AddressBook:
    """Asks one EntityManager about one entity. Everything may raise ChronoError when no node answers."""

    def __init__(self, pool: Pool, contracts: Contracts, identity: Address) -> None:
        """Raises: ChronoError(CONTRACT_MISSING)."""
        self.manager = contracts.address(ENTITY_MANAGER)
        self._pool = pool
        self._contracts = contracts
        self._identity = identity

    async def read(self, ours: Mapping[Role, Address]) -> tuple[RoleFacts, ...]:
        """Every role, with what could become of our addresses."""
        registered = await self._registered()
        return tuple(
            await asyncio.gather(*(self._role(role, registered[role], ours.get(role)) for role in ENTITY_ROLES))
        )

    async def _registered(self) -> dict[Role, Address | None]:
        told = await voter_addresses(self._pool, self._contracts, self._identity)
        delegation = await asked(self._pool, self.manager, "getDelegationAddressOf", ("address",), self._identity)
        return {
            Role.SUBMIT: None if told is None else told.submit,
            Role.SUBMIT_SIGNATURES: None if told is None else told.submit_signatures,
            Role.SIGNING_POLICY: None if told is None else told.signing_policy,
            Role.DELEGATION: None if delegation is None else _address(delegation[0]),
        }

    async def _role(self, role: Role, registered: Address | None, ours: Address | None) -> RoleFacts:
        if ours is None or registered is None or ours in (registered, self._identity):
            return RoleFacts(role=role, registered=registered, ours=ours)
        calls = ENTITY_CALLS[role]
        proposal, confirmation, holder = await asyncio.gather(
            tried(self._pool, self.manager, calls.propose.encode(ours), self._identity),
            tried(self._pool, self.manager, calls.confirm.encode(self._identity), ours),
            asked(self._pool, self.manager, calls.holder, ("address",), ours, LATEST_BLOCK),
        )
        return RoleFacts(
            role=role,
            registered=registered,
            ours=ours,
            proposal=proposal,
            confirmation=confirmation,
            holder=None if holder is None else _address(holder[0]),
        )


def _address(told: str) -> Address:
    return Address(bytes.fromhex(told[2:]))
