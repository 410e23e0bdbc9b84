"""What the contracts refuse of those who register, and of those who sign once in a reward epoch."""

from eth_hash.auto import keccak

from tests.chain.twin_epochs import UPTIME_VOTE
from tests.chain.twin_words import registration, rewards, uptime

OTHER_CHAIN = 14


def opened(bench, **wanted):
    house = bench(**wanted)
    house.daemonize_until(house.is_open)
    return house


def registered(house, name, epoch=1):
    return house["VoterRegistry"].ask("isVoterRegistered", house.entities[name].identity.address, epoch)


def test_a_voter_registers_once(bench):
    house = opened(bench)
    house.register("ada", 1)
    assert registered(house, "ada")
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 1))
    assert "already registered" in told


def test_a_message_for_another_chain_is_no_signature(bench):
    house = opened(bench)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 1, OTHER_CHAIN))
    assert "invalid signature" in told


def test_a_message_for_another_reward_epoch_is_no_signature(bench):
    house = opened(bench)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 2))
    assert "invalid signature" in told


def test_nobody_registers_for_another(bench):
    house = opened(bench)
    _, signature = house.registration("bob", 1)
    told = house.refusal(
        house.keeper, "VoterRegistry", "registerVoter", house.entities["ada"].identity.address, signature
    )
    assert "invalid signature" in told


def test_registration_is_too_early_before_the_vote_power_block(bench):
    house = bench()
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 1))
    assert "registration not available yet" in told
    house.daemonize_until(lambda: house["FlareSystemsManager"].ask("getRandomAcquisitionInfo", 1)[0] > 0)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("ada", 1))
    assert "vote power block zero" in told


def test_registration_ends_when_its_time_and_blocks_are_over_and_enough_have_come(bench):
    house = opened(bench, fewest_voters=4)
    for name in ("ada", "bob", "cyd"):
        house.register(name, 1)
    house.daemonize(30)
    assert house.is_open(), "three of four needed are there"
    house.register("dot", 1)
    assert not house.is_open()
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("eve", 1))
    assert "voter registration not enabled" in told
    house.daemonize()
    assert house.has_policy(1)


def test_registration_stays_open_for_its_blocks_though_its_seconds_are_over(bench):
    house = opened(bench, registration_s=3, registration_blocks=20)
    for name in house.entities:
        house.register(name, 1)
    house.jump(10)
    assert house.is_open()
    house.daemonize(20)
    assert not house.is_open()


def test_each_address_must_be_set(bench):
    words = {
        "delegation": "delegation address not set",
        "submit": "submit address not set",
        "submit_signatures": "submit signatures address not set",
        "signing_policy": "signing policy address not set",
    }
    house = bench(names=())
    for role in words:
        house.enter(role, 10, leave_out=[role])
    house.daemonize_until(house.is_open)
    for role, reason in words.items():
        told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration(role, 1))
        assert reason in told, role


def test_an_address_counts_from_the_block_in_which_it_is_confirmed(bench):
    house = opened(bench)
    house.enter("fay", 10)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("fay", 1))
    assert "signing policy address not set" in told


def test_a_voter_without_vote_power_does_not_register(bench):
    house = opened(bench, powers=(10, 10, 10, 10, 0))
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("eve", 1))
    assert "voter weight zero" in told


def test_the_lightest_gives_way_to_a_heavier_one_and_to_nobody_else(bench):
    house = opened(bench, powers=(10, 9, 8, 7, 7), most_voters=3)
    for name in ("cyd", "dot", "bob"):
        house.register(name, 1)
    told = house.refusal(house.keeper, "VoterRegistry", "registerVoter", *house.registration("eve", 1))
    assert "vote power too low" in told
    receipt = house.register("ada", 1)
    removed = "0x" + keccak(b"VoterRemoved(address,uint256)").hex()
    assert any(log["topics"][0] == removed for log in receipt["logs"])
    assert [registered(house, name) for name in ("ada", "bob", "cyd", "dot")] == [True, True, True, False]
    voters = house["VoterRegistry"].ask("getRegisteredVoters", 1)
    assert voters[1] == house.entities["ada"].identity.address.lower(), "in the place of the one who went"


def test_preregistration_is_for_the_voters_of_now_and_only_in_time(bench):
    house = bench()
    told = house.refusal(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration("ada", 1))
    assert "voter currently not registered" in told
    house.through_first_epoch()
    told = house.refusal(
        house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration("ada", 2, OTHER_CHAIN)
    )
    assert "invalid signature" in told
    for _ in range(2):
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration("ada", 2))
    assert house["VoterPreRegistry"].ask("getPreRegisteredVoters", 2) == (
        house.entities["ada"].identity.address.lower(),
    )
    house.daemonize_until(house.is_open)
    assert registered(house, "ada", 2)
    assert not registered(house, "bob", 2)
    told = house.refusal(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration("bob", 2))
    assert "pre-registration not opened anymore" in told


def test_a_preregistration_that_fails_leaves_a_trace_and_stops_nobody(bench):
    house = bench()
    house.through_first_epoch()
    for name in house.entities:
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration(name, 2))
    house.do(house.owner, "VoterRegistry", "setMaxVoters", 4)
    house.daemonize_until(house.is_open)
    topic = "0x" + keccak(b"VoterRegistrationFailed(address,uint32)").hex()
    logs = house.anvil.rpc.ask("eth_getLogs", {"fromBlock": "0x0", "topics": [topic]})
    assert [registered(house, name, 2) for name in house.entities] == [True] * 4 + [False]
    assert [log["topics"][1][-40:] for log in logs] == [house.entities["eve"].identity.address[2:].lower()]


def signed(house, name, message):
    return house.entities[name].signing_policy.signed(message)


def test_the_next_policy_is_signed_by_the_voters_of_now_until_there_is_more_than_the_threshold(bench):
    house = bench(powers=(10, 10, 10, 10, 10), fewest_voters=4)
    house.through_first_epoch()
    for name in ("ada", "bob", "cyd", "dot"):
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration(name, 2))
    house.daemonize_until(lambda: house.has_policy(2))
    policy = house["Relay"].ask("toSigningPolicyHash", 2)
    act = (house.keeper, "FlareSystemsManager", "signNewSigningPolicy")
    other = keccak(policy)
    assert "new signing policy hash invalid" in house.refusal(*act, 2, other, signed(house, "eve", other))
    stranger = house.owner.signed(policy)
    assert "invalid signing policy address" in house.refusal(*act, 2, policy, stranger)
    house.do(*act, 2, policy, signed(house, "eve", policy))
    assert "voter already signed" in house.refusal(*act, 2, policy, signed(house, "eve", policy))
    house.do(*act, 2, policy, signed(house, "ada", policy))
    assert house["FlareSystemsManager"].ask("getSigningPolicySignInfo", 2)[2] == 0
    house.do(*act, 2, policy, signed(house, "bob", policy))
    assert house["FlareSystemsManager"].ask("getSigningPolicySignInfo", 2)[2] > 0
    assert "new signing policy already signed" in house.refusal(*act, 2, policy, signed(house, "cyd", policy))


def second_epoch(house):
    """Through reward epoch 1, with its successor's policy signed."""
    house.through_first_epoch()
    for name in house.entities:
        house.do(house.keeper, "VoterPreRegistry", "preRegisterVoter", *house.registration(name, 2))
    house.daemonize_until(lambda: house.has_policy(2))
    policy = house["Relay"].ask("toSigningPolicyHash", 2)
    for name in ("ada", "bob", "cyd"):
        house.do(house.keeper, "FlareSystemsManager", "signNewSigningPolicy", 2, policy, signed(house, name, policy))


def test_uptime_is_voted_on_when_its_time_has_come_and_rewards_after_it(bench):
    house = bench()
    second_epoch(house)
    vote = uptime(1, UPTIME_VOTE)
    act = (house.keeper, "FlareSystemsManager", "signUptimeVote", 1, UPTIME_VOTE)
    assert "epoch not ended yet" in house.refusal(*act, signed(house, "ada", vote))
    house.daemonize_until(lambda: house.epoch() == 2)
    assert "sign uptime vote not started yet" in house.refusal(*act, signed(house, "ada", vote))
    topic = "0x" + keccak(b"SignUptimeVoteEnabled(uint24,uint64)").hex()
    house.daemonize_until(lambda: house.anvil.rpc.ask("eth_getLogs", {"fromBlock": "0x0", "topics": [topic]}))
    claims, root = [(31_337, 3)], keccak(b"rewards")
    reward = (house.keeper, "FlareSystemsManager", "signRewards", 1, claims, root)
    told = rewards(1, claims, root)
    assert "uptime vote hash not signed yet" in house.refusal(*reward, signed(house, "ada", told))
    for name in ("ada", "bob", "cyd"):
        assert not any(house["FlareSystemsManager"].ask("uptimeVoteHash", 1))
        house.do(*act, signed(house, name, vote))
    assert "uptime vote hash already signed" in house.refusal(*act, signed(house, "dot", vote))
    house.do(*reward, signed(house, "ada", told))
    assert "voter already signed" in house.refusal(*reward, signed(house, "ada", told))
    for name in ("bob", "cyd"):
        house.do(*reward, signed(house, name, told))
    assert house["FlareSystemsManager"].ask("rewardsHash", 1) == root
    assert house["FlareSystemsManager"].ask("noOfWeightBasedClaims", 1, 31_337) == 3
    assert "rewards hash already signed" in house.refusal(*reward, signed(house, "dot", told))


def test_only_the_daemon_turns_the_epochs(bench):
    house = bench()
    assert "only flare daemon" in house.refusal(house.owner, "FlareSystemsManager", "daemonize")


def test_an_address_of_another_entity_cannot_be_proposed_nor_one_confirmed_unasked(bench):
    house = bench()
    ada, bob = house.entities["ada"], house.entities["bob"]
    told = house.refusal(bob.identity, "EntityManager", "proposeSubmitAddress", ada.submit.address)
    assert "submit address already registered" in told
    told = house.refusal(house.owner, "EntityManager", "confirmSubmitAddressRegistration", ada.identity.address)
    assert "submit address not in registration queue" in told


def test_registration_messages_are_those_of_the_vectors(vectors):
    for case in vectors("system_messages"):
        epoch, identity = case["rewardEpochId"], bytes.fromhex(case["voterIdentity"][2:])
        told = registration(case["chainId"], epoch, identity)
        assert "0x" + told.hex() == case["expected"]["registerVoterMessageHash"]
        assert "0x" + uptime(epoch, UPTIME_VOTE).hex() == case["expected"]["uptimeVoteMessageHash"]
