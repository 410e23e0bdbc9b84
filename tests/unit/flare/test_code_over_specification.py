"""Where Flare's written specification and its code differ, the code is followed: one test for each difference.

Source: fsp.md section 0.8, and the sections that it names.
"""

from chrono.clock import SECOND_NS
from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.epochs import VotingRound
from chrono.flare.finaliser import select
from chrono.flare.median import weighted_median
from chrono.flare.networks import network_of
from chrono.flare.random import RoundRandom
from chrono.flare.registration import registration_message
from chrono.flare.rewards.rewarded_feed import rewarded_randoms
from chrono.flare.signatures import address_of, eth_signed, recover, sign
from chrono_core import keccak256

KEY = bytes(31) + b"\x01"


def test_an_even_total_weight_averages_the_two_middle_votes_and_an_odd_one_does_not_as_the_code_has_it() -> None:
    even, odd = weighted_median([10, 21], [1, 1]), weighted_median([10, 21, 30], [1, 1, 1])
    assert even is not None
    assert odd is not None
    assert (even.value, odd.value) == (15, 21)


def test_v_on_the_wire_is_27_or_28_as_the_code_has_it_and_not_0_or_1() -> None:
    found = set()
    for number in range(20):
        digest = eth_signed(word(number))
        signature = sign(digest, KEY)
        assert signature.encode()[0] == signature.v
        assert recover(digest, signature) == address_of(KEY)
        found.add(signature.v)
    assert found == {27, 28}


def test_the_grace_of_finalisation_is_20_s_with_its_last_instant_as_the_code_has_it_and_not_10_s() -> None:
    voting_round = VotingRound(1, network_of("flare").timing)
    since = voting_round.reveal_window.end_ns
    assert since + 20 * SECOND_NS in voting_round.finalisation_grace
    assert since + 20 * SECOND_NS + 1 not in voting_round.finalisation_grace


def test_a_draw_that_equals_a_bound_selects_the_next_voter_as_the_code_has_it() -> None:
    # Voter i is drawn by T(i - 1) <= x < T(i); the specification has x <= T(i).
    assert select([300, 700], word(299), 100) == [0]
    assert select([300, 700], word(300), 100) == [1]


def test_a_registration_message_begins_with_the_chain_id_as_the_code_has_it_since_the_contracts_were_replaced() -> None:
    identity = Address(bytes(range(20)))
    tail = word(417) + bytes(12) + identity
    assert registration_message(Generation.SECOND, 14, 417, identity) == keccak256(word(14) + tail)
    assert registration_message(Generation.FIRST, 14, 417, identity) == keccak256(tail)


def test_one_secure_random_chooses_one_feed_for_all_rounds_before_it_as_the_code_has_it_and_not_one_for_each() -> None:
    # The specification hashes the random with each covered round's own id. Source: fsp.md section 7, step 2.
    randoms = {round_id: RoundRandom(1000 + round_id, is_secure=round_id == 14) for round_id in range(10, 20)}
    chosen = int.from_bytes(keccak256(word(1014) + word(14)))
    assert rewarded_randoms(10, 13, randoms) == [chosen] * 4
