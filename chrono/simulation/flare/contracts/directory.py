"""FlareContractRegistry: where every contract is."""

from typing import Any

from chrono.flare.address import Address
from chrono.simulation.flare.calls import answer
from chrono.simulation.flare.world import NAMES, SystemContract, World


class Directory(SystemContract):
    """Answers by name; an unknown name has the address zero."""

    def __init__(self, world: World) -> None:
        super().__init__(
            "FlareContractRegistry",
            world,
            {"getContractAddressByName": self._by_name, "getAllContracts": self._all},
        )

    def _by_name(self, _: Any, name: str) -> bytes:
        known = name in NAMES
        return answer("address", self.world.address(name) if known else Address(bytes(20)))

    def _all(self, _: Any) -> bytes:
        return answer("string[],address[]", NAMES, [self.world.address(name) for name in NAMES])
