"""One lane of transactions for each hot account: commits and reveals of a key share one, and never overtake.

A lane is made for every key of the ring, also for those that a reward epoch has turned away from: what they sent may
still be owed.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import structs

from chrono.chain.fees import HourlyBudget
from chrono.chain.pool import Pool
from chrono.chain.ports import AttemptLog
from chrono.chain.sender import Sender
from chrono.clock import Clock
from chrono.errors import HOT_KEY_ABSENT, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.keys.roles import Role
from chrono.keys.signer import Signer
from chrono.provider.setup import OWED_SHARE, ProviderRules
from chrono.supervisor import Run
from chrono.voting.journal import Journal

_SHORT: Final = 6


class Senders:
    """The signers and lanes of a provider, by address."""

    def __init__(
        self,
        signers: Mapping[Address, Signer],
        *,
        chain_id: int,
        pool: Pool,
        attempts: AttemptLog,
        clock: Clock,
        rules: ProviderRules,
    ) -> None:
        self._signers = dict(signers)
        self._chain_id = chain_id
        self._senders = {
            address: _sender(signer, chain_id, pool, attempts, clock, rules) for address, signer in signers.items()
        }

    def parts(self) -> Iterator[tuple[str, Run]]:
        """Every lane, as a part to run for ever."""
        for address, sender in self._senders.items():
            yield f"lane_{self._signers[address].role.value}_{address.hex()[:_SHORT]}", sender.run

    def signer(self, address: Address) -> Signer:
        """The signer of an account. Raises: ChronoError(HOT_KEY_ABSENT)."""
        try:
            return self._signers[address]
        except KeyError:
            raise ChronoError(HOT_KEY_ABSENT, address=checksummed(address)) from None

    def sender(self, address: Address) -> Sender:
        """The lane of an account. Raises: ChronoError(HOT_KEY_ABSENT)."""
        try:
            return self._senders[address]
        except KeyError:
            raise ChronoError(HOT_KEY_ABSENT, address=checksummed(address)) from None

    def accounts(self) -> dict[Address, Role]:
        """Every account, and what it is for."""
        return {address: signer.role for address, signer in self._signers.items()}

    def policy_keys(self) -> list[tuple[Signer, Sender]]:
        """The signing-policy keys with their lanes."""
        return [
            (signer, self._senders[address])
            for address, signer in self._signers.items()
            if signer.role is Role.SIGNING_POLICY
        ]

    def forget_settled(self, journal: Journal) -> None:
        """Let the journal forget attempts whose nonces are used up, and of which it is known by what."""
        for address, sender in self._senders.items():
            if sender.settled_below is not None:
                journal.settle(address, sender.settled_below)


def _sender(
    signer: Signer, chain_id: int, pool: Pool, attempts: AttemptLog, clock: Clock, rules: ProviderRules
) -> Sender:
    spending, role = rules.spending, signer.role
    owed_wei = spending.hour_wei // OWED_SHARE if role is Role.SUBMIT else 0
    return Sender(
        role.value,
        chain_id,
        pool=pool,
        signer=signer,
        attempts=attempts,
        clock=clock,
        budget=HourlyBudget(spending.hour_wei, owed_wei),
        fees=rules.fees,
        rules=structs.replace(rules.lanes, reserve_wei=spending.reserve_wei(role)),
    )
