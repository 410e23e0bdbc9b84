"""The contracts' addresses as official sources give them, for a signer that no registry has told anything yet."""

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.networks import Network


class KnownContracts(Struct, frozen=True):
    """The contracts of one network. What the chain's registry says is better: it is asked as soon as it can be."""

    network: Network

    def addresses(self, name: str) -> tuple[Address, ...]:
        """Every address that a source names; none for an unknown name."""
        return tuple(each.address for each in self.network.contracts.get(name, ()))
