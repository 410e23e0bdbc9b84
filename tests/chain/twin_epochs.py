"""What a twin does once in a reward epoch: each duty is tried in each block until it is done or no longer asked for."""

from dataclasses import dataclass, field

from eth_hash.auto import keccak

from tests.chain.contract import Contract
from tests.chain.entity import Entity
from tests.chain.rpc import Rpc, RpcError
from tests.chain.twin_words import Signature, registration, rewards, uptime

DUTY_GAS = 1_500_000
UPTIME_VOTE = keccak(bytes(32))


@dataclass
class EpochDuties:
    rpc: Rpc
    chain_id: int
    contracts: dict[str, Contract]
    entity: Entity
    is_active: bool = True
    """One that is not does not register; it still signs what it owes."""
    done: set[tuple[str, int]] = field(default_factory=set)

    def step(self) -> None:
        """Whatever would not be reverted now is sent, each once."""
        epoch: int = self.contracts["FlareSystemsManager"].ask("getCurrentRewardEpochId")
        identity = self.entity.identity.address
        if self.is_active:
            signed = self._signed(registration(self.chain_id, epoch + 1, self.entity.identity.raw))
            self._try("VoterPreRegistry", epoch + 1, "preRegisterVoter", identity, signed)
            # Preregistered is not registered: who was left out, or is new, comes in here.
            self._try("VoterRegistry", epoch + 1, "registerVoter", identity, signed)
        policy: bytes = self.contracts["Relay"].ask("toSigningPolicyHash", epoch + 1)
        if any(policy):
            self._try("FlareSystemsManager", epoch + 1, "signNewSigningPolicy", epoch + 1, policy, self._signed(policy))
        if epoch:
            self._settle(epoch - 1)

    def _settle(self, over: int) -> None:
        vote = self._signed(uptime(over, UPTIME_VOTE))
        self._try("FlareSystemsManager", over, "signUptimeVote", over, UPTIME_VOTE, vote)
        claims, root = [(self.chain_id, 0)], keccak(b"rewards of the local chain" + over.to_bytes(4, "big"))
        told = self._signed(rewards(over, claims, root))
        self._try("FlareSystemsManager", over, "signRewards", over, claims, root, told)

    def _signed(self, message: bytes) -> Signature:
        return self.entity.signing_policy.signed(message)

    def _try(self, contract: str, epoch: int, function: str, *values: object) -> None:
        if (function, epoch) in self.done:
            return
        place, account = self.contracts[contract], self.entity.signing_policy
        try:
            place.ask(function, *values, sender=account.address)
            account.send(self.rpc, place.address, place.data(function, *values), DUTY_GAS)
        except (RpcError, OSError):
            return
        self.done.add((function, epoch))
