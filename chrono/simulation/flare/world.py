"""The contracts of one simulated network, and where each of them is."""

from collections.abc import Hashable
from typing import Any, Final

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.epochs import VotingEpoch
from chrono.flare.networks import Network
from chrono.simulation.flare.calls import Call, Function, Served
from chrono.simulation.flare.rules import SimulationRules
from chrono.simulation.flare.storage import Storage
from chrono_core import keccak256

NAMES: Final = (
    "FlareContractRegistry",
    "Submission",
    "Relay",
    "FlareSystemsManager",
    "VoterRegistry",
    "VoterPreRegistry",
    "FlareSystemsCalculator",
    "EntityManager",
    "FtsoRewardOffersManager",
    "RewardManager",
)
REDEPLOYED: Final = ("VoterRegistry", "VoterPreRegistry", "FlareSystemsCalculator")
"""Which contracts exist in two generations. Source: fsp.md section 0.2."""


class World:
    """What the contracts share: the network's numbers, one storage, and each other's addresses."""

    def __init__(self, network: Network, rules: SimulationRules, storage: Storage) -> None:
        self.network = network
        self.rules = rules
        self.storage = storage
        self.addresses: dict[str, Address] = {name: address_named(network, name) for name in NAMES}
        self.second: dict[str, Address] = {name: address_named(network, f"{name} 2") for name in REDEPLOYED}

    @property
    def generation(self) -> Generation:
        """Which generation of the redeployed contracts is in use now."""
        told: Generation = self.storage.get(("world", "generation"), Generation.SECOND)
        return told

    def use(self, generation: Generation) -> None:
        """Redeploy: from now on the contracts of this generation are the registry's."""
        self.storage.put(("world", "generation"), generation)
        first, now = self.storage.get(("world", "first_generation")), generation
        if first is None:
            self.storage.put(("world", "first_generation"), now)

    def address(self, name: str) -> Address:
        """Where a contract is now."""
        moved = name in REDEPLOYED and self.generation is not self.storage.get(
            ("world", "first_generation"), self.generation
        )
        return self.second[name] if moved else self.addresses[name]

    def voting_epoch(self, time_s: int) -> int:
        """The id of the voting epoch of a block's time."""
        timing = self.network.timing
        return (time_s - timing.first_start_s) // timing.epoch_s

    def start_of(self, voting_epoch_id: int) -> int:
        """When a voting epoch begins, in seconds."""
        return VotingEpoch(voting_epoch_id, self.network.timing).start_s


class SystemContract(Served):
    """A contract of Flare's: its functions, its part of the storage, its address."""

    def __init__(self, name: str, world: World, functions: dict[str, Function]) -> None:
        super().__init__(name, functions)
        self.world = world

    @property
    def address(self) -> Address:
        """Where it is now."""
        return self.world.address(self.contract)

    def get(self, *key: Hashable, default: Any = None) -> Any:
        """What it remembers under a key."""
        return self.world.storage.get((self.contract, *key), default)

    def put(self, *key_and_value: Any) -> None:
        """Remember the last argument under the key that the others are."""
        *key, value = key_and_value
        self.world.storage.put((self.contract, *key), value)

    def is_from(self, call: Call, name: str) -> bool:
        """Whether another system contract calls."""
        return call.sender == self.world.address(name)


def address_named(network: Network, name: str) -> Address:
    """The address of a contract: always the same for a chain id and a name."""
    return Address(keccak256(f"{name} of the simulated chain {network.chain_id}".encode())[12:])
