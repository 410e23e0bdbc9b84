"""Our addresses for the entity, and who signs the calls that give it them: keystores, a wallet's file, a Ledger."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from chrono.cli import frame
from chrono.cli.ends import USAGE, Stop
from chrono.cli.wallet_secrets import given_password
from chrono.flare.address import Address, checksummed, parse_address
from chrono.keys.entity_calls import ENTITY_ROLES
from chrono.keys.roles import COLD, Role
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.chain.ports import Signer
    from chrono.cli.entity_chain import EntityChain
    from chrono.cli.ftso_entity import Asked
    from chrono.keys.policy import Policy
    from chrono.provider.entity_setup import EntityCall

_HELP = "chrono ftso entity --help"


class OurAddresses(Struct, frozen=True):
    """What we have: the address that is meant of each role, and every one whose key is here."""

    meant: Mapping[Role, Address]
    here: Collection[Address]


class Signers(Struct, frozen=True):
    """Open, by account; `pressed` are those on a Ledger."""

    by_address: "Mapping[Address, Signer]"
    pressed: Collection[Address]


class OneContract(Struct, frozen=True):
    """The one contract that a policy lets through. Fits: keys.ports.Contracts."""

    name: str
    address: Address

    def addresses(self, name: str) -> tuple[Address, ...]:
        """Its address by its name; none for another."""
        return (self.address,) if name == self.name else ()


def our_addresses(settings: Settings, delegation: str | None) -> OurAddresses:
    """Of each role the newest keystore's, and the delegation address that was named.

    Raises: Stop for one that is none, ChronoError of a keystore that is unsound.
    """
    from chrono.keys.key_folder import KeyFolder

    kept = sorted(KeyFolder.below(settings.data_dir, settings.network).keystores(), key=lambda each: each.created)
    found = {each.role: each.address for each in kept if each.role in ENTITY_ROLES and each.address is not None}
    here = frozenset(each.address for each in kept if each.address is not None)
    if delegation is not None:
        found[Role.DELEGATION] = _delegation(delegation, here)
    return OurAddresses(found, here)


def _delegation(text: str, here: Collection[Address]) -> Address:
    try:
        address = parse_address(text)
    except ValueError as fault:
        raise Stop(f"--delegation: {fault}", then=_HELP, code=USAGE) from fault
    if address in here:
        told = "--delegation: this is a hot key's address, and whoever has that key has what is delegated to it"
        raise Stop(told, then=_HELP, code=USAGE)
    return address


def open_signers(
    held: ExitStack, settings: Settings, asked: "Asked", chain: "EntityChain", calls: "Sequence[EntityCall]"
) -> Signers:
    """The keys of the calls, each behind a policy that allows these calls alone. They are closed with `held`.

    Raises: ChronoError of passwords, keystores and the Ledger; Stop for a key that is another one.
    """
    hot = [call for call in calls if call.sender != chain.identity and call.role not in COLD]
    cold = [call for call in calls if call not in hot]
    found: dict[Address, Signer] = _hot(held, settings, asked, chain, hot) if hot else {}
    if not cold:
        return Signers(found, ())
    signer = _cold(held, asked, cold[0].sender, _policy(chain, cold))
    found[signer.address] = signer
    return Signers(found, () if asked.keystore else (signer.address,))


def _hot(
    held: ExitStack, settings: Settings, asked: "Asked", chain: "EntityChain", calls: "Sequence[EntityCall]"
) -> "dict[Address, Signer]":
    from chrono.keys.key_folder import KeyFolder
    from chrono.keys.keystore import open_keystore
    from chrono.keys.signer import Signer as KeySigner

    folder = KeyFolder.below(settings.data_dir, settings.network)
    password = given_password(asked.password or settings.flare.password, "Password of the keystores")
    found: dict[Address, Signer] = {}
    for call in calls:
        [keystore] = [each for each in folder.of(call.role) if each.address == call.sender]
        signer = KeySigner(open_keystore(keystore, password), _policy(chain, [call]))
        held.callback(signer.close)
        found[call.sender] = signer
    return found


def _cold(held: ExitStack, asked: "Asked", wanted: Address, policy: "Policy") -> "Signer":
    """A wallet's file or a Ledger, whose account must be the one that is wanted."""
    from chrono.keys.guarded import GuardedSigner
    from chrono.keys.signer import Signer as KeySigner

    if asked.keystore:
        from chrono.keys.wallet_file import open_wallet_file

        password = given_password(asked.keystore_password, f"Password of {frame.home_path(asked.keystore)}")
        signer = KeySigner(open_wallet_file(Path(asked.keystore), password), policy)
        held.callback(signer.close)
        _check_account(signer.address, wanted, "--keystore", "another file")
        return signer
    from chrono.keys.ledger import LedgerSigner, connect

    try:
        ledger = LedgerSigner(connect(), asked.path)
    except ValueError as fault:
        raise Stop(f"--path: {fault}", then=_HELP, code=USAGE) from fault
    _check_account(ledger.address, wanted, "the Ledger", "another --path")
    return GuardedSigner(ledger, policy)


def _check_account(found: Address, wanted: Address, where: str, instead: str) -> None:
    if found != wanted:
        told = f"{where} has the key of {checksummed(found)}; the call is {checksummed(wanted)}'s"
        raise Stop(told, then=f"the same command with {instead}", code=USAGE)


def _policy(chain: "EntityChain", calls: "Sequence[EntityCall]") -> "Policy":
    """What allows these calls of one sender, and nothing else."""
    from chrono.flare.contracts.entity_calls import ENTITY_MANAGER
    from chrono.keys.entity_calls import confirmation_policy, proposals_policy
    from chrono.keys.guards import Place
    from chrono.provider.entity_setup import Act

    place = Place(
        chain_id=chain.network.chain_id,
        contracts=OneContract(ENTITY_MANAGER, chain.contracts.address(ENTITY_MANAGER)),
        monotonic_ns=chain.clock.monotonic_ns,
    )
    if calls[0].act is Act.PROPOSE:
        return proposals_policy(place, addresses={call.role: call.argument for call in calls})
    return confirmation_policy(calls[0].role, place, identity=chain.identity)
