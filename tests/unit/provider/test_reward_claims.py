"""Our claims in published reward epochs: which are ours, what they come to, and what the chain says of each."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from chrono.chain.claim_states import ClaimStates
from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import BAD_REWARDS, REWARD_DATA_ABSENT, REWARD_DATA_WRONG, ChronoError
from chrono.flare.address import Address
from chrono.flare.epochs import VotingEpoch
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import leaf, reward_tree
from chrono.provider.reward_claims import ClaimReader
from chrono.published.epoch import PublishedClaim, PublishedEpoch
from chrono.telemetry import UNCLAIMED
from chrono.voting.conditions import PublishedConditions
from chrono.voting.epochs import EpochBook
from chrono.voting.provider_report import RewardLook, RewardReport, RewardsTold
from tests.fakes.epoch_story import TIMING, Member, Story
from tests.fakes.reward_contracts import CONTRACTS, RewardContracts

ANN, US = Member("ann", 300), Member("us", 120)
CLAIMS = (
    (US.identity, 500, ClaimType.FEE),
    (US.signer, 30, ClaimType.DIRECT),
    (US.hot("delegation"), 4000, ClaimType.WNAT),
    (ANN.identity, 900, ClaimType.FEE),
    (ANN.signer, 40, ClaimType.DIRECT),
    (ANN.hot("delegation"), 8000, ClaimType.WNAT),
)


def epoch_of(epoch: int, claims: tuple[Any, ...] = CLAIMS, network: str | None = None) -> PublishedEpoch:
    bare = [RewardClaim(epoch, beneficiary, wei, kind) for beneficiary, wei, kind in claims]
    root = reward_tree(bare).root
    assert root is not None
    told = tuple(PublishedClaim(epoch, each.beneficiary, each.amount, each.claim_type, None) for each in bare)
    pools = sum(kind.is_weight_based for _, _, kind in claims)
    return PublishedEpoch("memory", network, epoch, root, pools, told)


class Publications:
    """Published reward epochs by number; an error in the place of one is raised."""

    def __init__(self) -> None:
        self.held: dict[int, PublishedEpoch | ChronoError] = {}
        self.asked: list[int] = []

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        self.asked.append(reward_epoch_id)
        found = self.held.get(reward_epoch_id, ChronoError(REWARD_DATA_ABSENT))
        if isinstance(found, ChronoError):
            raise found
        return found

    async def conditions(self, reward_epoch_id: int, identity: Address) -> PublishedConditions | None:
        raise AssertionError("conditions are not asked for here")


class Still(ManualClock):
    """Nobody waits."""

    async def sleep(self, seconds: float) -> None:
        self.waited = seconds


class House:
    """Reward epoch 3 runs, we were voters of 2 and are of 3; epoch 2 is published, and signed by the network."""

    def __init__(self) -> None:
        story = Story().started(1, 20).turn(2, (ANN, US)).turn(3, (ANN, US))
        self.network = story.network
        self.book = EpochBook(self.network)
        self.book.tell(story.told)
        self.clock = Still()
        self.clock.set(VotingEpoch(story.starts[3] + 2, TIMING).start_s * SECOND_NS)
        self.source = Publications()
        self.source.held[2] = epoch_of(2)
        self.chain = RewardContracts()
        self.chain.roots[2] = epoch_of(2).root
        self.chain.starts = {3: 5_000_000}
        self.told: list[RewardsTold] = []
        self.reader = ClaimReader(
            source=self.source,
            network=self.network,
            identity=US.identity,
            book=self.book,
            pool=self.chain.pool(),
            contracts=lambda: self.chain.contracts,
            clock=self.clock,
            tell=self.told.append,
        )

    async def look(self) -> RewardsTold:
        assert await self.reader.look()
        return self.told[-1]

    async def rows(self) -> dict[str, tuple[int, bool | None]]:
        return {each.claim_type: (each.amount_wei, each.claimable) for each in (await self.look()).rewards}


def unclaimed() -> float:
    value: float = UNCLAIMED._value.get()
    return value


async def test_what_is_ours_is_found_by_claim_type_and_asked_of_the_chain() -> None:
    house = House()
    told = await house.look()
    expires_ns = 5_001_000 * SECOND_NS
    assert told.rewards == (
        RewardReport(reward_epoch_id=2, claim_type="DIRECT", amount_wei=30, claimable=True, expires_ns=expires_ns),
        RewardReport(reward_epoch_id=2, claim_type="FEE", amount_wei=500, claimable=True, expires_ns=expires_ns),
        RewardReport(reward_epoch_id=2, claim_type="WNAT", amount_wei=4000, claimable=None, expires_ns=expires_ns),
    )
    assert told.looked[0] == RewardLook(2)
    assert unclaimed() == 530


async def test_a_claim_that_was_paid_out_is_no_longer_claimable() -> None:
    house = House()
    house.chain.paid.add(leaf(RewardClaim(2, US.identity, 500, ClaimType.FEE)))
    assert await house.rows() == {"DIRECT": (30, True), "FEE": (500, False), "WNAT": (4000, None)}
    assert unclaimed() == 30


async def test_before_the_network_signed_the_rewards_nothing_is_claimable() -> None:
    house = House()
    house.chain.roots.clear()
    assert await house.rows() == {"DIRECT": (30, False), "FEE": (500, False), "WNAT": (4000, False)}
    assert "claim" not in house.chain.asked
    house.chain.roots[2] = epoch_of(2).root
    assert (await house.rows())["FEE"] == (500, True)
    assert house.source.asked.count(2) == 1


async def test_what_another_root_was_signed_for_is_not_told() -> None:
    house = House()
    house.chain.roots[2] = bytes([1]) * 32
    told = await house.look()
    assert told.rewards == ()
    assert RewardLook(2, REWARD_DATA_WRONG) in told.looked
    house.chain.roots[2] = epoch_of(2).root
    assert len((await house.look()).rewards) == 3


async def test_a_publication_that_was_mended_is_read_again() -> None:
    house = House()
    mended = epoch_of(2, CLAIMS[:1])
    house.chain.roots[2] = mended.root
    assert (await house.look()).rewards == ()
    house.source.held[2] = mended
    assert await house.rows() == {"FEE": (500, True)}


@pytest.mark.parametrize("fault", ["root", "network", "epoch"])
async def test_a_publication_that_does_not_hold_is_not_told(fault: str) -> None:
    house = House()
    house.source.held[2] = {
        "root": replace(epoch_of(2), root=bytes(32)),
        "network": replace(epoch_of(2), network="flare"),
        "epoch": epoch_of(1),
    }[fault]
    told = await house.look()
    assert (told.rewards, told.looked[0]) == ((), RewardLook(2, REWARD_DATA_WRONG))


async def test_what_is_not_published_or_not_read_is_said_epoch_by_epoch() -> None:
    house = House()
    house.source.held = {1: ChronoError(BAD_REWARDS)}
    told = await house.look()
    assert told.rewards == ()
    assert told.looked == (
        RewardLook(2, REWARD_DATA_ABSENT),
        RewardLook(1, BAD_REWARDS),
        RewardLook(0, REWARD_DATA_ABSENT),
    )
    house.source.held[2] = epoch_of(2)
    assert len((await house.look()).rewards) == 3


async def test_an_epoch_in_which_we_earned_nothing_is_verified_and_empty() -> None:
    house = House()
    house.source.held[2] = epoch_of(2, CLAIMS[3:])
    house.chain.roots[2] = epoch_of(2, CLAIMS[3:]).root
    told = await house.look()
    assert (told.rewards, told.looked[0]) == ((), RewardLook(2))
    assert unclaimed() == 0


async def test_closed_reward_epochs_are_not_looked_for() -> None:
    house = House()
    house.chain.first_open = 2
    told = await house.look()
    assert house.source.asked == [2]
    assert [each.reward_epoch_id for each in told.looked] == [2]
    house.chain.first_open = 3
    assert not await house.reader.look()


async def test_what_the_chain_does_not_tell_is_not_known() -> None:
    house = House()
    house.chain.silent = True
    assert await house.rows() == {"DIRECT": (30, None), "FEE": (500, None), "WNAT": (4000, None)}
    assert (await house.look()).rewards[0].expires_ns is None
    assert math.isnan(unclaimed())
    house.chain.silent, house.chain.uninitialised = False, True
    assert (await house.rows())["FEE"] == (500, None)


async def test_before_a_reward_epoch_is_known_nothing_is_told() -> None:
    house = House()
    house.book.take_back(0)
    assert not await house.reader.look()
    assert house.told == []


async def test_two_claims_of_one_type_are_told_as_one() -> None:
    house = House()
    both = (*CLAIMS, (US.identity, 7, ClaimType.DIRECT))
    house.source.held[2], house.chain.roots[2] = epoch_of(2, both), epoch_of(2, both).root
    house.chain.paid.add(leaf(RewardClaim(2, US.signer, 30, ClaimType.DIRECT)))
    assert (await house.rows())["DIRECT"] == (37, True)
    assert unclaimed() == 507


async def test_a_claim_that_would_be_burnt_whole_pays_nothing() -> None:
    house = House()
    claims = [RewardClaim(2, beneficiary, wei, kind) for beneficiary, wei, kind in CLAIMS]
    tree = reward_tree(claims)
    states = ClaimStates(house.chain.pool(), CONTRACTS)
    proof = tree.proof(leaf(claims[0]))
    assert await states.paid_now(claims[0], proof) == 500
    house.chain.burnt_percent = 100
    assert await states.paid_now(claims[0], proof) == 0
    assert await states.paid_now(claims[0], proof[1:]) is None
