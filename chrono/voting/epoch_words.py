"""The words of an epoch's duties: what is to be done, what is asked of whoever does it, and how that went. Values only.

Source: fsp.md section 6; FlareSystemsManager.sol for whose key signs what.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct, field

from chrono.clock import SECOND_NS
from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.epochs import Timing
from chrono.flare.reverts import Revert
from chrono.flare.system_messages import WeightBasedClaims

SHORTEST_REWARD_EPOCH: Final = 240
"""Rounds, of Flare's test networks. Where there are fewer, six hours become a fourteenth, as they are on Flare."""


class DutyKind(StrEnum):
    """What an entity does once per reward epoch. The values stand in intent ids."""

    PREREGISTER = "preregister"
    """Ask to be registered with the vote power block of the next epoch."""
    REGISTER = "register"
    """Become a voter of the next epoch, directly where pre-registration did not."""
    POLICY = "policy"
    """Sign the next epoch's policy."""
    UPTIME = "uptime"
    """Vote on the uptime of the epoch that is over."""
    REWARDS = "rewards"
    """Sign the rewards of the epoch that is over."""


class EpochDuty(Struct, frozen=True, order=True):
    """One duty of one reward epoch: the one that is registered for, whose policy, uptime or rewards are signed."""

    reward_epoch_id: int
    kind: DutyKind

    def intent_id(self, network: str, number: int = 1) -> str:
        """What its transaction is called; another payload needs another number."""
        bare = f"{network}/epoch/{self.reward_epoch_id}/{self.kind.value}"
        return bare if number == 1 else f"{bare}/{number}"


class RewardsToSign(Struct, frozen=True):
    """What a verified publication comes to."""

    claims: tuple[WeightBasedClaims, ...]
    rewards_hash: bytes


class Ask(Struct, frozen=True):
    """Ask the registries whether the duty is done. Answer: Told."""

    duty: EpochDuty


class Fetch(Struct, frozen=True):
    """Fetch the published rewards, and verify them. Answer: Fetched or Failed."""

    duty: EpochDuty


class Send(Struct, frozen=True):
    """Sign and send. Answer: Included, Reverted or Failed.

    `signer` is the policy address that the chain knows; None where the EntityManager must be asked: at
    `signer_block`, or now (None).
    """

    duty: EpochDuty
    number: int
    signer: Address | None = None
    signer_block: int | None = None
    policy_hash: bytes | None = None
    rewards: RewardsToSign | None = None


Action: TypeAlias = Ask | Fetch | Send


class Told(Struct, frozen=True):
    """What the registries say; None when they do not, or do not agree."""

    done: bool | None


class Fetched(Struct, frozen=True):
    """The rewards are published, and right."""

    rewards: RewardsToSign


class Included(Struct, frozen=True):
    """The transaction stands in a block, and succeeded."""


class Reverted(Struct, frozen=True):
    """The contract refuses it. `in_block`: it cost gas; else it was only tried. `revert` is None for unlisted words."""

    said: str
    revert: Revert | None
    in_block: bool


class Failed(Struct, frozen=True):
    """It could not be brought there."""

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)


Answer: TypeAlias = Told | Fetched | Included | Reverted | Failed


class DutyState(StrEnum):
    """How far a duty is."""

    WAITING = "waiting"
    """It is open; something stands in the way, or it is not its time."""
    AT_WORK = "at_work"
    DONE = "done"
    MOOT = "moot"
    """It was not needed: enough others did it, or another way did."""
    MISSED = "missed"


class DutyReport(Struct, frozen=True, kw_only=True):
    """A duty for whoever looks."""

    duty: EpochDuty
    state: DutyState
    reason: Reason | None = None
    """What stands, or stood, in the way."""
    facts: Mapping[str, str] = field(default_factory=dict)
    next_ns: int | None = None
    """When it is tried again."""


class DutyRules(Struct, frozen=True, kw_only=True):
    """How patient the duties are; durations in nanoseconds."""

    retry_ns: int = 60 * SECOND_NS
    """After a refusal or a failure."""
    confirm_ns: int = 20 * SECOND_NS
    """How long after inclusion a registry is asked whether it counted."""
    send_for_ns: int = 300 * SECOND_NS
    """How long one transaction is pursued before all is looked at anew."""
    reward_tries: int = 8
    reward_every_ns: int = 6 * 3600 * SECOND_NS

    @classmethod
    def of(cls, timing: Timing) -> "DutyRules":
        """The same shares of a calendar with shorter voting or reward epochs; never longer than Flare's."""
        voting_ns = timing.epoch_s * SECOND_NS
        reward_ns = voting_ns * timing.rounds_per_reward_epoch
        short = timing.rounds_per_reward_epoch < SHORTEST_REWARD_EPOCH
        return cls(
            retry_ns=min(60 * SECOND_NS, voting_ns * 2 // 3),
            confirm_ns=min(20 * SECOND_NS, voting_ns * 2 // 9),
            send_for_ns=min(300 * SECOND_NS, voting_ns * 10 // 3),
            reward_every_ns=min(6 * 3600 * SECOND_NS, reward_ns // 14 if short else 240 * voting_ns),
        )
