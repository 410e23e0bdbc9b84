"""The contracts that know of rewards, as far as they are asked: roots, expiry, and what a claim would pay."""

from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import ManualClock
from chrono.errors import NODE_REFUSED, NODE_SILENT, ChronoError
from chrono.flare.abi import encode
from chrono.flare.address import Address
from chrono.flare.contracts.questions import QUESTION_BY_NAME
from chrono.flare.merkle import verify_proof
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import leaf

MANAGER, REWARDS = Address(b"\x31" * 20), Address(b"\x32" * 20)
CONTRACTS = Contracts(
    {"FlareSystemsManager": MANAGER, "RewardManager": REWARDS},
    {"FlareSystemsManager": (MANAGER,), "RewardManager": (REWARDS,)},
)
_NAMES = {QUESTION_BY_NAME[name].selector: name for name in QUESTION_BY_NAME}


class RewardContracts:
    """Two nodes of one chain. `pool_wei` is what the owner's own stake and delegations would pay beside any claim."""

    def __init__(self) -> None:
        self.roots: dict[int, bytes] = {}
        self.starts: dict[int, int] = {}
        self.offset_s = 1000
        self.first_open = 0
        self.paid: set[bytes] = set()
        """Leaves of claims that were paid out."""
        self.pool_wei = 77
        self.uninitialised = False
        """Whether the owner's other claims stand in the way, as where nobody opened their pool."""
        self.burnt_percent = 0
        self.silent = False
        self.contracts = CONTRACTS
        self.asked: list[str] = []

    def pool(self) -> Pool:
        return Pool([_Node(self, "one"), _Node(self, "two")], ManualClock(10**18))  # type: ignore[list-item]

    def says(self, to: Address, data: bytes, sender: Address | None) -> bytes:
        name = _NAMES[data[:4]]
        self.asked.append(name)
        if self.silent:
            raise ChronoError(NODE_SILENT)
        given = QUESTION_BY_NAME[name].decode(data)
        if name == "claim":
            assert to == REWARDS
            return encode(["uint256"], [self._claim(given, sender)])
        if name == "getRewardEpochIdToExpireNext":
            return encode(["uint256"], [self.first_open])
        assert to == MANAGER
        if name == "rewardsHash":
            return self.roots.get(given["rewardEpochId"], bytes(32))
        if name == "getRewardEpochStartInfo":
            return encode(["uint64", "uint64"], [self.starts.get(given["rewardEpochId"], 0), 5])
        return encode(["uint32"], [self.offset_s])

    def _claim(self, given: dict[str, object], sender: Address | None) -> int:
        """Source: RewardManager.sol, `claim`."""
        owner, epoch = given["rewardOwner"], given["rewardEpochId"]
        assert isinstance(epoch, int)
        if sender != owner:
            raise ChronoError(NODE_REFUSED, said="execution reverted: only owner or executor")
        if epoch < self.first_open or self.uninitialised:
            raise ChronoError(NODE_REFUSED, said="execution reverted: not claimable")
        wei = self.pool_wei
        for siblings, (of, beneficiary, amount, kind) in given["proofs"]:  # type: ignore[attr-defined]
            claim = RewardClaim(of, bytes(beneficiary), amount, ClaimType(kind))
            if claim.beneficiary != owner:
                raise ChronoError(NODE_REFUSED, said="execution reverted: wrong beneficiary")
            if leaf(claim) in self.paid:
                continue
            if not verify_proof(leaf(claim), [bytes(each) for each in siblings], self.roots[of]):
                raise ChronoError(NODE_REFUSED, said="execution reverted: merkle proof invalid")
            wei += amount - amount * self.burnt_percent // 100
        return wei


class _Node:
    """A node that only answers calls."""

    def __init__(self, world: RewardContracts, name: str) -> None:
        self.name = name
        self._world = world

    async def call(self, to: Address, data: bytes, sender: Address | None = None) -> bytes:
        return self._world.says(to, data, sender)
