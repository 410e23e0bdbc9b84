"""Our claims in the reward epochs that are published: found, verified, and held against what the chain says of them.

Ours are those of the identity, and of every signing policy address, delegation address and node that the chain's
registrations of the last reward epochs give us; what older keys of ours earned is not seen.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import structlog
from msgspec import Struct

from chrono.chain.claim_states import ClaimStates
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import SECOND_NS, Clock
from chrono.errors import REWARD_DATA_WRONG, ChronoError
from chrono.flare.address import Address
from chrono.flare.merkle import MerkleTree
from chrono.flare.networks import Network
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import leaf, reward_tree
from chrono.provider.reward_data import RewardSource
from chrono.published.epoch import PublishedEpoch
from chrono.published.signing import sound
from chrono.telemetry import UNCLAIMED
from chrono.voting.epochs import EpochBook
from chrono.voting.provider_report import RewardLook, RewardReport, RewardsTold

LOOK_S: Final = 3600.0
FIRST_LOOK_S: Final = 5.0
"""How soon it is tried again while no reward epoch is known."""
REST_S: Final = 0.2
"""Between two reward epochs: the rounds live in the same loop."""
MOST_LOOKED_BACK: Final = 40
"""Reward epochs; on Flare, claims live for 26."""
UNSIGNED: Final = bytes(32)

_Told = TypeVar("_Told")

log = structlog.get_logger()


class _Claims(Struct, frozen=True):
    """A verified reward epoch, and our claims in it with their proofs."""

    root: bytes
    ours: tuple[tuple[RewardClaim, tuple[bytes, ...]], ...]


class ClaimReader:
    """Looks for our claims. `run` is a supervised part."""

    def __init__(
        self,
        *,
        source: RewardSource,
        network: Network,
        identity: Address,
        book: EpochBook,
        pool: Pool,
        contracts: Callable[[], Contracts],
        clock: Clock,
        tell: Callable[[RewardsTold], None],
    ) -> None:
        """`tell` hears all that is known, each time more of it is."""
        self._source = source
        self._network = network
        self._identity = identity
        self._book = book
        self._pool = pool
        self._contracts = contracts
        self._clock = clock
        self._tell = tell
        self._claims: dict[int, _Claims] = {}
        self._rows: dict[int, list[RewardReport]] = {}
        self._open_wei: dict[int, int | None] = {}
        """What direct and fee claims would pay now; None where the chain does not say."""
        self._looked: dict[int, RewardLook] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(LOOK_S if await self.look() else FIRST_LOOK_S)

    async def look(self) -> bool:
        """Look at every reward epoch whose claims may be open. Whether any was known."""
        epochs = await self._epochs()
        for epoch in epochs:
            await self._look_at(epoch)
            self._say(epochs)
            await self._clock.sleep(REST_S)
        return bool(epochs)

    async def _epochs(self) -> Sequence[int]:
        """The reward epochs that are over and not closed, the newest first."""
        current = self._book.reward_epoch_of(self._network.timing.round_at(self._clock.now_ns()).id)
        if current is None:
            return ()
        timing = self._network.timing
        lasts = -(-self._network.claim_expiry_s // (timing.epoch_s * timing.rounds_per_reward_epoch)) + 1
        first = await self._quietly(self._states.first_open())
        oldest = current - min(lasts, MOST_LOOKED_BACK) if first is None else max(first, current - MOST_LOOKED_BACK)
        return range(current - 1, max(oldest, self._network.first_reward_epoch, 0) - 1, -1)

    async def _look_at(self, epoch: int) -> None:
        try:
            found = self._claims.get(epoch) or self._ours(await self._source.fetch(epoch), epoch)
        except ChronoError as error:
            log.debug("rewards_unread", reward_epoch=epoch, cause=str(error))
            self._looked[epoch] = RewardLook(epoch, error.reason)
            return
        self._claims[epoch] = found
        root = await self._quietly(self._states.root(epoch))
        if root not in (None, UNSIGNED, found.root):
            log.warning("rewards_differ", reward_epoch=epoch, chain=root.hex(), published=found.root.hex())
            self._rows.pop(epoch, None)
            self._open_wei.pop(epoch, None)
            self._looked[epoch] = RewardLook(epoch, REWARD_DATA_WRONG)
            del self._claims[epoch]  # it may be mended where it is published
            return
        self._rows[epoch] = await self._reports(epoch, found, root)
        self._looked[epoch] = RewardLook(epoch)

    def _ours(self, published: PublishedEpoch, epoch: int) -> _Claims:
        """Our claims of a publication. Raises: ChronoError(REWARD_DATA_WRONG) when it does not hold."""
        findings = sound(published, network=self._network, reward_epoch_id=epoch)
        claims = [
            RewardClaim(epoch, each.beneficiary, each.amount, ClaimType(each.claim_type)) for each in published.claims
        ]
        tree, ours = reward_tree(claims), self._beneficiaries()
        held = [each for each in claims if each.beneficiary in ours[each.claim_type]]
        return _Claims(findings.root, tuple((each, _proof(tree, each)) for each in held))

    def _beneficiaries(self) -> Mapping[ClaimType, frozenset[bytes]]:
        """Who we are, by claim type."""
        epochs = [each.reward_epoch_id for each in self._book.policies()]
        known = [each for epoch in epochs if (each := self._book.registration(self._identity, epoch)) is not None]
        return {
            ClaimType.DIRECT: frozenset((self._identity, *(each.signing_policy for each in known))),
            ClaimType.FEE: frozenset((self._identity,)),
            ClaimType.WNAT: frozenset(each.delegation for each in known if each.delegation is not None),
            ClaimType.MIRROR: frozenset(node for each in known for node in each.node_ids),
            ClaimType.CCHAIN: frozenset(),
        }

    async def _reports(self, epoch: int, found: _Claims, root: bytes | None) -> list[RewardReport]:
        expires_s = await self._quietly(self._states.expires_s(epoch))
        expires_ns = None if expires_s is None else expires_s * SECOND_NS
        by_type: dict[ClaimType, list[tuple[int, int | None]]] = {}
        for claim, proof in found.ours:
            by_type.setdefault(claim.claim_type, []).append((claim.amount, await self._paid_now(claim, proof, root)))
        direct = [paid for kind, claims in by_type.items() if not kind.is_weight_based for _, paid in claims]
        self._open_wei[epoch] = None if None in direct else sum(paid or 0 for paid in direct)
        return [
            RewardReport(
                reward_epoch_id=epoch,
                claim_type=kind.name,
                amount_wei=sum(wei for wei, _ in claims),
                claimable=_together(paid for _, paid in claims),
                expires_ns=expires_ns,
            )
            for kind, claims in sorted(by_type.items())
        ]

    async def _paid_now(self, claim: RewardClaim, proof: tuple[bytes, ...], root: bytes | None) -> int | None:
        """What the chain would pay for it now, in wei; None where nobody says.

        Of weight-based claims each delegator and staker has a part: nobody is asked for those that are signed.
        """
        if root in (None, UNSIGNED):
            return None if root is None else 0
        return None if claim.claim_type.is_weight_based else await self._quietly(self._states.paid_now(claim, proof))

    def _say(self, epochs: Sequence[int]) -> None:
        kept = set(epochs)
        for each in (self._claims, self._rows, self._open_wei, self._looked):
            for gone in each.keys() - kept:
                del each[gone]
        rows = [row for epoch in epochs for row in self._rows.get(epoch, ())]
        known = [wei for wei in self._open_wei.values() if wei is not None]
        UNCLAIMED.set(sum(known) if known else float("nan"))
        self._tell(RewardsTold(tuple(rows), tuple(self._looked[each] for each in epochs if each in self._looked)))

    @property
    def _states(self) -> ClaimStates:
        return ClaimStates(self._pool, self._contracts())

    async def _quietly(self, asking: Awaitable[_Told | None]) -> _Told | None:
        """What the chain says; None as well where no node answers."""
        try:
            return await asking
        except ChronoError as error:
            log.debug("claims_unasked", cause=str(error))
            return None


def _proof(tree: MerkleTree, claim: RewardClaim) -> tuple[bytes, ...]:
    return tuple(tree.proof(leaf(claim)))


def _together(paid_now: Iterable[int | None]) -> bool | None:
    """Of several claims: whether any pays something; None where nobody can tell."""
    told = list(paid_now)
    return True if any(told) else None if None in told else False
