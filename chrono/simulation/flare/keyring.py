"""The keys of simulated voters. Whoever reads this knows them: they are worth nothing on any real chain."""

from functools import lru_cache

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.signatures import address_of
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.entity import Entity
from chrono_core import keccak256


class Keyring(Struct, frozen=True, kw_only=True):
    """The private keys of one voter, by what they are for."""

    identity: bytes
    submit: bytes
    submit_signatures: bytes
    signing_policy: bytes
    delegation: bytes

    def entity(self, wnat_wei: int = 1_000_000 * COIN_WEI, stake_wei: int = 0) -> Entity:
        """The accounts of these keys."""
        return Entity(
            identity=_address(self.identity),
            submit=_address(self.submit),
            submit_signatures=_address(self.submit_signatures),
            signing_policy=_address(self.signing_policy),
            delegation=_address(self.delegation),
            wnat_wei=wnat_wei,
            stake_wei=stake_wei,
        )

    @classmethod
    def of(cls, name: str) -> "Keyring":
        """The keys of a name: always the same."""
        return cls(**{role: keccak256(f"simulated {role} key of {name}".encode()) for role in cls.__struct_fields__})


@lru_cache(maxsize=1024)
def _address(key: bytes) -> Address:
    return address_of(key)
