"""The calls with which an entity's addresses take their places: proposed by the identity, confirmed by themselves.

What was proposed and is not confirmed stands in a queue that no function tells: only what a confirmation would come to
tells it. Source: fsp.md section 6; flare-smart-contracts-v2: EntityManager.sol 0d26d7a.
"""

from typing import Final

from msgspec import Struct

from chrono.flare.contracts.shapes import FunctionShape

ENTITY_MANAGER: Final = "EntityManager"
LATEST_BLOCK: Final = 2**64 - 1
"""Of a block that is not there yet, the contract tells what holds now."""


class EntityCalls(Struct, frozen=True):
    """Of one of an entity's addresses: how it is proposed and confirmed, and who asks whose it is."""

    propose: FunctionShape
    confirm: FunctionShape
    holder: str
    """A question: the entity that has an address in this role; the address itself where none has."""


def _calls(word: str, parameter: str) -> EntityCalls:
    return EntityCalls(
        FunctionShape(ENTITY_MANAGER, f"propose{word}Address(address {parameter})"),
        FunctionShape(ENTITY_MANAGER, f"confirm{word}AddressRegistration(address voter)"),
        f"getVoterFor{word}Address",
    )


ENTITY_CALLS: Final = {
    "submit": _calls("Submit", "submitAddress"),
    "submit_signatures": _calls("SubmitSignatures", "submitSignaturesAddress"),
    "signing_policy": _calls("SigningPolicy", "signingPolicyAddress"),
    "delegation": _calls("Delegation", "delegationAddress"),
}
"""By role."""
