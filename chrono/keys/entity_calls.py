"""What stands in front of a key for the calls that give an entity its addresses, once and by hand.

Policies of their own: while a key does its duty, none of these calls is granted; and with these, nothing else is.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from chrono.flare.address import ADDRESS_BYTES, Address
from chrono.flare.contracts.entity_calls import ENTITY_CALLS
from chrono.flare.contracts.shapes import SELECTOR_BYTES, FunctionShape
from chrono.keys.guards import COIN, Caps, Place
from chrono.keys.meter import Meter, Rate
from chrono.keys.policy import Grant, Policy
from chrono.keys.refusal import Why, require
from chrono.keys.roles import Role

ENTITY_ROLES: Final = tuple(map(Role, ENTITY_CALLS))
"""The roles whose addresses an entity has; the last is cold."""

CAPS: Final = Caps(gas=900_000, fee_wei=20 * COIN, hour_wei=100 * COIN, rate=Rate(transactions=60, attempts=16))

_WORD_BYTES: Final = 32


class OneAddress:
    """Calldata with this address as its one argument, and nothing before or behind it."""

    def __init__(self, address: Address, told: str) -> None:
        """`told` says in words whose it is."""
        self._argument = bytes(_WORD_BYTES - ADDRESS_BYTES) + address
        self._told = told

    def __call__(self, data: bytes) -> None:
        """Raises: Refused."""
        require(data[SELECTOR_BYTES:] == self._argument, Why.IDENTITY, f"the argument is not {self._told}")


def proposals_policy(place: Place, *, addresses: Mapping[Role, Address]) -> Policy:
    """For the identity: proposing these addresses, each in its role. Raises: KeyError for a role that has none."""
    granted = [
        (ENTITY_CALLS[role].propose, OneAddress(address, f"our {role} address")) for role, address in addresses.items()
    ]
    return _policy(Role.IDENTITY, place, granted)


def confirmation_policy(role: Role, place: Place, *, identity: Address) -> Policy:
    """For the key of a role: confirming its address for our identity. Raises: KeyError for a role that has none."""
    return _policy(role, place, [(ENTITY_CALLS[role].confirm, OneAddress(identity, "our identity"))])


def _policy(role: Role, place: Place, granted: Iterable[tuple[FunctionShape, OneAddress]]) -> Policy:
    caps = place.caps or CAPS
    return Policy(
        role=role,
        chain_id=place.chain_id,
        contracts=place.contracts,
        grants=[
            Grant(
                contract=shape.contract,
                selector=shape.selector,
                check=check,
                gas=caps.gas,
                fee_wei=caps.fee_wei,
                hour_wei=caps.hour_wei,
            )
            for shape, check in granted
        ],
        meter=Meter(place.monotonic_ns, caps.rate, place.earlier),
    )
