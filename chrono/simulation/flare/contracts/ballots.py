"""What the voters sign at the FlareSystemsManager: the next policy, the uptime vote, the rewards. Source: fsp.md 6."""

from collections.abc import Sequence
from typing import Any

from chrono.flare.address import Address
from chrono.flare.signatures import Signature, eth_signed, recover
from chrono.flare.system_messages import WeightBasedClaims, rewards_message, uptime_message
from chrono.simulation.flare.calls import Call, Reverted, answer, emit, event, require
from chrono.simulation.flare.contracts.manager import Manager
from chrono.simulation.flare.contracts.registrations import Snapshot
from chrono.simulation.flare.contracts.relays import Relays
from chrono_core import keccak256


class Ballots:
    """Counts votes by the weights of the policy of the reward epoch that votes."""

    def __init__(self, manager: Manager, relays: Relays) -> None:
        self._manager = manager
        self._relays = relays
        manager.serve(
            {
                "signNewSigningPolicy": self._sign_policy,
                "signUptimeVote": self._sign_uptime,
                "signRewards": self._sign_rewards,
                "rewardsHash(uint256 rewardEpochId)": self._rewards_hash,
                "uptimeVoteHash(uint256 rewardEpochId)": self._uptime_hash,
                "noOfWeightBasedClaims(uint256 rewardEpochId, uint256 rewardManagerId)": self._claims,
                "getVoterSigningPolicySignInfo(uint24 rewardEpochId, address voter)": self._policy_sign_info,
            }
        )

    def _sign_policy(self, call: Call, epoch: int, policy_hash: bytes, signature: Sequence[Any]) -> bytes:
        manager = self._manager
        require(any(policy_hash) and self._hash(epoch) == policy_hash, "new signing policy hash invalid")
        require(not manager.state(epoch).policy_signed, "new signing policy already signed")
        signer, voter, weight = self._voter(epoch - 1, policy_hash, signature)
        limit = manager.state(epoch - 1).threshold
        reached = self._count(call, ("policy", epoch), voter, weight, limit)
        if reached:
            manager.change(epoch, policy_signed=True)
        shape = event(manager.contract, "SigningPolicySigned")
        emit(call, manager.address, shape, epoch, signer, voter, call.time_s, reached)
        return b""

    def _sign_uptime(self, call: Call, epoch: int, vote_hash: bytes, signature: Sequence[Any]) -> bytes:
        manager = self._manager
        require(any(vote_hash), "uptime vote hash zero")
        require(epoch < manager.current, "epoch not ended yet")
        require(manager.state(epoch).uptime_from is not None, "sign uptime vote not started yet")
        require(manager.get("uptime", epoch) is None, "uptime vote hash already signed")
        signer, voter, weight = self._voter(epoch, uptime_message(epoch, vote_hash), signature)
        limit = manager.state(epoch).threshold
        reached = self._count(call, ("uptime", epoch, vote_hash), voter, weight, limit)
        if reached:
            manager.put("uptime", epoch, vote_hash)
        shape = event(manager.contract, "UptimeVoteSigned")
        emit(call, manager.address, shape, epoch, signer, voter, vote_hash, call.time_s, reached)
        return b""

    def _sign_rewards(
        self, call: Call, epoch: int, counts: Sequence[Any], rewards_hash: bytes, signature: Sequence[Any]
    ) -> bytes:
        manager = self._manager
        require(any(rewards_hash), "rewards hash zero")
        require(epoch < manager.current, "epoch not ended yet")
        require(manager.state(epoch + 1).policy_signed, "new signing policy not signed yet")
        require(manager.get("uptime", epoch) is not None, "uptime vote hash not signed yet")
        require(manager.get("rewards", epoch) is None, "rewards hash already signed")
        claims = tuple(WeightBasedClaims(*each) for each in counts)
        message = rewards_message(epoch, claims, rewards_hash)
        signer, voter, weight = self._voter(epoch, message, signature)
        reached = self._count(call, ("rewards", epoch, message), voter, weight, manager.state(epoch).threshold)
        if reached:
            manager.put("rewards", epoch, rewards_hash)
            manager.put("claims", epoch, claims)
        shape = event(manager.contract, "RewardsSigned")
        numbers = [(each.reward_manager_id, each.count) for each in claims]
        emit(call, manager.address, shape, epoch, signer, voter, rewards_hash, numbers, call.time_s, reached)
        return b""

    def _voter(self, epoch: int, message: bytes, signature: Sequence[Any]) -> tuple[Address, Address, int]:
        """Who signed: signing-policy address, identity and weight. Raises: Reverted."""
        signed = Signature(*signature)
        signer = recover(eth_signed(message), signed)
        snapshot: Snapshot | None = self._manager.get("snapshot", epoch)
        if snapshot is None:
            raise Reverted("reward epoch id not supported")
        if signer is None or not signed.is_low_s or signer not in snapshot.signers:
            raise Reverted("invalid signing policy address")
        place = snapshot.signers.index(signer)
        return signer, snapshot.voters[place], snapshot.weights[place]

    def _count(self, call: Call, what: tuple[Any, ...], voter: Address, weight: int, limit: int) -> bool:
        """Whether the threshold is reached with this vote. Raises: Reverted."""
        votes: dict[Address, tuple[int, int, int]] = dict(self._manager.get("votes", *what, default=()))
        require(voter not in votes, "voter already signed")
        votes[voter] = weight, call.time_s, call.block_number
        self._manager.put("votes", *what, tuple(votes.items()))
        return sum(each for each, _, _ in votes.values()) > limit

    def _hash(self, epoch: int) -> bytes:
        policy = self._relays.policy(epoch)
        return bytes(32) if policy is None else policy.hash()

    def _rewards_hash(self, _: Call, epoch: int) -> bytes:
        return answer("bytes32", self._manager.get("rewards", epoch, default=bytes(32)))

    def _uptime_hash(self, _: Call, epoch: int) -> bytes:
        return answer("bytes32", self._manager.get("uptime", epoch, default=bytes(32)))

    def _claims(self, _: Call, epoch: int, manager_id: int) -> bytes:
        claims: Sequence[WeightBasedClaims] = self._manager.get("claims", epoch, default=())
        return answer("uint256", sum(each.count for each in claims if each.reward_manager_id == manager_id))

    def _policy_sign_info(self, _: Call, epoch: int, voter: Address) -> bytes:
        votes = dict(self._manager.get("votes", "policy", epoch, default=()))
        _, time_s, block_number = votes.get(voter, (0, 0, 0))
        return answer("uint64,uint64", time_s, block_number)


def rewards_root(reward_epoch_id: int) -> bytes:
    """The root of a simulated epoch's claims, on which all simulated voters agree. There are no claims behind it."""
    return keccak256(f"simulated rewards of reward epoch {reward_epoch_id}".encode())
