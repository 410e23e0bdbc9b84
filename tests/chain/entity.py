"""The five addresses of a provider, and how they are told to the EntityManager."""

from dataclasses import dataclass

from tests.chain.account import Account
from tests.chain.contract import Contract
from tests.chain.rpc import Rpc

FUNDS_WEI = 1000 * 10**18
ENTITY_GAS = 300_000
ROLES = {
    "delegation": "DelegationAddress",
    "submit": "SubmitAddress",
    "submit_signatures": "SubmitSignaturesAddress",
    "signing_policy": "SigningPolicyAddress",
}


@dataclass(frozen=True)
class Entity:
    name: str
    identity: Account
    delegation: Account
    submit: Account
    submit_signatures: Account
    signing_policy: Account

    @classmethod
    def of(cls, name: str) -> "Entity":
        return cls(name, *(Account.of(f"{name} {role}") for role in ("identity", *ROLES)))

    def fund(self, rpc: Rpc, wei: int = FUNDS_WEI) -> None:
        for account in (self.identity, *(getattr(self, role) for role in ROLES)):
            rpc.ask("anvil_setBalance", account.address, hex(wei))

    def propose(self, rpc: Rpc, entities: Contract) -> None:
        """First step, from the identity."""
        for role, words in ROLES.items():
            account: Account = getattr(self, role)
            self.identity.send(rpc, entities.address, entities.data(f"propose{words}", account.address), ENTITY_GAS)

    def confirm(self, rpc: Rpc, entities: Contract) -> None:
        """Second step, each address for itself, when the first is mined."""
        for role, words in ROLES.items():
            account: Account = getattr(self, role)
            data = entities.data(f"confirm{words}Registration", self.identity.address)
            account.send(rpc, entities.address, data, ENTITY_GAS)
