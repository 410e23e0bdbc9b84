"""VoterRegistry, and the FlareSystemsCalculator that weighs for it: who votes in a reward epoch. Source: fsp.md 6."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.registration import registration_message
from chrono.flare.signatures import LOWEST_V, Signature, eth_signed, recover
from chrono.flare.weights import capped_wnat, normalised, registration_weight
from chrono.simulation.flare.calls import Call, answer, emit, event, require
from chrono.simulation.flare.world import SystemContract, World

if TYPE_CHECKING:
    from chrono.simulation.flare.contracts.entities import Entities
    from chrono.simulation.flare.contracts.manager import Manager


UNSIGNED: Final = Signature(LOWEST_V, bytes(32), bytes(32))
"""In place of a signature where the simulation itself registers an entity whose keys it does not have."""


class Power(Struct, frozen=True):
    """What an entity weighs, in wei."""

    wnat_wei: int
    stake_wei: int
    fee_bips: int


class Snapshot(Struct, frozen=True):
    """The voters of a reward epoch, once its policy is made: identities, signing-policy addresses, weights."""

    voters: tuple[Address, ...]
    signers: tuple[Address, ...]
    weights: tuple[int, ...]


class Registrations(SystemContract):
    """Takes registrations while they are open. The heaviest stay."""

    def __init__(self, world: World, entities: "Entities") -> None:
        super().__init__(
            "VoterRegistry",
            world,
            {
                "registerVoter": self._register_voter,
                "isVoterRegistered": self._is_registered,
                "getRegisteredVoters(uint256 rewardEpochId)": self._registered,
                "getNumberOfRegisteredVoters(uint256 rewardEpochId)": self._number,
                "chilledUntilRewardEpochId(bytes20 beneficiary)": lambda *_: answer("uint256", 0),
            },
        )
        self._entities = entities
        self.manager: Manager

    def begin(self, reward_epoch_id: int, block_number: int) -> None:
        """The addresses of this block are those of the reward epoch."""
        self.put("begun", reward_epoch_id, block_number)

    def voters(self, reward_epoch_id: int) -> dict[Address, int]:
        """The registered so far, with their registration weights, in their order."""
        return dict(self.get("voters", reward_epoch_id, default=()))

    def addresses(self, reward_epoch_id: int, role: str) -> list[Address]:
        """The addresses of a role of all voters of a reward epoch."""
        block_number = self.get("begun", reward_epoch_id)
        return [self._entities.address_of(role, voter, block_number) for voter in self.voters(reward_epoch_id)]

    def snapshot(self, reward_epoch_id: int) -> Snapshot:
        """The voters as the signing policy has them."""
        voters = self.voters(reward_epoch_id)
        signers = self.addresses(reward_epoch_id, "SigningPolicy")
        return Snapshot(tuple(voters), tuple(signers), tuple(normalised(list(voters.values()))))

    def set_power(self, voter: Address, power: Power) -> None:
        """What an entity weighs from the next vote power block on."""
        before = self.power(voter).wnat_wei
        self.put("power", voter, power)
        self.put("total_wnat", self._total_wnat() - before + power.wnat_wei)

    def power(self, voter: Address) -> Power:
        """What an entity weighs."""
        found: Power = self.get("power", voter, default=Power(0, 0, 0))
        return found

    def expel(self, call: Call, voter: Address, reward_epoch_id: int) -> None:
        """Remove a voter, as a heavier newcomer would."""
        left = {each: weight for each, weight in self.voters(reward_epoch_id).items() if each != voter}
        self.put("voters", reward_epoch_id, tuple(left.items()))
        emit(call, self.address, event("VoterRegistry", "VoterRemoved"), voter, reward_epoch_id)

    def capped_wnat(self, reward_epoch_id: int, voter: Address) -> int:
        """The delegated weight that counts in a reward epoch, in wei."""
        found: int = self.get("capped", reward_epoch_id, voter, default=0)
        return found

    def register(self, call: Call, voter: Address, signature: Signature) -> None:
        """Register for the next reward epoch. Raises: Reverted."""
        reward_epoch_id = self.manager.current + 1
        begun = self.get("begun", reward_epoch_id)
        require(begun, "registration not available yet")
        signer, submit, signatures = (
            self._entities.address_of(role, voter, begun) for role in ("SigningPolicy", "Submit", "SubmitSignatures")
        )
        require(signer != voter, "signing policy address not set")
        require(submit != voter, "submit address not set")
        require(signatures != voter, "submit signatures address not set")
        if signature != UNSIGNED:
            message = self.message(reward_epoch_id, voter)
            require(signature.is_low_s and recover(eth_signed(message), signature) == signer, "invalid signature")
        weight = self._weigh(call, voter, reward_epoch_id)
        self._enter(call, voter, reward_epoch_id, weight)
        key = self._entities.key_of(voter, begun)
        addresses = (signer, submit, signatures)
        self._tell(call, voter, reward_epoch_id, (*addresses, key, weight, signature))

    def message(self, reward_epoch_id: int, voter: Address) -> bytes:
        """What a voter signs to register, in this generation."""
        return registration_message(self.world.generation, self.world.network.chain_id, reward_epoch_id, voter)

    def _register_voter(self, call: Call, voter: Address, signature: Sequence[Any]) -> bytes:
        told = Signature(*signature)
        require(told != UNSIGNED, "invalid signature")
        self.register(call, voter, told)
        return b""

    def _weigh(self, call: Call, voter: Address, reward_epoch_id: int) -> int:
        block_number, is_open = self.manager.registration(reward_epoch_id)
        require(block_number, "vote power block zero")
        require(is_open, "voter registration not enabled")
        delegation = self._entities.address_of("Delegation", voter, block_number)
        require(delegation != voter, "delegation address not set")
        power = self.power(voter)
        capped = capped_wnat(power.wnat_wei, self._total_wnat())
        weight = registration_weight(power.stake_wei, capped)
        self.put("capped", reward_epoch_id, voter, capped)
        require(weight, "voter weight zero")
        second = self.world.generation is Generation.SECOND
        shape = event("FlareSystemsCalculator", "VoterRegistrationInfo", int(second))
        told = (delegation, power.fee_bips, power.wnat_wei, capped, (), ())
        emit(call, self.world.address("FlareSystemsCalculator"), shape, voter, reward_epoch_id, *told)
        return weight

    def _total_wnat(self) -> int:
        total: int = self.get("total_wnat", default=0)
        return total

    def _enter(self, call: Call, voter: Address, reward_epoch_id: int, weight: int) -> None:
        registered = self.voters(reward_epoch_id)
        require(voter not in registered, "already registered")
        if len(registered) >= self.world.rules.most_voters:
            # Of several that are lightest, the latest goes.
            lightest = min(reversed(registered), key=registered.__getitem__)
            require(registered[lightest] < weight, "vote power too low")
            places = {voter if each == lightest else each: each for each in registered}
            kept = {each: registered.get(each, weight) for each in places}
            self.put("voters", reward_epoch_id, tuple(kept.items()))
            emit(call, self.address, event("VoterRegistry", "VoterRemoved"), lightest, reward_epoch_id)
            return
        self.put("voters", reward_epoch_id, (*registered.items(), (voter, weight)))

    def _tell(self, call: Call, voter: Address, reward_epoch_id: int, told: tuple[Any, ...]) -> None:
        signer, submit, signatures, key, weight, signature = told
        said = (voter, reward_epoch_id, signer, submit, signatures)
        if self.world.generation is Generation.FIRST:
            emit(call, self.address, event("VoterRegistry", "VoterRegistered"), *said, *key, weight)
            return
        spelled = (signature.v, signature.r, signature.s)
        emit(call, self.address, event("VoterRegistry", "VoterRegistered", 1), *said, key, weight, spelled)

    def _is_registered(self, _: Call, voter: Address, reward_epoch_id: int) -> bytes:
        return answer("bool", voter in self.voters(reward_epoch_id))

    def _registered(self, _: Call, reward_epoch_id: int) -> bytes:
        return answer("address[]", list(self.voters(reward_epoch_id)))

    def _number(self, _: Call, reward_epoch_id: int) -> bytes:
        return answer("uint256", len(self.voters(reward_epoch_id)))
