"""What happens on the local chain while it votes: every turn that a reward epoch may take, in a fixed order."""

from collections.abc import Callable, Mapping
from typing import Any

from eth_hash.auto import keccak

from tests.chain.deployment import Durations, Plan, feed_id
from tests.chain.rpc import RpcError
from tests.chain.scene import MILLION, Scene

FIP16_FROM = 3
REWARD_EPOCHS = 5
LATE_ROUNDS = 4
ADDED, REMOVED, OFFERED = ("SOL/USD", 4), "XRP/USD", "DOGE/USD"
NEWCOMER, NEWCOMERS_POWER = "fay", 11
LATER_S = 3600.0
NO_ADDRESS = "0x" + "00" * 20


def plan(rounds: int) -> Plan:
    """As many reward epochs as the story has; the longer ones of a real chain in small."""
    durations = Durations(policy_ahead_s=150, policy_delay_rounds=3, registration_s=20, registration_blocks=15)
    return Plan(0, rounds_per_reward_epoch=max(25, rounds // REWARD_EPOCHS), durations=durations)


class Story:
    """`left_out` are parts that the contracts have no words for; ours have all."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.left_out: list[str] = []

    def play(self, rounds: int) -> None:
        """From the first registration on."""
        scene = self._scene
        scene.until_first_policy()
        self._turn("a feed is added from reward epoch 2", lambda: scene.add_feed(*ADDED))
        self._until_epoch(1)
        first = scene.first_round()
        self._turn("a feed is removed from reward epoch 3", lambda: scene.remove_feed(REMOVED))
        self._until_epoch(2)
        self._turn("the community offers for a feed of reward epoch 3", self._offer)
        self._turn("reward epoch 2 is extended", lambda: scene.set_durations(fewest_voters=6))
        self._until_acquisition(3)
        self._turn("a newcomer has vote power", lambda: scene.set_power(NEWCOMER, NEWCOMERS_POWER))
        scene.until_round(3 * scene.plan.rounds_per_reward_epoch + LATE_ROUNDS)
        self._turn("the policy may come", lambda: scene.set_durations(fewest_voters=5))
        self._until_epoch(3)
        self._until_acquisition(4)
        self._turn("the newcomer has none any more", lambda: scene.set_power(NEWCOMER, 0))
        scene.until_round(first + rounds + 2)

    def missing(self, told: Mapping[str, Any], rounds: int) -> list[str]:
        """What the judge should have seen of it and did not."""
        wanted = {
            f"{told['rounds']} of {rounds} rounds": told["rounds"] >= rounds,
            f"reward epochs {told['reward_epochs']}": len(told["reward_epochs"]) >= 3,
            f"feeds {told['feeds']}": len(told["feeds"]) > 1,
            "rounds by FIP.16, and rounds without": 0 < told["fip16_rounds"] < told["rounds"],
            "a late policy": self._is_late(3),
            "an eviction": self._evictions() > 0,
        }
        return [*(f"missing: {what}" for what, is_there in wanted.items() if not is_there), *self.left_out]

    def _turn(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except (KeyError, RpcError, RuntimeError) as error:
            self.left_out.append(f"left out: {what} ({error})")
        print(f"round {self._scene.round()}: {what}", flush=True)

    def _until_epoch(self, epoch: int) -> None:
        self._scene.until(lambda: self._scene.reward_epoch() >= epoch, LATER_S, f"reward epoch {epoch}")

    def _until_acquisition(self, epoch: int) -> None:
        manager = self._scene.deployment["FlareSystemsManager"]
        self._scene.until(lambda: manager.ask("getRandomAcquisitionInfo", epoch)[0], LATER_S, "the random acquisition")

    def _offer(self) -> None:
        """Anybody may; the owner has the coins."""
        scene, amount = self._scene, 10 * MILLION // 10**6
        place = scene.deployment["FtsoRewardOffersManager"]
        scene.feeds.add(OFFERED)
        data = place.data("offerRewards", 3, [(amount, feed_id(OFFERED), 5000, 400_000, 500, NO_ADDRESS)])
        scene.owner.send(scene.rpc, place.address, data, 500_000, value=amount)

    def _is_late(self, epoch: int) -> bool:
        start: int = self._scene.deployment["Relay"].ask("startingVotingRoundIds", epoch)
        return start > epoch * self._scene.plan.rounds_per_reward_epoch

    def _evictions(self) -> int:
        topic = "0x" + keccak(b"VoterRemoved(address,uint256)").hex()
        return len(self._scene.rpc.ask("eth_getLogs", {"fromBlock": "0x0", "topics": [topic]}))
