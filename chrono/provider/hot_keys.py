"""The hot keys of a provider, open, and found by their address: those of a reward epoch serve its last round too.

Which address votes when is the chain's to say. So the ring holds every key of the folder, also two of a role while they
turn, and each is used when a round asks for its address. A key is put behind its policy before anybody may use it.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.ports import Attempt
from chrono.clock import Clock
from chrono.flare.address import Address, checksummed, parse_address
from chrono.keys.guards import Place, signatures_policy, signing_policy_policy, submit_policy
from chrono.keys.key_folder import KeyFolder
from chrono.keys.keystore import open_keystore
from chrono.keys.meter import Spent
from chrono.keys.policy import Policy
from chrono.keys.ports import Contracts, Journalled, Policies, SigningRecord
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.settings import Secret

VOTING: Final = (Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.SIGNING_POLICY)
"""The roles that a round needs."""

log = structlog.get_logger()


class HotKey(Struct, frozen=True):
    """An open key, and what it is for."""

    role: Role
    address: Address
    key: SecretKey


class HotKeys:
    """The open keys of the voting roles. Closing it wipes them."""

    def __init__(self, keys: tuple[HotKey, ...]) -> None:
        self.keys = keys

    @classmethod
    def open(cls, folder: KeyFolder, password: Secret) -> "HotKeys":
        """Every voting key of a folder, the newest of a role first. Each takes about a second.

        Raises: ChronoError(KEYSTORE_ABSENT) for a role without a key, WRONG_PASSWORD, and what an unsound file raises.
        """
        found: list[HotKey] = []
        for role in VOTING:
            for keystore in sorted(folder.of(role), key=lambda each: each.created, reverse=True):
                found.append(HotKey(role, parse_address(keystore.public), open_keystore(keystore, password)))
                log.info("key_opened", role=role.value, address=keystore.public)
        return cls(tuple(found))

    def addresses(self, role: Role) -> tuple[Address, ...]:
        """The addresses of a role's keys: one, two while they turn."""
        return tuple(each.address for each in self.keys if each.role is role)

    def close(self) -> None:
        """Wipe every key."""
        for each in self.keys:
            each.key.close()


class Behind(Struct, frozen=True, kw_only=True):
    """What the policies look at."""

    chain_id: int
    identity: Address
    contracts: Contracts
    journal: Journalled
    record: SigningRecord
    policies: Policies
    clock: Clock
    attempts: Callable[[Address], tuple[Attempt, ...]]
    """What an account sent before, of what is kept."""


def signers_of(ring: HotKeys, behind: Behind) -> Mapping[Address, Signer]:
    """Every key behind its policy, by address. Keys that are shared by roles cannot be: the folder refuses them."""
    return {each.address: Signer(each.key, _policy(each, ring, behind)) for each in ring.keys}


def _policy(hot: HotKey, ring: HotKeys, behind: Behind) -> Policy:
    place = Place(
        chain_id=behind.chain_id,
        contracts=behind.contracts,
        monotonic_ns=behind.clock.monotonic_ns,
        earlier=_spent(hot.address, behind),
    )
    match hot.role:
        case Role.SUBMIT:
            return submit_policy(place, address=hot.address, journal=behind.journal)
        case Role.SUBMIT_SIGNATURES:
            own = ring.addresses(Role.SIGNING_POLICY)
            return signatures_policy(place, signing_policies=own, record=behind.record)
        case Role.SIGNING_POLICY:
            return signing_policy_policy(
                place,
                address=hot.address,
                identity=behind.identity,
                record=behind.record,
                policies=behind.policies,
            )
    raise ValueError(f"{checksummed(hot.address)}: a key for {hot.role} does not vote")


def _spent(account: Address, behind: Behind) -> tuple[Spent, ...]:
    """What the last hour has seen, by the journal: the meter of a key goes on where it was."""
    ahead_ns = behind.clock.monotonic_ns() - behind.clock.now_ns()
    return tuple(
        Spent(attempt.made_at_ns + ahead_ns, attempt.nonce, attempt.signed.transaction.fee_wei)
        for attempt in sorted(behind.attempts(account), key=lambda each: each.made_at_ns)
    )
