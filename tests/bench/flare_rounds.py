"""Whole rounds and whole reward epochs of the protocol, for `tests.bench.flare`.

A round is 100 voters with 63 feeds, from raw transactions to the root; its twin in plain Python is the one that the
tests hold it against. A reward epoch is synthetic, and measured in a slice unless all of it is asked for. Published
epochs are read in place under CHRONO_DATA.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import eth_abi
from eth_hash.auto import keccak
from msgspec.structs import replace
from py_flare_common.merkle import MerkleTree as TheirTree

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_values import encode_values
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.median import Median, weighted_medians
from chrono.flare.networks import FLARE
from chrono.flare.rewards.claims import PartialClaim
from chrono.flare.rewards.epoch import (
    AnchorRound,
    EpochRules,
    FastUpdateRound,
    anchor_claims,
    epoch_claims,
    fast_update_round_claims,
)
from chrono.flare.rewards.fast_updates import ScaledValue
from chrono.flare.rewards.finalisation import SeenFinalisation
from chrono.flare.rewards.offers import FeedTerms, RoundOffer
from chrono.flare.rewards.signing import SeenSignature
from chrono.flare.rewards.tree import reward_root, reward_tree
from chrono.flare.rewards.voters import RewardedVoter
from chrono.flare.round.electorate import Electorate, Voter
from chrono.published.epoch import PublishedEpoch
from chrono.published.verification import verify
from chrono.published.walk import Walk
from tests.bench.core import Row, measure
from tests.fakes.flare_round import BENCHING_ROUNDS, ROUND, SUBMISSION, TIMING, Submitted, sender
from tests.reference import protocol_sums
from tests.reference.flare_round import Rules, Sent, Twin

VOTERS, FEEDS = 100, 63
EPOCH_ROUNDS = FLARE.timing.rounds_per_reward_epoch
REWARD_EPOCH = 400
UPDATES = 75
"""Fast updates in a round: about 1.5 in each block of two seconds, with some incentive."""
DIFFERENT = 40
"""So many rounds have votes of their own; the others repeat them."""

Columns = list[list[int | None]]
Medians = Callable[[Columns, list[int]], Sequence[Median | None]]
"""The median of every feed of a round. Shapes: (feeds, voters), (voters,) to (feeds,)."""


def rounds(seconds: float) -> list[Row]:
    """One round from raw transactions to its root, alone and behind the twenty rounds that may bench somebody."""
    voters = _electorate()
    alone, behind = Submitted(), Submitted()
    _vote(alone, ROUND)
    for number in range(ROUND.id - BENCHING_ROUNDS, ROUND.id + 1):
        _vote(behind, VotingRound(number, TIMING))

    def root(of: Submitted) -> bytes:
        result = of.outcome(voters).result
        assert result is not None
        return result.root

    assert root(alone) == root(behind) == _twin(alone, voters)()
    many = f"{VOTERS} voters x {FEEDS} feeds"
    return [
        measure(f"round to root, {many}", lambda: root(alone), seconds, 5000.0),
        measure(f"  with {BENCHING_ROUNDS} earlier rounds unread", lambda: root(behind), seconds),
        _a_few("  plain Python, the round alone", _twin(alone, voters)),
    ]


def reward_epoch(measured: int, *, fip16: bool, medians: Medians = weighted_medians) -> dict[str, float]:
    """Claims and root of a synthetic epoch with the medians of all feeds; CPU seconds of one core.

    `medians` are ours, or a twin's. `measured` rounds are computed. The epoch's seconds are those of all rounds in the same proportion, and the netting
    and the tree as measured: these grow with the voters and not with the rounds.
    """
    network = replace(FLARE, fip16_activation_reward_epoch=REWARD_EPOCH) if fip16 else FLARE
    rules = EpochRules(network, REWARD_EPOCH, _rewarded_voters())
    happened = _happened(measured, rules)
    began = time.process_time()
    claims = [_claims_of(place, columns, each, rules, medians) for place, (columns, each) in enumerate(happened)]
    in_rounds = time.process_time() - began
    root = reward_root(reward_tree(epoch_claims(claims, rules)))
    assert len(root) == 32
    rest = time.process_time() - began - in_rounds
    return {"rounds_measured": measured, "epoch_seconds": in_rounds / measured * EPOCH_ROUNDS + rest}


def plain_medians(columns: Columns, weights: list[int]) -> list[Median | None]:
    """The medians in plain Python, by the twin that the tests use."""
    return [Median(*found) if (found := protocol_sums.median(column, weights)) else None for column in columns]


def published() -> dict[str, float] | None:
    """All published epochs of the recordings, verified, and their roots alone in plain Python; None without them."""
    folder = Path(os.environ.get("CHRONO_DATA", "../shared/data")) / "ftso"
    if not folder.is_dir():
        return None
    began = time.perf_counter()
    findings = [verify(epoch) for epoch in Walk([folder]) if epoch is not None]
    seconds = time.perf_counter() - began
    assert all(found.verified for found in findings)
    began = time.perf_counter()
    assert all(_plain_root(epoch) == epoch.root for epoch in Walk([folder]) if epoch is not None)
    return {
        "epochs": len(findings),
        "claims": sum(found.claims for found in findings),
        "proofs": sum(found.proofs for found in findings),
        "seconds": seconds,
        "plain_seconds": time.perf_counter() - began,
    }


def _plain_root(epoch: PublishedEpoch) -> bytes:
    """The root of its claims by eth-abi, eth-hash and py-flare-common."""
    types = ["uint24", "bytes20", "uint120", "uint8"]
    claims = ((each.reward_epoch_id, each.beneficiary, each.amount, each.claim_type) for each in epoch.claims)
    root = TheirTree(["0x" + keccak(eth_abi.encode(types, claim)).hex() for claim in claims]).root
    return bytes.fromhex((root or "0x")[2:])


def _electorate() -> Electorate:
    dice = random.Random(3)
    voters = tuple(Voter(sender(number), dice.randrange(10**25, 10**27), 655) for number in range(VOTERS))
    return Electorate(0, voters, tuple(Feed(FeedId(1, f"F{number:02}/USD"), 5) for number in range(FEEDS)), False)


def _vote(chain: Submitted, voting_round: VotingRound) -> None:
    dice = random.Random(voting_round.id)
    for number in range(VOTERS):
        values = [10**6 + dice.randrange(1000) for _ in range(FEEDS)]
        chain.vote(number, Reveal(dice.randbytes(32), encode_values(values)), voting_round=voting_round)


def _twin(chain: Submitted, voters: Electorate) -> Callable[[], bytes | None]:
    sent = [Sent(each.place, each.block_time_s, each.sender, each.to, each.calldata) for each in chain.transactions]
    weights = [(voter.submit_address, voter.capped_delegation_wei) for voter in voters.voters]
    rules = Rules(weights, [(bytes(feed.id), feed.decimals) for feed in voters.feeds], False)
    twin = Twin(TIMING.first_start_s, SUBMISSION, sent, lambda _: rules)
    return lambda: twin.tell(ROUND.id).root


def _a_few(what: str, call: Callable[[], object]) -> Row:
    """For calls of seconds: three of them."""
    times = []
    for _ in range(3):
        began = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - began) / 1000)
    return Row(what, statistics.median(times), max(times))


def _rewarded_voters() -> tuple[RewardedVoter, ...]:
    dice = random.Random(4)
    return tuple(
        RewardedVoter(
            *(_address(number, kind) for kind in range(1, 5)),
            capped_delegation_weight=dice.randrange(10**23, 10**26),
            signing_weight=655,
            fee_bips=dice.choice((1000, 2000)),
            node_ids=(_address(number, 16), _address(number, 17)),
            node_weights=(dice.randrange(10**24), dice.randrange(10**25)),
        )
        for number in range(VOTERS)
    )


def _address(number: int, kind: int) -> Address:
    return Address(bytes([kind, *number.to_bytes(19, "big")]))


def _happened(measured: int, rules: EpochRules) -> list[tuple[Columns, AnchorRound]]:
    """Everybody signs, five of six finalise, and now and then somebody did not reveal. Medians are not there yet."""
    dice = random.Random(5)
    pool: list[Columns] = [
        [[10**6 + dice.randrange(-400, 400) for _ in range(VOTERS)] for _ in range(FEEDS)] for _ in range(DIFFERENT)
    ]
    signing = [voter.signing for voter in rules.voters]
    total = sum(voter.closeness_weight(fip16=rules.fip16) for voter in rules.voters)
    found = []
    for place in range(measured):
        columns = pool[place % DIFFERENT]
        from_ns = VotingRound(_round_id(place), rules.network.timing).signature_window.start_ns
        happened = AnchorRound(
            values=tuple(columns[place % FEEDS]),
            median=None,
            total_weight=total,
            reveal_offenders=(rules.voters[0].submit,) if place % 50 == 0 else (),
            signatures=tuple(
                SeenSignature(signer, from_ns + number % 20 * SECOND_NS, True) for number, signer in enumerate(signing)
            ),
            finalisations=tuple(
                SeenFinalisation(each, from_ns + SECOND_NS, each is signing[0]) for each in signing[:5]
            ),
            selected_finalisers=frozenset(signing[:6]),
        )
        found.append((columns, happened))
    return found


def _claims_of(
    place: int, columns: Columns, happened: AnchorRound, rules: EpochRules, medians: Medians
) -> list[PartialClaim]:
    weights = [voter.closeness_weight(fip16=rules.fip16) for voter in rules.voters]
    found = medians(columns, weights)
    terms = FeedTerms(5000, 400_000, 500, rules.burn_address)
    offer = RoundOffer(_round_id(place), b"\x01F00/USD".ljust(21, b"\0"), 10**21 + place, terms)
    value = ScaledValue(100, 2)
    updates = FastUpdateRound(value, value, 5000, tuple(rules.voters[n % VOTERS].signing for n in range(UPDATES)))
    return [
        *anchor_claims(offer, replace(happened, median=found[place % FEEDS]), rules, burn=False),
        *fast_update_round_claims(10**20, updates, rules, burn=False),
    ]


def _round_id(place: int) -> int:
    return REWARD_EPOCH * EPOCH_ROUNDS + place
