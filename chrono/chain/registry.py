"""Where Flare's contracts are: asked of the chain's own registry by name, at the start and at each reward epoch.

Shipped addresses are only a cross-check: official sources disagree about several. What was redeployed keeps all its
addresses, since events of the old one count through the epoch of the change. Source: fsp.md sections 0.2, 0.3 and 9.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from chrono.chain.pool import Pool
from chrono.chain.ports import NodePort
from chrono.errors import BAD_DEPLOYMENT, CONTRACT_MISSING, NODE_GARBLED, WRONG_CALENDAR, ChronoError
from chrono.flare.abi import Malformed, decode
from chrono.flare.address import ADDRESS_BYTES, Address, checksummed, parse_address
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.epochs import Timing

NEEDED: Final = ("Submission", "Relay", "FlareSystemsManager", "VoterRegistry", "FtsoRewardOffersManager")
"""Without one of these nobody can vote."""

WANTED: Final = (
    *NEEDED,
    "VoterPreRegistry",
    "FlareSystemsCalculator",
    "EntityManager",
    "RewardManager",
    "FastUpdater",
    "FastUpdateIncentiveManager",
    "FastUpdatesConfiguration",
    "WNat",
    "WNatDelegationFee",
    "ClaimSetupManager",
)
"""Every contract that a provider has to do with; one that a chain does not have is left out."""

_STATE_TYPES: Final = ("uint8", "uint32", "uint8", "uint32", "uint16", "uint16", "uint32", "bool", "uint32")

log = structlog.get_logger()


class Contracts(Struct, frozen=True):
    """The contracts of a chain by name: `now` where each is, `all` every address that its events may come from."""

    now: dict[str, Address]
    all: dict[str, tuple[Address, ...]]

    def address(self, name: str) -> Address:
        """Where a contract is now. Raises: ChronoError(CONTRACT_MISSING)."""
        try:
            return self.now[name]
        except KeyError:
            raise ChronoError(CONTRACT_MISSING, contract=name) from None

    def addresses(self, names: Iterable[str]) -> tuple[Address, ...]:
        """Every address of these contracts, old ones too, each once."""
        return tuple(dict.fromkeys(address for name in names for address in self.all.get(name, ())))


class RelayState(Struct, frozen=True):
    """What the Relay says of the calendar, and how far it is."""

    timing: Timing
    last_initialised_reward_epoch: int
    threshold_increase_bips: int


class Registry:
    """Resolves contracts of one chain. `known` are addresses that official sources or a deploy.json give, by name."""

    def __init__(self, pool: Pool, address: Address, known: Mapping[str, Iterable[Address]] | None = None) -> None:
        self._pool = pool
        self._address = address
        self._seen: dict[str, tuple[Address, ...]] = {name: tuple(told) for name, told in (known or {}).items()}
        self._now: dict[str, Address] = {}

    async def resolve(self) -> Contracts:
        """The contracts as two nodes say they are now.

        Raises: ChronoError(CONTRACT_MISSING) without one of NEEDED, and what `Pool.agreed` raises.
        """
        found = {name: address for name in WANTED if (address := await self._ask(name)) is not None}
        missing = [name for name in NEEDED if name not in found]
        if missing:
            raise ChronoError(CONTRACT_MISSING, contracts=",".join(missing), registry=checksummed(self._address))
        for name, address in found.items():
            self._note(name, address)
        self._now = found
        return Contracts(dict(found), {name: self._seen[name] for name in found})

    async def _ask(self, name: str) -> Address | None:
        asked = FUNCTION_BY_NAME["getContractAddressByName"].encode(name)
        told = await self._pool.agreed(lambda node: node.call(self._address, asked))
        if not told:
            raise ChronoError(CONTRACT_MISSING, contract="FlareContractRegistry", at=checksummed(self._address))
        if len(told) != 32 or any(told[:-ADDRESS_BYTES]):
            raise ChronoError(NODE_GARBLED, cause=f"no address of {name}")
        address = Address(told[-ADDRESS_BYTES:])
        return address if any(address) else None

    def _note(self, name: str, address: Address) -> None:
        before = self._now.get(name)
        if before is not None and before != address:
            log.warning("contract_moved", contract=name, before=checksummed(before), now=checksummed(address))
        seen = self._seen.get(name, ())
        if before is None and seen and address not in seen:
            log.warning("contract_not_as_published", contract=name, now=checksummed(address))
        self._seen[name] = tuple(dict.fromkeys((*seen, address)))


async def relay_state(pool: Pool, relay: Address) -> RelayState:
    """The state of the Relay, as two nodes agree on it. Raises: ChronoError, as `Pool.agreed`, or NODE_GARBLED."""

    async def ask(node: NodePort) -> RelayState:
        # Compared is what is read, not the bytes: they hold the newest random too, which changes with each round.
        return _read_state(await node.call(relay, FUNCTION_BY_NAME["stateData"].encode()))

    return await pool.agreed(ask)


def _read_state(told: bytes) -> RelayState:
    try:
        _, start_s, epoch_s, first_round, rounds, increase, _, _, last = decode(_STATE_TYPES, told)
    except Malformed as error:
        raise ChronoError(NODE_GARBLED, cause=f"no state of the Relay: {error}") from error
    timing = Timing(start_s, rounds, epoch_s=epoch_s, first_reward_epoch_round=first_round)
    return RelayState(timing, last, increase)


def check_calendar(state: RelayState, ours: Timing) -> None:
    """Raises: ChronoError(WRONG_CALENDAR) when the chain counts its epochs otherwise than we do."""
    theirs = msgspec.structs.replace(
        state.timing, reveal_s=ours.reveal_s
    )  # the Relay does not say how long one reveals
    if theirs != ours:
        raise ChronoError(WRONG_CALENDAR, chain=str(theirs), ours=str(ours))


def read_deployment(text: bytes) -> dict[str, Address]:
    """Contracts by name, from a deploy.json.

    Either `{"Relay": "0x…", …}`, or a list of `{"name": "Relay", "address": "0x…"}` as Flare's deployment scripts write
    it (a file suffix of the name is cut). Raises: ChronoError(BAD_DEPLOYMENT).
    """
    try:
        told = msgspec.json.decode(text, type=dict[str, str] | list[_Deployed])
        pairs = told.items() if isinstance(told, dict) else [(each.name, each.address) for each in told]
        return {name.removesuffix(".sol"): parse_address(spelled) for name, spelled in pairs}
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ChronoError(BAD_DEPLOYMENT, cause=str(error)[:200]) from error


class _Deployed(Struct):
    name: str
    address: str
