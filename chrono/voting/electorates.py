"""A reward epoch's voters and feeds out of its events, in the one order that all providers must find. No I/O.

Sources: fsp.md sections 0.1, 2 and 4.
"""

from collections.abc import Sequence

from chrono.flare.address import Address
from chrono.flare.feed_order import CommunityOffer, InflationOffer, feed_order
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.networks import Network
from chrono.flare.refusal import Refused
from chrono.flare.rewards.offers import UnknownModeError, terms_of_feeds
from chrono.flare.rewards.parameters import DEAD
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.signing_policy import SigningPolicy
from chrono.voting.epoch_events import EpochEvents
from chrono.voting.membership import RegisteredVoter, RewardEpochFacts


class Unknown(LookupError):  # noqa: N818 - said of a reward epoch
    """Something of a reward epoch was not told, or contradicts itself; the words say what."""


def facts_of(events: EpochEvents, network: Network, reward_epoch_id: int) -> RewardEpochFacts:
    """All of a reward epoch. Raises: Unknown."""
    told = events.policies.get(reward_epoch_id)
    if told is None:
        raise Unknown(f"the signing policy of reward epoch {reward_epoch_id} is not initialised")
    fip16 = network.fip16_active(reward_epoch_id)
    inflation, community = _offers(events, reward_epoch_id)
    voters = _voters(events, told.policy)
    electorate = Electorate(
        reward_epoch_id=reward_epoch_id,
        voters=tuple(
            Voter(voter.submit, _delegation_of(voter, needed=not fip16), weight)
            for voter, weight in zip(voters, told.policy.weights, strict=True)
        ),
        feeds=_feeds(reward_epoch_id, inflation, community),
        fip16=fip16,
    )
    return RewardEpochFacts(
        reward_epoch_id=reward_epoch_id,
        policy=told.policy,
        electorate=electorate,
        voters=voters,
        band_ppms=_bands(inflation, community),
    )


def registered_voter(events: EpochEvents, reward_epoch_id: int, identity: Address) -> RegisteredVoter | None:
    """An entity as it is registered for a reward epoch; None if it is not, or was removed."""
    told = events.registered.get((reward_epoch_id, identity))
    if told is None:
        return None
    info = events.infos.get((reward_epoch_id, identity))
    return RegisteredVoter(
        reward_epoch_id=reward_epoch_id,
        identity=identity,
        submit=told.submit_address,
        submit_signatures=told.submit_signatures_address,
        signing_policy=told.signing_policy_address,
        registration_weight=told.registration_weight,
        delegation=None if info is None else info.delegation_address,
        fee_bips=None if info is None else info.delegation_fee_bips,
        wnat_wei=None if info is None else info.wnat_wei,
        wnat_capped_wei=None if info is None else info.wnat_capped_wei,
        node_ids=() if info is None else info.node_ids,
        node_weights=() if info is None else info.node_weights,
    )


def _voters(events: EpochEvents, policy: SigningPolicy) -> tuple[RegisteredVoter, ...]:
    """The registered voters in the order of the policy."""
    epoch = policy.reward_epoch_id
    identities = {
        event.signing_policy_address: identity for (of, identity), event in events.registered.items() if of == epoch
    }
    found = []
    for signer in policy.voters:
        voter = registered_voter(events, epoch, identities[signer]) if signer in identities else None
        if voter is None:
            raise Unknown(f"the registration of 0x{signer.hex()} for reward epoch {epoch} was not told")
        found.append(voter)
    return tuple(found)


def _delegation_of(voter: RegisteredVoter, *, needed: bool) -> int:
    """What its vote weighs before FIP.16. From then on nothing looks at it, so 0 may stand for what is not known."""
    if voter.wnat_capped_wei is not None:
        return voter.wnat_capped_wei
    if needed:
        epoch = voter.reward_epoch_id
        raise Unknown(f"the weight of 0x{voter.identity.hex()} in reward epoch {epoch} was not told")
    return 0


def _offers(events: EpochEvents, reward_epoch_id: int) -> tuple[list[InflationOffer], list[CommunityOffer]]:
    window = events.offer_window(reward_epoch_id)
    if window is None:
        raise Unknown(f"when the offers of reward epoch {reward_epoch_id} were made was not told")
    inflation = [offer for time_s, offer in events.inflation if time_s in window]
    return inflation, [offer for time_s, offer in events.community if time_s in window]


def _feeds(
    reward_epoch_id: int, inflation: Sequence[InflationOffer], community: Sequence[CommunityOffer]
) -> tuple[Feed, ...]:
    try:
        feeds = feed_order(reward_epoch_id, inflation, community)
    except Refused as refused:
        raise Unknown(f"the offers of reward epoch {reward_epoch_id} contradict one another: {refused}") from refused
    if not feeds:
        raise Unknown(f"no feed is offered for reward epoch {reward_epoch_id}")
    return feeds


def _bands(inflation: Sequence[InflationOffer], community: Sequence[CommunityOffer]) -> dict[FeedId, int]:
    """For whoever looks: nothing is voted by them, so what cannot be read is left out."""
    try:
        terms = terms_of_feeds(inflation, community, DEAD)  # who gets what nobody earned does not matter here
    except UnknownModeError:
        return {}
    return {feed: each.secondary_band_width_ppm for feed, each in terms.items()}
