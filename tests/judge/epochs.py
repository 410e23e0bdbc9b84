"""Reward epochs: who votes with which weight, on which feeds, in which rounds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.judge import events
from tests.judge.chain import Chain
from tests.judge.events import Offer, Policy, Registered, Weighed


@dataclass(frozen=True)
class Voter:
    """Of one reward epoch, in the policy's order. `weight` is what a vote weighs in the medians."""

    identity: bytes
    submit: bytes
    submit_signatures: bytes
    signing_policy: bytes
    policy_weight: int
    weight: int


@dataclass(frozen=True)
class Electorate:
    reward_epoch: int
    policy: Policy
    voters: tuple[Voter, ...]
    feeds: tuple[tuple[bytes, int], ...]
    fip16: bool
    """Whether votes weigh by the policy, not by delegations."""


def feed_order(inflation: Iterable[Offer], community: Iterable[Offer]) -> tuple[tuple[bytes, int], ...]:
    """Inflation's feeds by id; then those of the community alone, by what is offered and then by id."""
    first: dict[bytes, int] = {}
    offered: dict[bytes, int] = {}
    later: dict[bytes, int] = {}
    for offer in inflation:
        for feed, decimals in offer.feeds:
            if first.setdefault(feed, decimals) != decimals:
                raise ValueError(f"feed {feed.hex()} with two decimals")
    for offer in community:
        for feed, decimals in offer.feeds:
            if first.get(feed, later.setdefault(feed, decimals)) != decimals or later[feed] != decimals:
                raise ValueError(f"feed {feed.hex()} with two decimals")
            offered[feed] = offered.get(feed, 0) + (offer.amount or 0)
    head = sorted(first.items())
    tail = sorted((-offered[feed], feed) for feed in later if feed not in first)
    return tuple(head) + tuple((feed, later[feed]) for _, feed in tail)


class Epochs:
    """The reward epochs of a chain. `fip16_from` is the first that votes by FIP.16; None: never."""

    def __init__(self, chain: Chain, fip16_from: int | None = None) -> None:
        self._fip16_from = fip16_from
        self.policies: dict[int, Policy] = {
            policy.reward_epoch: policy
            for policy in map(events.policy_of, events.logs_of(chain, "Relay", events.POLICY))
        }
        registered = events.logs_of(chain, "VoterRegistry", events.REGISTERED_FIRST, events.REGISTERED_SECOND)
        self._registered: dict[tuple[int, bytes], Registered] = {
            (each.reward_epoch, each.signing_policy): each for each in map(events.registered_of, registered)
        }
        weighed = events.logs_of(chain, "FlareSystemsCalculator", *events.INFO)
        self._weighed: dict[tuple[int, bytes], Weighed] = {
            (each.reward_epoch, each.voter): each for each in map(events.weighed_of, weighed)
        }
        self._starts = _times(chain, events.EPOCH_STARTED)
        self._acquisitions = _times(chain, events.RANDOM_STARTED)
        offers = "FtsoRewardOffersManager"
        self._inflation = [events.inflation_of(log) for log in events.logs_of(chain, offers, events.INFLATION)]
        self._community = [events.community_of(log) for log in events.logs_of(chain, offers, events.COMMUNITY)]
        self._electorates: dict[int, Electorate] = {}

    def policy_of(self, round_id: int) -> Policy | None:
        """The newest that has started; None before the first."""
        started = [policy for policy in self.policies.values() if policy.start_round <= round_id]
        return max(started, key=lambda policy: policy.reward_epoch) if started else None

    def electorate_of(self, round_id: int) -> Electorate | None:
        policy = self.policy_of(round_id)
        return None if policy is None else self._electorate(policy)

    def knows_feeds(self, reward_epoch: int) -> bool:
        """Whether the chain as read reaches back to the offers for this reward epoch."""
        return reward_epoch - 1 in self._starts and reward_epoch in self._acquisitions

    def _electorate(self, policy: Policy) -> Electorate:
        epoch = policy.reward_epoch
        if epoch not in self._electorates:
            fip16 = self._fip16_from is not None and epoch >= self._fip16_from
            voters = [
                self._voter(epoch, signer, weight, fip16)
                for signer, weight in zip(policy.signers, policy.weights, strict=True)
            ]
            feeds = feed_order(self._of(self._inflation, epoch), self._of(self._community, epoch))
            self._electorates[epoch] = Electorate(epoch, policy, tuple(voters), feeds, fip16)
        return self._electorates[epoch]

    def _voter(self, epoch: int, signer: bytes, policy_weight: int, fip16: bool) -> Voter:
        told = self._registered[(epoch, signer)]
        weight = policy_weight if fip16 else self._weighed[(epoch, told.voter)].capped_wei
        return Voter(told.voter, told.submit, told.submit_signatures, signer, policy_weight, weight)

    def _of(self, offers: Sequence[Offer], epoch: int) -> list[Offer]:
        start, end = self._starts[epoch - 1], self._acquisitions[epoch]
        return [offer for offer in offers if start <= offer.time_s <= end and offer.reward_epoch == epoch]


def _times(chain: Chain, topic: bytes) -> dict[int, int]:
    logs = events.logs_of(chain, "FlareSystemsManager", topic)
    return {int.from_bytes(log.topics[1], "big"): log.time_s for log in logs}
