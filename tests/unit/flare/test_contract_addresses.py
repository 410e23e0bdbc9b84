"""Addresses are a cross-check, never the truth; of what was redeployed, every address is listed."""

import pytest

from chrono.flare.address import parse_address
from chrono.flare.contracts.addresses import (
    NETWORK_NAMES,
    Generation,
    contract_at,
    known_contracts,
    registration_generation,
)
from chrono.flare.networks import NETWORKS, network_of
from chrono.flare.registration import registration_message
from chrono.flare.reverts import REVERTS, revert_of
from tests.fakes.signers import address_at


def test_every_network_has_an_address_of_every_contract() -> None:
    assert tuple(network.name for network in NETWORKS) == NETWORK_NAMES
    assert all(network.contracts == known_contracts(network.name) for network in NETWORKS)
    assert len({frozenset(network.contracts) for network in NETWORKS}) == 1


def test_no_address_belongs_to_two_contracts_of_a_network() -> None:
    for network in NETWORKS:
        listed = [each.address for deployments in network.contracts.values() for each in deployments]
        assert len(set(listed)) == len(listed), network.name


@pytest.mark.parametrize("network", ["flare", "songbird"])
def test_the_main_networks_change_generation_with_reward_epoch_417(network: str) -> None:
    assert registration_generation(known_contracts(network), 416) is Generation.FIRST
    assert registration_generation(known_contracts(network), 417) is Generation.SECOND


@pytest.mark.parametrize("network", ["coston", "coston2"])
def test_the_test_networks_have_the_second_generation_already(network: str) -> None:
    for epoch in (1, 5450, 5451, 9999):
        assert registration_generation(known_contracts(network), epoch) is Generation.SECOND


def test_an_address_is_named_on_its_own_network_only() -> None:
    relay = parse_address("0xCcF30790A93F15e24EB909548a2C58a9b0a7FBd4")
    assert contract_at(network_of("flare").contracts, relay) == "Relay"
    assert contract_at(network_of("songbird").contracts, relay) is None
    assert contract_at({}, relay) is None
    assert (
        contract_at(network_of("flare").contracts, parse_address("0xA480457953Af3583E54DCd630b219353B8FC9Af7"))
        == "VoterRegistry"
    )


def test_only_the_second_generations_message_names_the_chain() -> None:
    identity = address_at(0)
    first = {registration_message(Generation.FIRST, chain, 7, identity) for chain in (14, 19)}
    second = {registration_message(Generation.SECOND, chain, 7, identity) for chain in (14, 19)}
    assert (len(first), len(second)) == (1, 2)
    assert not first & second


def test_a_revert_is_found_in_a_nodes_message_and_says_whether_it_is_fatal() -> None:
    fatal = revert_of("execution reverted: Submit Signatures address not set")
    assert fatal is not None
    assert (fatal.reason, fatal.fatal) == ("submit signatures address not set", True)
    harmless = revert_of("execution reverted: already registered")
    assert harmless is not None
    assert not harmless.fatal
    assert revert_of("out of gas") is None


def test_no_reason_hides_another_one() -> None:
    for revert in REVERTS:
        assert revert_of(revert.reason) == revert


@pytest.mark.parametrize("text", ["0x" + "ab  " * 10, "0x" + "ab" * 19, "0x" + "ag" * 20, "", "0x"])
def test_an_address_of_other_than_40_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_address(text)


def test_a_wrong_checksum_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match="did you mean 0xCcF30790A93F15e24EB909548a2C58a9b0a7FBd4"):
        parse_address("0xccF30790A93F15e24EB909548a2C58a9b0a7FBd4")
