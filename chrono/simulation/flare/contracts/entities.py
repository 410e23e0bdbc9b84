"""EntityManager: which accounts belong to an identity, at which block. Source: fsp.md section 6."""

from functools import partial
from typing import Any

from chrono.flare.address import Address
from chrono.simulation.flare.calls import Call, answer, require
from chrono.simulation.flare.entity import NO_KEY, Entity
from chrono.simulation.flare.world import SystemContract, World

ROLES = {
    "Delegation": "delegation address",
    "Submit": "submit address",
    "SubmitSignatures": "submit signatures address",
    "SigningPolicy": "signing policy address",
}
"""How the functions spell a role, and how the reverts do."""


class Entities(SystemContract):
    """Proposals, confirmations, and the history of every address. An address that is not set is the identity."""

    def __init__(self, world: World) -> None:
        functions: dict[str, Any] = {}
        for role in ROLES:
            name = f"{role}Address"
            functions[f"propose{name}(address proposed)"] = partial(self._propose, role)
            functions[f"confirm{name}Registration(address voter)"] = partial(self._confirm, role)
        functions |= {
            "registerPublicKey": self._register_key,
            "getVoterAddresses(address voter)": self._addresses,
            "getVoterAddressesAt(address voter, uint256 blockNumber)": self._addresses,
            "getDelegationAddressOf(address voter)": self._delegation,
            "getDelegationAddressOfAt(address voter, uint256 blockNumber)": self._delegation,
            "getPublicKeyOf(address voter)": self._public_key,
            "getNodeIdsOf(address voter)": self._nodes,
            "getNodeIdsOfAt(address voter, uint256 blockNumber)": self._nodes,
        }
        super().__init__("EntityManager", world, functions)

    def install(self, entity: Entity, block_number: int) -> None:
        """Let an entity have all its addresses, as if it had proposed and confirmed them."""
        told = {
            "Delegation": entity.delegation,
            "Submit": entity.submit,
            "SubmitSignatures": entity.submit_signatures,
            "SigningPolicy": entity.signing_policy,
        }
        for role, address in told.items():
            self._note(("address", role, entity.identity), block_number, address)
            self._note(("voter", role, address), block_number, entity.identity)
        self._note(("key", entity.identity), block_number, entity.public_key)

    def address_of(self, role: str, voter: Address, block_number: int | None = None) -> Address:
        """The address of a role, as it was at a block or is now; the identity itself where none is set."""
        found: Address = self._at(("address", role, voter), block_number, voter)
        return found

    def voter_of(self, role: str, address: Address, block_number: int | None = None) -> Address:
        """Whose address this is; the address itself where nobody's."""
        found: Address = self._at(("voter", role, address), block_number, address)
        return found

    def key_of(self, voter: Address, block_number: int | None = None) -> tuple[bytes, bytes]:
        """The sortition key; two words of zero where there is none."""
        found: tuple[bytes, bytes] = self._at(("key", voter), block_number, NO_KEY)
        return found

    def _propose(self, role: str, call: Call, proposed: Address) -> bytes:
        require(self.voter_of(role, proposed) == proposed, f"{ROLES[role]} already registered")
        self.put("proposed", role, call.sender, proposed)
        return b""

    def _confirm(self, role: str, call: Call, identity: Address) -> bytes:
        require(self.voter_of(role, call.sender) == call.sender, f"{ROLES[role]} already registered")
        require(self.get("proposed", role, identity) == call.sender, f"{ROLES[role]} not in registration queue")
        before = self.address_of(role, identity)
        if before != identity:
            self._note(("voter", role, before), call.block_number, before)
        self._note(("address", role, identity), call.block_number, call.sender)
        self._note(("voter", role, call.sender), call.block_number, identity)
        self.put("proposed", role, identity, None)
        return b""

    def _register_key(self, call: Call, x: bytes, y: bytes, _: bytes) -> bytes:
        # The proof of possession is not checked here: tests/vectors hold what the contract checks.
        require(any(x) or any(y), "public key invalid")
        self._note(("key", call.sender), call.block_number, (x, y))
        return b""

    def _addresses(self, _: Call, identity: Address, block_number: int | None = None) -> bytes:
        roles = ("Submit", "SubmitSignatures", "SigningPolicy")
        return answer("address,address,address", *(self.address_of(role, identity, block_number) for role in roles))

    def _delegation(self, _: Call, voter: Address, block_number: int | None = None) -> bytes:
        return answer("address", self.address_of("Delegation", voter, block_number))

    def _public_key(self, _: Call, voter: Address) -> bytes:
        return answer("bytes32,bytes32", *self.key_of(voter))

    def _nodes(self, _: Call, __: Address, ___: int | None = None) -> bytes:
        return answer("bytes20[]", [])

    def _note(self, key: tuple[Any, ...], block_number: int, value: Any) -> None:
        self.put(*key, (*self.get(*key, default=()), (block_number, value)))

    def _at(self, key: tuple[Any, ...], block_number: int | None, default: Any) -> Any:
        history = self.get(*key, default=())
        known = [value for since, value in history if block_number is None or since <= block_number]
        return known[-1] if known else default
