"""An entity as the chain knows it: its addresses, and what it weighs."""

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.units import COIN_WEI

NO_KEY = (bytes(32), bytes(32))


class Entity(Struct, frozen=True, kw_only=True):
    """The accounts of one provider. `public_key` is its sortition key; `stake_wei` that of all its nodes."""

    identity: Address
    submit: Address
    submit_signatures: Address
    signing_policy: Address
    delegation: Address
    wnat_wei: int = 1_000_000 * COIN_WEI
    stake_wei: int = 0
    fee_bips: int = 2000
    public_key: tuple[bytes, bytes] = NO_KEY

    @property
    def senders(self) -> tuple[Address, ...]:
        """The accounts that send transactions of their own, and so need coins."""
        return self.submit, self.submit_signatures, self.signing_policy
