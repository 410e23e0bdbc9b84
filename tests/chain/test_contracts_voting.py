"""Submission, feeds and weights; and that every selector, topic and weight is Flare's."""

import math

import pytest
from eth_hash.auto import keccak

from tests.chain.bench import MILLION
from tests.chain.building import compiled
from tests.chain.contract import type_of
from tests.chain.deployment import DELEGATION_CAP_PPM, feed_id
from tests.chain.rpc import RpcError
from tests.judge import events
from tests.judge.chain import Log

YES, NO = (1).to_bytes(32, "big"), bytes(32)
OTHERS_CONTRACTS = {"IRewardManager", "IFastUpdater", "IFastUpdateIncentiveManager"}


def answers(house, function, account):
    return house.call("Submission", house["Submission"].data(function), account)


def act(house, function, account):
    return house.send(account, "Submission", house["Submission"].data(function))


def test_a_voter_is_answered_true_once_in_each_round_and_by_each_function(bench):
    house = bench(rounds=4)
    house.through_first_epoch()
    house.daemonize()
    house.daemonize_until(lambda: house.now() % 10 == house.plan.first_start_s % 10)
    ada, eve = house.entities["ada"], house.entities["eve"]
    assert answers(house, "submit1", ada.submit) == YES
    act(house, "submit1", ada.submit)
    assert answers(house, "submit1", ada.submit) == NO
    assert answers(house, "submit2", ada.submit) == YES
    assert answers(house, "submit1", eve.submit) == YES
    assert answers(house, "submitSignatures", ada.submit) == NO
    assert answers(house, "submitSignatures", ada.submit_signatures) == YES
    house.daemonize(10)
    assert answers(house, "submit1", ada.submit) == YES


def test_strangers_and_other_addresses_of_a_voter_are_answered_false(bench):
    house = bench(rounds=4)
    house.through_first_epoch()
    house.daemonize(10)
    for account in (house.owner, house.entities["ada"].identity, house.entities["ada"].signing_policy):
        assert answers(house, "submit1", account) == NO
    assert int(act(house, "submit1", house.owner)["status"], 16) == 1


def test_in_the_first_round_of_a_reward_epoch_the_voters_before_still_reveal_and_sign(bench):
    house = bench(fewest_voters=4, rounds=6)
    house.through_first_epoch()
    for name in ("ada", "bob", "cyd", "dot"):
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration(name, 2))
    eve = house.entities["eve"]
    while house.epoch() == 1:
        # An allowance that is not used stays, on Flare as well: so eve uses hers.
        act(house, "submit1", eve.submit)
        act(house, "submit2", eve.submit)
        act(house, "submitSignatures", eve.submit_signatures)
        house.daemonize()
    assert answers(house, "submit1", eve.submit) == NO, "who is not in the new reward epoch does not commit"
    assert answers(house, "submit2", eve.submit) == YES
    assert answers(house, "submitSignatures", eve.submit_signatures) == YES


def test_only_the_manager_opens_rounds_and_nothing_is_passed_on(bench):
    house = bench()
    assert "only flare system manager" in house.refusal(house.owner, "Submission", "initNewVotingRound", [], [], [], [])
    assert "submitAndPass disabled" in house.refusal(house.owner, "Submission", "submitAndPass", b"")


def offers(house, epoch):
    """Feeds of inflation, and of the community with what it offers."""
    logs = house.anvil.rpc.ask("eth_getLogs", {"fromBlock": "0x0", "address": house["FtsoRewardOffersManager"].address})
    read = [
        Log((0, 0), 0, b"", tuple(bytes.fromhex(each[2:]) for each in log["topics"]), bytes.fromhex(log["data"][2:]))
        for log in logs
    ]
    inflation = [events.inflation_of(log) for log in read if log.topics[0] == events.INFLATION]
    community = [events.community_of(log) for log in read if log.topics[0] == events.COMMUNITY]
    return [[offer for offer in some if offer.reward_epoch == epoch] for some in (inflation, community)]


def test_feeds_are_those_of_the_moment_in_which_the_reward_epoch_before_begins(bench):
    house = bench(rounds=6)
    house.do(house.owner, "FtsoRewardOffersManager", "addFeed", feed_id("SOL/USD"), 4)
    house.do(house.owner, "FtsoRewardOffersManager", "removeFeed", feed_id("BTC/USD"))
    house.through_first_epoch()
    (first,), _ = offers(house, 1)
    (second,), _ = offers(house, 2)
    assert dict(first.feeds) == {feed_id(name): decimals for name, decimals in house.plan.feeds}
    expected = {feed_id(name): decimals for name, decimals in house.plan.feeds if name != "BTC/USD"}
    assert dict(second.feeds) == expected | {feed_id("SOL/USD"): 4}


def test_only_the_owner_changes_the_list_of_feeds(bench):
    house = bench()
    stranger = house.entities["ada"].identity
    told = house.refusal(stranger, "FtsoRewardOffersManager", "addFeed", feed_id("SOL/USD"), 4)
    assert "only owner" in told
    told = house.refusal(house.owner, "FtsoRewardOffersManager", "addFeed", feed_id("BTC/USD"), 4)
    assert "feed already there" in told


def test_anybody_offers_for_a_feed_of_a_later_reward_epoch_what_it_pays(bench):
    house = bench()
    offer = (5, feed_id("DOGE/USD"), 5000, 400_000, 500, "0x" + "00" * 20)
    act = (house.owner, "FtsoRewardOffersManager", "offerRewards")
    assert "not future reward epoch id" in house.refusal(*act, 0, [offer])
    assert "amount offered is not the same as value sent" in house.refusal(*act, 1, [offer])
    place = house["FtsoRewardOffersManager"]
    house.owner.send(house.anvil.rpc, place.address, place.data("offerRewards", 1, [offer]), 300_000, value=5)
    house.anvil.mine()
    _, (told,) = offers(house, 1)
    assert (told.feeds, told.amount) == (((feed_id("DOGE/USD"), 5),), 5)
    house.daemonize_until(lambda: house["FlareSystemsManager"].ask("getRandomAcquisitionInfo", 1)[0] > 0)
    assert "too late for next reward epoch" in house.refusal(*act, 1, [offer])


def test_registration_weights_are_those_of_the_vectors(bench, vectors):
    house = bench(names=())
    house.do(house.owner, "FlareContractRegistry", "set", "VoterRegistry", house.owner.address)
    calculator = house["FlareSystemsCalculator"]
    for case in vectors("weights"):
        total = int(case["totalWNatVotePower"])
        for voter, expected in zip(case["voters"], case["expected"]["registrationWeights"], strict=True):
            capped = min(int(voter["wnat"]), total * case["wNatCapPPM"] // 10**6)
            root = math.isqrt(capped + int(voter["stake"]))
            assert int(expected) == root * math.isqrt(root)
            assert calculator.ask("squareRoot", capped + int(voter["stake"])) == root


def test_delegations_count_up_to_their_cap_and_stake_on_top(bench):
    house = bench(powers=(90, 10, 10, 10, 10))
    ada = house.entities["ada"]
    node = bytes(range(20))
    house.do(house.owner, "EntityManager", "assignNodeIds", ada.identity.address, [node])
    house.do(house.owner, "WNat", "setStake", node, 7 * MILLION)
    house.daemonize_until(house.is_open)
    receipt = house.register("ada", 1)
    cap = 130 * MILLION * DELEGATION_CAP_PPM // 10**6
    root = math.isqrt(cap + 7 * MILLION)
    weight = house["VoterRegistry"].ask("getVoterRegistrationWeight", ada.identity.address, 1)
    assert weight == root * math.isqrt(root)
    (info,) = [log for log in receipt["logs"] if log["topics"][0] == "0x" + events.INFO[1].hex()]
    told = events.weighed_of(
        Log((0, 0), 0, b"", tuple(bytes.fromhex(each[2:]) for each in info["topics"]), bytes.fromhex(info["data"][2:]))
    )
    assert told == events.Weighed(ada.identity.raw, 1, cap)


def test_a_sortition_key_needs_the_proof_of_its_own_identity(bench, vectors):
    house = bench(names=())
    place = house["EntityManager"]
    for case in vectors("sortition_key_registration"):
        wanted = case["expected"]
        key = (bytes.fromhex(wanted["publicKeyPart1"][2:]), bytes.fromhex(wanted["publicKeyPart2"][2:]))
        proof = bytes.fromhex(wanted["verificationData"][2:])
        place.ask("registerPublicKey", *key, proof, sender=case["entityIdentityAddress"])
        with pytest.raises(RpcError, match="public key verification failed"):
            place.ask("registerPublicKey", *key, proof, sender=house.owner.address)
        with pytest.raises(RpcError, match="public key"):
            place.ask(
                "registerPublicKey", *key, proof[:31] + b"\x01" + proof[32:], sender=case["entityIdentityAddress"]
            )


def test_a_voter_must_have_a_sortition_key_where_one_is_required(bench):
    house = bench()
    house.do(house.owner, "VoterRegistry", "setPublicKeyRequired", True)
    house.daemonize_until(house.is_open)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 1))
    assert "public key required" in told


def test_a_policy_that_is_late_begins_after_the_delay_and_extends_the_epoch(bench):
    house = bench(rounds=6, policy_delay_rounds=3)
    house.through_first_epoch()
    house.durations(
        policy_ahead_s=40,
        policy_delay_rounds=3,
        fewest_voters=5,
    )
    expected = house["Relay"].ask("stateData")[4] * 2
    for name in ("ada", "bob", "cyd", "dot"):
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration(name, 2))
    house.daemonize_until(house.is_open)
    house.daemonize(60)
    assert house.is_open(), "the fifth voter is awaited"
    assert house.epoch() == 1
    house.register("eve", 2)
    house.daemonize()
    now = house["FlareSystemsManager"].ask("getCurrentVotingEpochId")
    start = house["Relay"].ask("startingVotingRoundIds", 2)
    assert now > expected
    assert start == now + 3 + 1
    house.daemonize_until(lambda: house.epoch() == 2)
    assert house["FlareSystemsManager"].ask("getCurrentVotingEpochId") == start


def test_finalising_a_round_gives_the_next_reward_epoch_its_seed(bench):
    house = bench()
    house.through_first_epoch()
    house.durations(policy_ahead_s=25, random_acquisition_most_s=300)
    house.daemonize_until(lambda: house["FlareSystemsManager"].ask("getRandomAcquisitionInfo", 2)[0] > 0)
    round_id = house["FlareSystemsManager"].ask("getCurrentVotingEpochId")
    data = house.finalise(round_id, ("ada", "bob", "cyd"), 1)
    assert int(house.send(house.keeper, "Relay", data)["status"], 16) == 1
    house.daemonize_until(house.is_open)
    random, is_secure, _ = house["Relay"].ask("getRandomNumber")
    assert (house["FlareSystemsManager"].ask("getSeed", 2), is_secure) == (random, True)
    block = house["FlareSystemsManager"].ask("getVotePowerBlock", 2)
    first, last = (house["FlareSystemsManager"].ask("getRandomAcquisitionInfo", epoch)[1] for epoch in (1, 2))
    assert first < block <= last


def test_selectors_and_topics_are_those_of_the_vectors(vectors_whole):
    told = vectors_whole("selectors_topics")
    functions, topics = {}, {}
    for artifact in compiled().values():
        for each in artifact.abi:
            text = f"{each.get('name')}({','.join(map(type_of, each.get('inputs', [])))})"
            {"function": functions, "event": topics}.get(each["type"], {})[text] = keccak(text.encode())
    for each in told["functions"]:
        if each["contract"] not in OTHERS_CONTRACTS:
            assert "0x" + functions[each["signature"]][:4].hex() == each["selector"]
    known = {"0x" + topic.hex() for topic in topics.values()}
    first_generation = {
        "uint24 indexed rewardEpochId, address indexed signingPolicyAddress, address submit",
        "uint24 indexed rewardEpochId, address delegation",
    }
    for each in told["events"]:
        if each["contract"] in OTHERS_CONTRACTS or any(part in each["signature"] for part in first_generation):
            continue
        assert each["topic0"] in known, each["signature"]


def test_registry_names_lead_to_every_contract(bench):
    house = bench(names=())
    names, places = house["FlareContractRegistry"].ask("getAllContracts")
    assert dict(zip(names, places, strict=True)) == house.deployment.places
    for name in names:
        assert house["FlareContractRegistry"].ask("getContractAddressByName", name) == house.deployment.places[name]
    assert house["FlareContractRegistry"].ask("getContractAddressByName", "Nobody") == "0x" + "00" * 20
    assert "only owner" in house.refusal(house.keeper, "FlareContractRegistry", "set", "Relay", house.keeper.address)
