"""What is known of reward epochs, read off a list of events each time anew: slow, and plain to see."""

from collections.abc import Sequence
from typing import Any

from chrono.chain.ledger import Told
from chrono.flare.address import Address
from chrono.flare.contracts import events as to
from chrono.flare.feed_order import CommunityOffer, InflationOffer


def in_order(told: Sequence[Told]) -> list[Told]:
    return sorted(told, key=lambda each: (each.block_number, each.index))


def policy_of_epoch(told: Sequence[Told], epoch: int) -> Any:
    found = None
    for each in in_order(told):
        if isinstance(each.event, to.SigningPolicyInitialized) and each.event.policy.reward_epoch_id == epoch:
            found = each.event.policy
    return found


def epoch_of_round(told: Sequence[Told], round_id: int) -> int | None:
    found = None
    for epoch in range(100):
        policy = policy_of_epoch(told, epoch)
        if policy is not None and policy.start_voting_round_id <= round_id:
            found = epoch
    return found


def registration_of(told: Sequence[Told], epoch: int, identity: Address) -> Any:
    found = None
    for each in in_order(told):
        event = each.event
        if isinstance(event, to.VoterRegistered) and (event.voter, event.reward_epoch_id) == (identity, epoch):
            found = event
        if isinstance(event, to.VoterRemoved) and (event.voter, event.reward_epoch_id) == (identity, epoch):
            found = None
    return found


def weight_of(told: Sequence[Told], epoch: int, identity: Address) -> int | None:
    found = None
    for each in in_order(told):
        event = each.event
        if isinstance(event, to.VoterRegistrationInfo) and (event.voter, event.reward_epoch_id) == (identity, epoch):
            found = event.wnat_capped_wei
    return found


def feeds_of(told: Sequence[Told], epoch: int) -> list[str] | None:
    """Labels in the canonical order."""
    first = last = None
    for each in in_order(told):
        if isinstance(each.event, to.RewardEpochStarted) and each.event.reward_epoch_id == epoch - 1:
            first = each.event.timestamp_s
        if isinstance(each.event, to.RandomAcquisitionStarted) and each.event.reward_epoch_id == epoch:
            last = each.event.timestamp_s
    if first is None or last is None:
        return None
    inflation: set[bytes] = set()
    community: dict[bytes, int] = {}
    labels: dict[bytes, str] = {}
    for each in told:
        if first <= each.block_time_s <= last:
            if isinstance(each.event, InflationOffer):
                for feed in each.event.feeds:
                    inflation.add(bytes(feed.id))
                    labels[bytes(feed.id)] = feed.id.label
            if isinstance(each.event, CommunityOffer):
                feed = each.event.feed
                community[bytes(feed.id)] = community.get(bytes(feed.id), 0) + each.event.amount_wei
                labels[bytes(feed.id)] = feed.id.label
    rest = sorted((raw for raw in community if raw not in inflation), key=lambda raw: (-community[raw], raw))
    return [labels[raw] for raw in sorted(inflation) + rest] or None


def facts_of_epoch(told: Sequence[Told], epoch: int) -> dict[str, Any] | None:
    """Voters (identity, submit address, vote weight) in the policy's order, and the feeds; None where any is missing."""
    policy, feeds = policy_of_epoch(told, epoch), feeds_of(told, epoch)
    if policy is None or feeds is None:
        return None
    everybody = {each.event.voter for each in told if isinstance(each.event, to.VoterRegistered)}
    voters = []
    for signer in policy.voters:
        mine = [
            who
            for who in everybody
            if getattr(registration_of(told, epoch, who), "signing_policy_address", None) == signer
        ]
        if len(mine) != 1 or weight_of(told, epoch, mine[0]) is None:
            return None
        voters.append((mine[0], registration_of(told, epoch, mine[0]).submit_address, weight_of(told, epoch, mine[0])))
    return {"voters": voters, "feeds": feeds, "policy": policy}


def finalised_root(told: Sequence[Told], round_id: int) -> bytes | None:
    for each in in_order(told):
        if isinstance(each.event, to.ProtocolMessageRelayed) and each.event.voting_round_id == round_id:
            return each.event.merkle_root
    return None
