"""The numbers of the four networks as fsp.md sections 1, 2 and 9 give them."""

import pytest
from msgspec.structs import replace

from chrono.flare.epochs import Timing
from chrono.flare.networks import NETWORKS, UnknownNetworkError, local_network, network_of

TABLE = {
    # chain id, first second, rounds a reward epoch, first reward epoch
    "flare": (14, 1_658_430_000, 3360, 223),
    "songbird": (19, 1_658_429_955, 3360, 183),
    "coston": (16, 1_658_429_955, 240, 2466),
    "coston2": (114, 1_658_430_000, 240, 3110),
}
CYCLES = {
    # registration blocks, uptime blocks, random seconds, random blocks, policy blocks, voters, relay epochs, feeds
    "flare": (900, 300, 28_800, 14_400, 600, 10, 10, 63, 62),
    "songbird": (1800, 600, 28_800, 28_800, 1200, 10, 10, 63, 62),
    "coston": (240, 80, 14_400, 1920, 160, 3, 30, 81, 80),
    "coston2": (180, 60, 14_400, 1440, 120, 3, 30, 63, 62),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_network_has_the_calendar_of_the_table_and_is_found_by_name_and_chain_id(name: str) -> None:
    network = network_of(name)
    timing = network.timing
    found = (network.chain_id, timing.first_start_s, timing.rounds_per_reward_epoch, network.first_reward_epoch)
    assert found == TABLE[name]
    assert (timing.epoch_s, timing.reveal_s, timing.first_reward_epoch_round) == (90, 45, 0)
    assert network_of(network.chain_id) is network


@pytest.mark.parametrize("name", CYCLES)
def test_a_network_has_the_chain_parameters_of_the_table(name: str) -> None:
    network = network_of(name)
    cycle = network.cycle
    assert CYCLES[name] == (
        cycle.registration.blocks,
        cycle.uptime_vote.blocks,
        cycle.random_acquisition_most.seconds,
        cycle.random_acquisition_most.blocks,
        cycle.policy_signing_unpunished.blocks,
        cycle.fewest_voters,
        network.finalisation_reward_epochs,
        network.anchor_feeds,
        network.fast_update_feeds,
    )
    assert cycle.policy_signing_unrewarded_blocks == cycle.policy_signing_unpunished.blocks
    seconds = (cycle.registration.seconds, cycle.uptime_vote.seconds, cycle.policy_signing_unpunished.seconds)
    assert seconds == (1800, 600, 1200)
    assert (network.fast_update_window_blocks, network.benching_rounds, network.penalty_factor) == (10, 20, 30)
    assert (network.primary_band_share_ppm, network.min_rewarded_turnout_bips) == (400_000, 5000)


def test_songbird_and_coston_refund_nine_times_the_gas_price_and_any_gas_limit() -> None:
    found = {network.name: (network.subsidy.gas_price_wei, network.subsidy.most_gas_limit) for network in NETWORKS}
    main, canary = (25 * 10**9, 3_000_000), (225 * 10**9, None)
    assert found == {"flare": main, "coston2": main, "songbird": canary, "coston": canary}


def test_networks_differ_in_nodes_fee_delay_claim_expiry_and_incentives_as_the_text_says() -> None:
    found = {
        network.name: (
            network.most_nodes,
            network.fee_delay_reward_epochs,
            network.claim_expiry_s // 86_400,
            network.fast_update_incentive_blocks,
        )
        for network in NETWORKS
    }
    assert found == {
        "flare": (4, 3, 90, 17),
        "songbird": (0, 3, 90, 30),
        "coston": (0, 2, 7, 30),
        "coston2": (4, 2, 7, 17),
    }


@pytest.mark.parametrize("which", ["Flare", "", 0, 15, "14"])
def test_what_is_no_network_is_refused_with_those_there_are(which: str | int) -> None:
    with pytest.raises(UnknownNetworkError, match=r"coston2 \(114\)"):
        network_of(which)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_no_network_votes_by_fip16_until_its_activation_epoch_is_given(network) -> None:
    assert not network.fip16_active(10**9)
    decided = replace(network, fip16_activation_reward_epoch=420)
    assert [decided.fip16_active(number) for number in (419, 420, 421)] == [False, True, True]


def test_fip16_begins_where_the_settings_say_on_the_network_that_they_name_and_never_on_the_others() -> None:
    table = {"flare": 417, "coston": 0}
    assert network_of("flare", table).fip16_activation_reward_epoch == 417
    assert network_of(16, table).fip16_active(0)
    assert network_of("songbird", table) is network_of("songbird")


def test_a_local_chain_knows_no_contract_but_those_it_is_given() -> None:
    timing = Timing(1_800_000_000, 5)
    assert local_network(timing).contracts == {}
    assert network_of("flare").contracts["Relay"][0].from_reward_epoch is None


def test_a_local_chain_has_a_calendar_of_its_own_and_the_other_numbers_of_the_network_it_is_like() -> None:
    timing = Timing(1_800_000_000, 5, epoch_s=20, reveal_s=10)
    local = local_network(timing, like=network_of("songbird"))
    assert (local.name, local.chain_id, local.timing) == ("local", 31_337, timing)
    assert local.cycle == network_of("songbird").cycle
    assert local_network(timing).cycle == network_of("coston2").cycle
