"""The simulated network finds what the protocol prescribes, whatever its voters do."""

import pytest
from msgspec.structs import replace

from chrono.flare.feeds import CRYPTO, Feed, FeedId
from chrono.flare.frames import FDC, FTSO, SubmissionFunction, decode_calldata
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.prices import FEEDS
from tests.fakes.simulated_flare import START_S, HandDriven
from tests.reference.flare_round import Rules, Sent, Twin

PUNISHED = (
    Offence.NO_REVEAL,
    Offence.LATE_REVEAL,
    Offence.MISMATCH,
    Offence.UNPARSABLE,
    Offence.TWO_COMMITS,
)
HARMLESS = (Offence.SILENT, Offence.LATE_COMMIT, Offence.GARBAGE)


def twin_of(driven: HandDriven) -> Twin:
    """The slow twin, on this chain's transactions."""

    def rules(round_id: int) -> Rules:
        electorate = driven.deployment.electorate(round_id)
        assert electorate is not None
        voters = [(v.submit_address, w) for v, w in zip(electorate.voters, electorate.weights, strict=True)]
        return Rules(voters, [(bytes(f.id), f.decimals) for f in electorate.feeds], electorate.accepts_random_only)

    sent = [
        Sent((block.head.number, index), block.head.time_s, sender, signed.transaction.to, signed.transaction.data)
        for block in driven.chain.blocks
        for index, (signed, sender, _) in enumerate(block.mined)
    ]
    return Twin(driven.flare.network.timing.first_start_s, driven.chain.submission, sent, rules)


def test_every_calm_round_is_finalised_with_the_root_that_a_twin_finds() -> None:
    driven = HandDriven(seed=5)
    first = driven.round + 1
    driven.until_round(first + 6)
    twin = twin_of(driven)
    for round_id in range(first, first + 4):
        final = driven.final(round_id)
        told = twin.tell(round_id)
        assert final is not None
        assert (final.merkle_root, final.is_secure_random) == (told.root, True)


@pytest.mark.parametrize("offence", [*PUNISHED, *HARMLESS])
def test_an_offence_in_the_votes_is_seen_and_the_round_is_finalised_all_the_same(offence: Offence) -> None:
    driven = HandDriven(seed=6, voters=5)
    driven.flare.begin()
    round_id, culprit = driven.round + 1, driven.flare.voters[2]
    driven.flare.offend(culprit, round_id, offence)
    driven.until_round(round_id + 2)
    outcome, final = driven.flare.rounds.outcome(round_id), driven.final(round_id)
    told = twin_of(driven).tell(round_id)
    assert outcome is not None
    assert final is not None
    assert outcome.offenders == ({culprit.entity.submit} if offence in PUNISHED else set()) == told.offenders
    assert (final.merkle_root, final.is_secure_random) == (told.root, offence in HARMLESS)


@pytest.mark.parametrize("active", [False, True])
def test_a_reveal_of_the_random_alone_is_one_from_fip16_on(active: bool) -> None:
    network = network_at(START_S * 10**9)
    since = 1 if active else 2
    driven = HandDriven(seed=6, voters=5, network=replace(network, fip16_activation_reward_epoch=since))
    driven.flare.begin()
    round_id, quiet = driven.round + 1, driven.flare.voters[2]
    driven.flare.offend(quiet, round_id, Offence.RANDOM_ONLY)
    driven.until_round(round_id + 2)
    outcome, final, told = driven.flare.rounds.outcome(round_id), driven.final(round_id), twin_of(driven).tell(round_id)
    assert outcome is not None
    assert final is not None
    assert (quiet.entity.submit in outcome.valid) is active
    assert outcome.offenders == (set() if active else {quiet.entity.submit}) == told.offenders
    assert (final.merkle_root, final.is_secure_random) == (told.root, active)


@pytest.mark.parametrize(("attesting", "is_final"), [(3, True), (2, False)])
def test_those_who_attest_say_it_in_the_same_calls_and_with_enough_weight_it_is_final(
    attesting: int, is_final: bool
) -> None:
    driven = HandDriven(seed=8, voters=4)
    driven.flare.begin()
    attestations = Attestations(8)
    driven.flare.attest(attestations, driven.flare.voters[:attesting])
    round_id = driven.round + 1
    driven.until_round(round_id + 2)
    protocols = {}
    for block in driven.chain.blocks:
        for signed, _, _ in block.mined:
            if signed.transaction.to == driven.chain.submission:
                function, frames = decode_calldata(signed.transaction.data)
                if frames[0].voting_round_id == round_id:
                    protocols.setdefault(function, []).append([frame.protocol_id for frame in frames])
    both, alone = [[FTSO, FDC]] * attesting, [[FTSO]] * (4 - attesting)
    assert sorted(protocols[SubmissionFunction.SUBMIT1]) == [[FTSO]] * 4
    for function in (SubmissionFunction.SUBMIT2, SubmissionFunction.SUBMIT_SIGNATURES):
        assert sorted(protocols[function]) == [*alone, *both]
    message = attestations.message(round_id)
    assert driven.deployment.relays.final(FDC, round_id) == (message if is_final else None)
    assert driven.final(round_id) == driven.flare.rounds.message(round_id)


@pytest.mark.parametrize(
    "offence", [Offence.NO_SIGNATURE, Offence.BROKEN_SIGNATURE, Offence.OTHER_ROOT, Offence.TWO_ROOTS]
)
def test_a_wrong_signature_stops_nobody(offence: Offence) -> None:
    driven = HandDriven(seed=7, voters=5)
    driven.flare.begin()
    round_id = driven.round + 1
    for culprit in driven.flare.voters[:2]:
        driven.flare.offend(culprit, round_id, offence)
    driven.until_round(round_id + 2)
    assert driven.final(round_id) == driven.flare.rounds.message(round_id)


def test_with_too_little_weight_nothing_is_finalised() -> None:
    driven = HandDriven(seed=8, voters=4)
    driven.flare.begin()
    round_id = driven.round + 1
    for culprit in driven.flare.voters[:2]:
        driven.flare.offend(culprit, round_id, Offence.NO_SIGNATURE)
    driven.until_round(round_id + 2)
    assert driven.final(round_id) is None


def test_without_a_reveal_there_is_nothing_to_sign() -> None:
    driven = HandDriven(seed=8, voters=4)
    driven.flare.begin()
    round_id = driven.round + 1
    for culprit in driven.flare.voters:
        driven.flare.offend(culprit, round_id, Offence.SILENT)
    driven.until_round(round_id + 2)
    assert driven.flare.rounds.message(round_id) is None
    assert driven.final(round_id) is None
    assert driven.final(round_id - 1) is None  # the round in which the simulation began


def test_a_feed_added_and_one_removed_are_voted_on_from_the_second_reward_epoch_after() -> None:
    driven = HandDriven(seed=9)
    driven.flare.begin()
    added = Feed(FeedId(CRYPTO, "ARB/USD"), 6)
    driven.flare.add_feed(added)
    driven.flare.remove_feed(FEEDS[0].id)
    orders = []
    for epoch in (1, 2, 3):
        driven.until_round(20 * epoch + 5)
        electorate = driven.deployment.electorate(20 * epoch + 5)
        assert electorate is not None
        orders.append({feed.id for feed in electorate.feeds})
        driven.until_round(20 * epoch + 8)
        assert driven.final(20 * epoch + 6) is not None
    before = {feed.id for feed in FEEDS}
    assert orders == [before, before, (before | {added.id}) - {FEEDS[0].id}]


def test_the_same_seed_gives_the_same_chain() -> None:
    chains = []
    for _ in range(2):
        driven = HandDriven(seed=10)
        driven.pass_s(300)
        chains.append([signed.hash for block in driven.chain.blocks for signed, _, _ in block.mined])
    assert chains[0] == chains[1]
    assert len(chains[0]) > 20


def test_what_stood_in_very_old_blocks_is_forgotten_and_the_voting_goes_on() -> None:
    driven = HandDriven(seed=10, network=network_at(START_S * 10**9, rounds=10, epoch_s=20, reveal_s=10))
    driven.until_round(140)
    assert driven.final(137) is not None
    held = [block.head.number for block in driven.chain.blocks if block.mined or block.logs]
    oldest = driven.chain.blocks[held[0]].head.time_s
    assert driven.chain.head.time_s - (5 * 10 + 64) * 20 - 20 <= oldest
    assert driven.chain.receipt(driven.chain.blocks[held[-1]].mined[0][0].hash) is not None
