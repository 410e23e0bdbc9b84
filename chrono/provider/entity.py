"""One entity as the contracts know it now, read by calls alone: no history is needed. What no contract says is None.

Source: fsp.md section 6 (addresses, registration), VoterRegistry.sol (chill, weights).
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from chrono.chain.entities import VoterAddresses, asked, is_preregistered, is_registered, voter_addresses
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.flare.address import ADDRESS_BYTES, Address, checksummed
from chrono.flare.contracts.questions import QUESTION_BY_NAME

_CURRENT: Final = QUESTION_BY_NAME["getCurrentRewardEpochId"].encode()


class Phase(Struct, frozen=True, kw_only=True):
    """How far the next reward epoch is."""

    random_block: int | None = None
    """The block of RandomAcquisitionStarted; None before it."""
    selected: bool | None = None
    """Whether its vote power block is selected: from then on one registers directly."""
    closed: bool | None = None
    """Whether its policy is initialised: nobody can register any more."""


class EntityFacts(Struct, frozen=True, kw_only=True):
    """An entity, as two nodes agree that the contracts know it."""

    identity: Address
    reward_epoch_id: int
    """The one that runs."""
    registered: bool | None
    registered_next: bool | None
    preregistered: bool | None
    phase: Phase
    addresses: VoterAddresses | None = None
    delegation: Address | None = None
    public_key: tuple[bytes, bytes] | None = None
    node_ids: tuple[bytes, ...] | None = None
    weight: int | None = None
    total_weight: int | None = None
    chilled: Mapping[str, int] = field(default_factory=dict)
    """Delegation address and nodes that count for nothing, and until which reward epoch."""

    @property
    def roles(self) -> dict[str, Address | None]:
        """The addresses by role, as the EntityManager's functions call them."""
        told = self.addresses
        return {
            "submit": None if told is None else told.submit,
            "submit_signatures": None if told is None else told.submit_signatures,
            "signing_policy": None if told is None else told.signing_policy,
            "delegation": self.delegation,
        }


class EntityReader:
    """Asks the contracts of one entity. Everything may raise ChronoError when no node answers."""

    def __init__(self, pool: Pool, contracts: Contracts, identity: Address) -> None:
        self._pool = pool
        self._contracts = contracts
        self._identity = identity

    async def read(self) -> EntityFacts:
        """Everything about it."""
        epoch = await self.reward_epoch()
        node_ids = await self._node_ids()
        told = await self._ask("EntityManager", "getDelegationAddressOf", ("address",), self._identity)
        delegation = None if told is None else Address(bytes.fromhex(told[0][2:]))
        key = await self._ask("EntityManager", "getPublicKeyOf", ("bytes32", "bytes32"), self._identity)
        weight = await self._ask("VoterRegistry", "getVoterNormalisedWeight", ("uint16",), self._identity, epoch)
        sums = await self._ask("VoterRegistry", "getWeightsSums", ("uint128", "uint16", "uint16"), epoch)
        return EntityFacts(
            identity=self._identity,
            reward_epoch_id=epoch,
            registered=await is_registered(self._pool, self._contracts, self._identity, epoch),
            registered_next=await is_registered(self._pool, self._contracts, self._identity, epoch + 1),
            preregistered=await is_preregistered(self._pool, self._contracts, self._identity, epoch + 1),
            phase=await self.phase(epoch + 1),
            addresses=await voter_addresses(self._pool, self._contracts, self._identity),
            delegation=delegation,
            public_key=None if key is None else (key[0], key[1]),
            node_ids=node_ids,
            weight=None if weight is None else weight[0],
            total_weight=None if sums is None else sums[1],
            chilled=await self._chilled(epoch, delegation, node_ids or ()),
        )

    async def reward_epoch(self) -> int:
        """The reward epoch that runs. Raises: ChronoError when nodes do not agree on it."""
        at = self._contracts.address("FlareSystemsManager")
        told = await self._pool.agreed(lambda node: node.call(at, _CURRENT))
        return int.from_bytes(told, "big")

    async def phase(self, reward_epoch_id: int) -> Phase:
        """How far a coming reward epoch is."""
        four = ("uint64",) * 4
        info = await self._ask("FlareSystemsManager", "getRandomAcquisitionInfo", four, reward_epoch_id)
        policy = await self._ask("Relay", "toSigningPolicyHash", ("bytes32",), reward_epoch_id)
        return Phase(
            random_block=None if info is None or not info[1] else info[1],
            selected=None if info is None else bool(info[3]),
            closed=None if policy is None else any(policy[0]),
        )

    async def _node_ids(self) -> tuple[bytes, ...] | None:
        told = await self._ask("EntityManager", "getNodeIdsOf", ("bytes20[]",), self._identity)
        return None if told is None else tuple(told[0])

    async def _chilled(self, epoch: int, delegation: Address | None, node_ids: tuple[bytes, ...]) -> dict[str, int]:
        wanted = {f"node 0x{each.hex()}": each for each in node_ids}
        if delegation is not None and delegation != self._identity:
            wanted[f"delegation {checksummed(delegation)}"] = delegation
        found = {}
        for name, beneficiary in wanted.items():
            padded = beneficiary.ljust(ADDRESS_BYTES, b"\0")
            told = await self._ask("VoterRegistry", "chilledUntilRewardEpochId", ("uint256",), padded)
            if told is not None and told[0] > epoch:
                found[name] = told[0]
        return found

    async def _ask(
        self, contract: str, function: str, types: tuple[str, ...], *arguments: Any
    ) -> tuple[Any, ...] | None:
        at = self._contracts.now.get(contract)
        return None if at is None else await asked(self._pool, at, function, types, *arguments)
