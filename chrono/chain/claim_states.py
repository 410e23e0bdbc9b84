"""What the contracts say of a reward epoch's claims: the root that the network signed, expiry, and what is still paid.

Everything is asked of two nodes; None stands for what they do not say. Sources: fsp.md section 7, "Claiming";
flare-smart-contracts-v2 FlareSystemsManager.sol (`_closeExpiredRewardEpochs`) and RewardManager.sol (`_processProofs`:
a claim that was paid before adds nothing).
"""

from collections.abc import Sequence
from typing import Any, Final

from chrono.chain.entities import asked
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.errors import NODE_REFUSED, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.flare.abi import Malformed, decode
from chrono.flare.address import ADDRESS_BYTES, Address
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.rewards.claims import RewardClaim

_UNANSWERED: Final = frozenset({NODES_DISAGREE, NOT_CONFIRMED, NODE_REFUSED})


class ClaimStates:
    """Asks about claims. Everything may raise ChronoError when no node answers as it should."""

    def __init__(self, pool: Pool, contracts: Contracts) -> None:
        self._pool = pool
        self._contracts = contracts

    async def root(self, reward_epoch_id: int) -> bytes | None:
        """The root that the network signed for the reward epoch: 32 zeros while it has not."""
        told = await self._ask("FlareSystemsManager", "rewardsHash", ("bytes32",), reward_epoch_id)
        return None if told is None else bytes(told[0])

    async def expires_s(self, reward_epoch_id: int) -> int | None:
        """When its claims may be closed, seconds since 1970 UTC: so long after the next reward epoch began."""
        offset = await self._ask("FlareSystemsManager", "rewardExpiryOffsetSeconds", ("uint32",))
        two = ("uint64", "uint64")
        start = await self._ask("FlareSystemsManager", "getRewardEpochStartInfo", two, reward_epoch_id + 1)
        return None if offset is None or start is None or not start[0] else int(start[0] + offset[0])

    async def first_open(self) -> int | None:
        """The oldest reward epoch that is not closed."""
        told = await self._ask("RewardManager", "getRewardEpochIdToExpireNext", ("uint256",))
        return None if told is None else int(told[0])

    async def paid_now(self, claim: RewardClaim, proof: Sequence[bytes]) -> int | None:
        """What a direct or fee claim would pay its beneficiary now, in wei; 0 when it was paid before.

        A claim also pays what the owner's own stake and delegations earned, so it is tried with and without the proof.
        """
        owner = Address(claim.beneficiary)
        body = (claim.reward_epoch_id, owner.ljust(ADDRESS_BYTES, b"\0"), claim.amount, int(claim.claim_type))
        whole = await self._tried(owner, claim.reward_epoch_id, [(list(proof), body)])
        rest = None if whole is None else await self._tried(owner, claim.reward_epoch_id, [])
        return None if whole is None or rest is None else max(whole - rest, 0)

    async def _tried(self, owner: Address, reward_epoch_id: int, proofs: list[Any]) -> int | None:
        """What a call of `claim` would pay. None when it would revert, as where other claims are not initialised."""
        at = self._contracts.now.get("RewardManager")
        if at is None:
            return None
        data = FUNCTION_BY_NAME["claim"].encode(owner, owner, reward_epoch_id, False, proofs)
        try:
            told = await self._pool.agreed(lambda node: node.call(at, data, owner))
            return int(decode(("uint256",), told)[0])
        except Malformed:
            return None
        except ChronoError as error:
            if error.reason in _UNANSWERED:
                return None
            raise

    async def _ask(
        self, contract: str, function: str, types: tuple[str, ...], *arguments: Any
    ) -> tuple[Any, ...] | None:
        at = self._contracts.now.get(contract)
        return None if at is None else await asked(self._pool, at, function, types, *arguments)
