"""VoterPreRegistry: registers whoever asked for it as soon as the vote power block is known. Source: fsp.md 6."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.signatures import Signature, eth_signed, recover
from chrono.simulation.flare.calls import Call, Emitted, Reverted, answer, require
from chrono.simulation.flare.contracts.entities import Entities
from chrono.simulation.flare.contracts.registrations import Registrations
from chrono.simulation.flare.world import SystemContract, World
from chrono_core import keccak256

if TYPE_CHECKING:
    from chrono.simulation.flare.contracts.manager import Manager

_FAILED = keccak256(b"VoterRegistrationFailed(address,uint24)")


class Preregistrations(SystemContract):
    """What fails inside is told and otherwise passed over: pre-registration is not registration."""

    def __init__(self, world: World, entities: Entities, registrations: Registrations) -> None:
        super().__init__(
            "VoterPreRegistry",
            world,
            {
                "preRegisterVoter": self._preregister,
                "isVoterPreRegistered(uint256 rewardEpochId, address voter)": self._is_preregistered,
                "getPreRegisteredVoters(uint256 rewardEpochId)": self._preregistered,
            },
        )
        self._entities = entities
        self._registrations = registrations
        self.manager: Manager

    def trigger(self, call: Call, reward_epoch_id: int) -> None:
        """Register all that asked for it."""
        for voter, signature in self._asked(reward_epoch_id).items():
            mark = self.world.storage.mark
            told = len(call.logs)
            try:
                self._registrations.register(call, voter, signature)
            except Reverted:
                self.world.storage.rollback(mark)
                del call.logs[told:]
                topics = (_FAILED, bytes(12) + voter)
                call.logs.append(Emitted(self.address, topics, reward_epoch_id.to_bytes(32, "big")))

    def _preregister(self, _: Call, voter: Address, signature: Sequence[Any]) -> bytes:
        reward_epoch_id = self.manager.current + 1
        require(not self.manager.acquired(reward_epoch_id), "pre-registration not opened anymore")
        registered = voter in self._registrations.voters(reward_epoch_id - 1)
        require(registered, "voter currently not registered")
        signed = Signature(*signature)
        signer = recover(eth_signed(self._registrations.message(reward_epoch_id, voter)), signed)
        owner = None if signer is None else self._entities.voter_of("SigningPolicy", signer)
        require(signed.is_low_s and owner == voter, "invalid signature")
        asked = self._asked(reward_epoch_id)
        again = voter in asked and self.world.generation is Generation.FIRST
        require(not again, "voter already pre-registered")
        self.put("asked", reward_epoch_id, tuple((asked | {voter: signed}).items()))
        return b""

    def _asked(self, reward_epoch_id: int) -> dict[Address, Signature]:
        return dict(self.get("asked", reward_epoch_id, default=()))

    def _is_preregistered(self, _: Call, reward_epoch_id: int, voter: Address) -> bytes:
        return answer("bool", voter in self._asked(reward_epoch_id))

    def _preregistered(self, _: Call, reward_epoch_id: int) -> bytes:
        return answer("address[]", list(self._asked(reward_epoch_id)))
