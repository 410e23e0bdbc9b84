"""A lane against every fault that a chain and its nodes have: what was asked for is in a block, or a reason says why."""

import itertools

import pytest
from msgspec.structs import replace

from chrono.chain.fees import FeeCaps, HourlyBudget
from chrono.chain.intents import LaneRules, Look, Send, Sign, View
from chrono.clock import SECOND_NS
from chrono.errors import (
    ATTEMPT_NOT_KEPT,
    FEES_TOO_HIGH,
    INTENT_CHANGED,
    NOT_FUNDED,
    NOT_MINED,
    NOT_SENT,
    SIGNER_REFUSED,
    TOO_LATE,
    TRANSACTION_REVERTED,
    ChronoError,
)
from chrono.flare.units import COIN_WEI, GWEI
from chrono_core import keccak256
from tests.fakes.chain_lanes import COMMIT_CAPS, ME, T0_S, LaneHouse, intent_of, signed_by_me
from tests.fakes.evm_chain import transfer_of


def payload(name: str) -> bytes:
    return keccak256(name.encode())


def stranger(nonce: int, **changes: object) -> bytes:
    """A transaction of the same key that the lane knows nothing of."""
    return signed_by_me(transfer_of(nonce, data=b"a stranger", **changes)).raw  # type: ignore[arg-type]


def test_in_calm_an_intent_is_one_transaction_kept_before_it_was_sent() -> None:
    house = LaneHouse()
    house.want("commit")
    house.run(4)
    assert house.reason_of("commit") is None
    assert house.mined() == [payload("commit")]
    kinds = [type(step).__name__ for step in house.steps if not isinstance(step, Look)]
    assert kinds[:3] == ["Sign", "Keep", "Send"]
    assert house.ended[0].receipt == house.chain.receipt(house.log[0].signed.hash)


def test_after_its_ending_a_lane_rests_for_ever() -> None:
    house = LaneHouse()
    house.want("commit")
    house.run(4)
    house.steps.clear()
    house.run(100)
    assert {type(step).__name__ for step in house.steps} == {"Rest"}


def test_a_connection_reset_after_the_acceptance_brings_the_same_bytes_again_and_no_second_transaction() -> None:
    house = LaneHouse()
    house.lose_answer = True
    house.want("reveal", owed=True)
    house.run(1.5, mine_every_s=None)
    house.lose_answer = False
    house.run(1, mine_every_s=None)
    assert len(house.sends) >= 2
    assert len({attempt.signed.hash for _, attempt in house.sends}) == 1
    house.run(4)
    assert house.mined() == [payload("reveal")]
    assert house.reason_of("reveal") is None


def test_a_node_that_swallows_what_it_takes_is_outlived_by_resending_and_bumping() -> None:
    house = LaneHouse()
    house.swallow = True
    house.want("reveal", owed=True)
    house.run(12)
    fees = [attempt.signed.transaction.max_fee_wei for _, attempt in house.sends]
    assert len(set(fees)) >= 2
    house.swallow = False
    house.run(6)
    assert house.reason_of("reveal") is None
    assert house.mined() == [payload("reveal")]


def test_every_replacement_pays_eleven_percent_more_of_both() -> None:
    house = LaneHouse()
    house.swallow = True
    house.want("reveal", owed=True)
    house.run(30)
    offers = [attempt.signed.transaction for attempt in house.log]
    assert len(offers) > 3
    for before, after in itertools.pairwise(offers):
        assert after.nonce == before.nonce
        assert 100 * after.max_fee_wei >= 111 * before.max_fee_wei
        assert 100 * after.max_priority_fee_wei >= 111 * before.max_priority_fee_wei


def test_an_underpriced_replacement_is_raised_until_it_is_taken() -> None:
    house = LaneHouse()
    house.chain.send(stranger(0, max_fee_wei=400 * GWEI, tip_wei=300 * GWEI))
    house.want("reveal", owed=True)
    house.run(8, mine_every_s=None)
    assert house.chain.pool[ME][0].transaction.data == payload("reveal")
    house.run(3)
    assert house.mined() == [payload("reveal")]


def test_a_nonce_used_by_a_stranger_is_found_out_before_anything_is_sent_anew() -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    house.once()
    house.chain.send(stranger(0))
    house.chain.mine(int(house.now_s))
    house.run(10)
    assert house.lane.taken == 1
    assert house.reason_of("reveal") is None
    assert house.mined() == [b"a stranger", payload("reveal")]
    nonces = [attempt.nonce for attempt in house.log]
    assert sorted(set(nonces)) == [0, 1]


def test_nonce_too_low_for_our_own_mined_transaction_is_a_success_and_no_second_one() -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    house.settle()
    house.view = lambda view: View()  # nobody tells that it is mined
    house.run(8)
    house.view = lambda view: view
    house.run(4)
    assert house.reason_of("reveal") is None
    assert house.mined() == [payload("reveal")]
    assert house.lane.taken == 0


def test_a_used_nonce_of_which_too_few_nodes_tell_the_receipt_is_nobody_elses_yet() -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    house.settle()
    house.view = lambda view: View(nonce=view.nonce, head_number=view.head_number, balance_wei=view.balance_wei)
    house.run(20)
    assert house.lane.taken == 0
    assert {attempt.nonce for attempt in house.log} == {0}
    house.view = lambda view: view
    house.run(2)
    assert house.reason_of("reveal") is None


def test_a_transaction_that_the_pool_dropped_is_sent_again() -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    house.settle()
    house.chain.forget(house.log[0].signed.hash)
    house.run(8)
    assert house.mined() == [payload("reveal")]


def test_a_gap_below_is_filled_by_what_waits_above_it() -> None:
    house = LaneHouse()
    house.want("commit", expires_s=4, send_s=4)
    house.want("reveal", owed=True)
    house.settle()
    assert {attempt.nonce for attempt in house.log} == {0, 1}
    by_name = {attempt.intent_id: attempt for attempt in house.log}
    commit, reveal = by_name["commit"], by_name["reveal"]
    lower = min((commit, reveal), key=lambda each: each.nonce)
    house.chain.forget(lower.signed.hash)
    house.chain.forget(max((commit, reveal), key=lambda each: each.nonce).signed.hash)
    house.swallow = True
    house.run(5, mine_every_s=None)
    house.swallow = False
    house.run(12)
    assert house.reason_of("reveal") is None
    assert payload("reveal") in house.mined()


def test_an_expired_commits_nonce_goes_to_the_reveal_and_pays_more_than_it() -> None:
    house = LaneHouse()
    house.chain.base_fee_wei = 500_000 * GWEI  # nothing gets in
    house.view = lambda view: View(nonce=view.nonce, base_fee_wei=25 * GWEI, balance_wei=view.balance_wei)
    house.want("commit", send_s=4, expires_s=8)
    house.run(10)
    house.chain.base_fee_wei = 25 * GWEI
    house.view = lambda view: view
    house.want("reveal", owed=True)
    house.settle()
    taken = [attempt for attempt in house.log if attempt.intent_id == "reveal"]
    assert [attempt.nonce for attempt in taken] == [0]
    dearest = max(attempt.signed.transaction.max_fee_wei for attempt in house.log if attempt.intent_id == "commit")
    assert 100 * taken[0].signed.transaction.max_fee_wei >= 111 * dearest
    house.run(4)
    assert house.mined() == [payload("reveal")]
    assert house.reason_of("commit") is NOT_MINED


def test_a_transaction_of_the_last_moment_is_found_though_its_block_is_heard_of_after_the_deadline() -> None:
    house = LaneHouse()
    house.want("commit", send_s=8, expires_s=8)
    house.run(7, mine_every_s=None)
    sent = len(house.sends)
    house.chain.mine(int(house.now_s))  # the last block before the deadline
    house.view = lambda view: View(nonce=0, base_fee_wei=view.base_fee_wei, balance_wei=view.balance_wei)
    house.run(3, mine_every_s=None)  # and nobody tells of it yet
    assert house.ended == []
    house.view = lambda view: view
    house.run(2, mine_every_s=None)
    assert house.reason_of("commit") is None
    assert len(house.sends) <= sent + 1  # after the deadline nothing was sent


def test_what_left_and_is_in_no_block_ends_five_seconds_after_its_deadline() -> None:
    house = LaneHouse()
    house.swallow = True
    house.want("commit", send_s=8, expires_s=8)
    house.run(12)
    assert house.ended == []
    assert all(at_ns < (T0_S + 8) * SECOND_NS for at_ns, _ in house.sends)
    house.run(2)
    assert house.reason_of("commit") is NOT_MINED


def test_when_the_expired_commit_wins_its_nonce_after_all_the_reveal_takes_the_next() -> None:
    house = LaneHouse()
    house.swallow = True
    house.want("commit", send_s=4, expires_s=8)
    house.run(9, mine_every_s=None)
    house.swallow = False
    house.want("reveal", owed=True)
    while not isinstance(step := house.lane.step(house.now_ns), Send):
        house.once()
    assert step.attempt.nonce == 0
    commit = next(attempt for attempt in house.log if attempt.intent_id == "commit")
    house.chain.send(commit.signed.raw)
    house.chain.mine(int(house.now_s) + 1)
    house.run(8)
    assert house.mined() == [payload("commit"), payload("reveal")]
    assert house.reason_of("reveal") is None
    assert house.lane.taken == 0


def test_a_commit_is_neither_sent_first_nor_raised_after_its_last_moment() -> None:
    house = LaneHouse()
    house.swallow = True
    intent = house.want("commit", send_s=7, expires_s=30)
    house.run(40)
    assert max(attempt.made_at_ns for attempt in house.log) <= intent.send_until_ns
    assert house.reason_of("commit") is NOT_MINED
    late = LaneHouse()
    late.nodes_down = True
    late.want("commit", send_s=3, expires_s=30)
    late.run(5)
    late.nodes_down = False
    late.run(5)
    assert late.sends == []
    assert late.reason_of("commit") is TOO_LATE


def test_a_commit_whose_disk_took_too_long_is_not_sent() -> None:
    house = LaneHouse()
    house.want("commit", send_s=3)
    while not isinstance(house.lane.step(house.now_ns), Send):
        house.once()
    house.now_ns += 5 * SECOND_NS
    house.run(2)
    assert house.sends == []


def test_without_a_disk_no_commit_leaves_and_a_reveal_does() -> None:
    house = LaneHouse()
    house.disk_full = True
    house.want("commit", send_s=5, expires_s=10)
    house.want("reveal", owed=True)
    house.run(12)
    assert house.reason_of("commit") is ATTEMPT_NOT_KEPT
    assert house.mined() == [payload("reveal")]


def test_what_the_signer_refuses_ends_with_its_reason_unless_it_has_left() -> None:
    house = LaneHouse()
    house.refuse = SIGNER_REFUSED
    house.want("commit")
    house.settle()
    assert house.reason_of("commit") is SIGNER_REFUSED
    house.refuse = None
    house.swallow = True
    house.want("reveal", owed=True)
    house.run(2)
    house.refuse = SIGNER_REFUSED
    house.run(6)
    house.swallow = False
    house.run(6)
    assert house.reason_of("reveal") is None


def test_all_nodes_down_for_most_of_the_window_lose_no_reveal() -> None:
    house = LaneHouse()
    house.nodes_down = True
    house.want("reveal", owed=True)
    house.run(38)
    house.nodes_down = False
    house.run(6)
    assert house.reason_of("reveal") is None
    assert house.ended[0].receipt is not None
    assert house.ended[0].receipt.block_number > 0


def test_all_nodes_down_for_the_whole_window_are_the_reason() -> None:
    house = LaneHouse()
    house.nodes_down = True
    house.want("reveal", owed=True)
    house.run(50)
    assert house.reason_of("reveal") is NOT_SENT
    house.nodes_down = False
    house.want("commit")
    house.run(3)
    house.nodes_down = True
    house.want("reveal 2", owed=True)
    house.run(50)
    assert house.reason_of("reveal 2") is NOT_MINED


def at_its_cap(house: LaneHouse, name: str, *, owed: bool = False) -> None:
    """An intent that ended at its cap, in no block."""
    house.want(name, owed=owed, caps=COMMIT_CAPS, send_s=90, expires_s=90)
    house.run(100, mine_every_s=None)
    assert house.reason_of(name) is FEES_TOO_HIGH
    assert house.log[-1].signed.transaction.max_fee_wei * 111 > COMMIT_CAPS.most_fee_wei * 100


@pytest.mark.parametrize(("first", "then"), list(itertools.product([False, True], repeat=2)))
def test_what_ended_at_its_cap_and_was_dropped_by_all_nodes_keeps_nothing_behind_it_from_a_block(
    first: bool, then: bool
) -> None:
    """It cannot be outbid within the caps, and need not be: nobody holds it, and nobody sends it again."""
    house = LaneHouse()
    house.swallow = True
    at_its_cap(house, "before", owed=first)
    house.swallow = False
    house.want("behind", owed=then, caps=COMMIT_CAPS)
    house.run(6)
    assert house.reason_of("behind") is None
    assert house.mined() == [payload("behind")]
    assert {attempt.nonce for attempt in house.log} == {0}


def test_what_ended_at_its_cap_and_is_still_held_goes_first_and_what_is_behind_it_takes_the_next_nonce() -> None:
    house = LaneHouse()
    at_its_cap(house, "before")
    house.want("behind")
    house.run(5, mine_every_s=None)
    # Nothing outbids it, so this is tried once, and not again and again.
    assert len([attempt for attempt in house.log if attempt.intent_id == "behind"]) == 1
    house.run(8)
    assert house.reason_of("behind") is None
    assert house.mined() == [payload("before"), payload("behind")]


def test_after_a_crash_too_what_ended_at_its_cap_keeps_nothing_from_a_block() -> None:
    house = LaneHouse()
    house.swallow = True
    at_its_cap(house, "before")
    house.swallow = False
    house.crash()
    house.want("behind")
    house.run(6)
    assert house.mined() == [payload("behind")]


def test_a_gas_spike_stops_a_commit_at_its_cap_and_lets_a_reveal_pay_more() -> None:
    house = LaneHouse()
    house.chain.base_fee_wei = 2500 * GWEI
    house.want("commit")
    house.want("reveal", owed=True)
    house.run(20)
    assert house.mined() == [payload("reveal")]
    house.run(30)
    assert house.reason_of("commit") is FEES_TOO_HIGH
    assert all(attempt.intent_id == "reveal" for attempt in house.log)


def test_a_spike_beyond_the_reveals_cap_still_sends_it_at_the_cap() -> None:
    house = LaneHouse()
    house.chain.base_fee_wei = 50_000 * GWEI
    house.want("reveal", owed=True)
    house.run(10)
    assert {attempt.signed.transaction.max_fee_wei for attempt in house.log} == {20_000 * GWEI}
    house.chain.base_fee_wei = 10_000 * GWEI
    house.run(4)
    assert house.reason_of("reveal") is None


def test_no_transaction_ever_costs_more_than_its_caps() -> None:
    caps = FeeCaps(most_fee_wei=5000 * GWEI, most_cost_wei=COIN_WEI // 100)
    house = LaneHouse()
    house.swallow = True
    house.want("reveal", owed=True, caps=caps)
    house.run(60)
    assert house.log
    assert all(attempt.signed.transaction.fee_wei <= caps.most_cost_wei for attempt in house.log)


def test_an_hour_whose_budget_is_spent_sends_no_commit_but_keeps_a_reserve_for_reveals() -> None:
    house = LaneHouse()
    house.budget = HourlyBudget(2 * COIN_WEI, COIN_WEI)
    house.crash()
    house.budget.spend(COIN_WEI, house.now_ns)
    house.want("commit")
    house.want("reveal", owed=True)
    house.run(50)
    assert house.reason_of("commit") is FEES_TOO_HIGH
    assert house.reason_of("reveal") is None


def test_without_any_base_fee_known_the_default_is_offered() -> None:
    house = LaneHouse()
    house.view = lambda view: View(nonce=view.nonce, receipts=view.receipts, head_number=view.head_number)
    house.want("reveal", owed=True)
    house.run(4)
    assert house.reason_of("reveal") is None


def test_a_reverted_transaction_is_tried_once_more_and_then_told() -> None:
    house = LaneHouse()
    house.chain.reverts = lambda _: True
    house.want("signatures")
    house.run(12)
    assert house.reason_of("signatures") is TRANSACTION_REVERTED
    assert len(house.mined()) == 2


def test_a_transaction_that_ran_out_of_gas_gets_half_as_much_more() -> None:
    house = LaneHouse()
    house.want("signatures", gas=22_000)
    house.run(12)
    assert house.reason_of("signatures") is None
    assert [attempt.signed.transaction.gas for attempt in house.log] == [22_000, 33_000]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("forget", [True, False])
def test_a_reorg_that_drops_a_reveal_brings_the_same_bytes_again(depth: int, forget: bool) -> None:
    house = LaneHouse(LaneRules(confirmations=3))
    house.want("reveal", owed=True)
    house.settle()
    house.now_ns += SECOND_NS
    for second in range(depth):
        house.chain.mine(int(house.now_s) + second)
    house.run(1, mine_every_s=None)
    assert house.ended == []
    house.chain.reorg(depth, forget=forget)
    assert house.mined() == []
    house.run(20)
    assert house.reason_of("reveal") is None
    assert house.mined() == [payload("reveal")]
    assert house.chain.mined_of(ME)[0].hash in {attempt.signed.hash for attempt in house.log}


def test_a_reorg_is_outlived_while_too_few_nodes_answer_to_see_it() -> None:
    house = LaneHouse(LaneRules(confirmations=3))
    house.want("reveal", owed=True)
    house.settle()
    house.chain.mine(int(house.now_s) + 1)
    house.run(1, mine_every_s=None)
    house.view = lambda _: View()
    house.chain.reorg(1, forget=True)
    house.run(6)
    assert house.mined() == [payload("reveal")]
    assert len({attempt.signed.hash for _, attempt in house.sends}) == 1


def test_an_account_that_cannot_pay_upfront_says_so_and_sends_when_it_can() -> None:
    house = LaneHouse(balance_wei=0)
    house.want("commit", expires_s=20, send_s=20)
    house.run(25)
    assert house.reason_of("commit") is NOT_FUNDED
    house.want("reveal", owed=True)
    house.run(10)
    house.chain.fund(ME, COIN_WEI)
    house.run(6)
    assert house.reason_of("reveal") is None


def test_a_poor_account_offers_as_much_as_it_has_for_a_reveal() -> None:
    house = LaneHouse(balance_wei=60_000 * 40 * GWEI)
    house.want("reveal", owed=True)
    house.run(4)
    assert house.reason_of("reveal") is None
    assert house.log[0].signed.transaction.max_fee_wei == 40 * GWEI


def test_a_commit_leaves_the_reserve_of_the_reveals_alone() -> None:
    reserve_wei = COIN_WEI
    house = LaneHouse(LaneRules(reserve_wei=reserve_wei), balance_wei=reserve_wei + 60_000 * 20 * GWEI)
    house.want("commit")
    house.want("reveal", owed=True)
    house.run(50)
    assert house.reason_of("commit") is NOT_FUNDED
    assert house.reason_of("reveal") is None


def test_two_payloads_for_one_duty_are_refused_even_after_a_crash() -> None:
    house = LaneHouse()
    first = house.want("commit")
    house.lane.want(first)
    other = intent_of("another", now_s=house.now_s)
    changed = type(first)(**{name: getattr(first, name) for name in first.__struct_fields__} | {"data": other.data})
    with pytest.raises(ChronoError) as caught:
        house.lane.want(changed)
    assert caught.value.reason is INTENT_CHANGED
    house.settle()
    house.crash()
    with pytest.raises(ChronoError) as again:
        house.lane.want(changed)
    assert again.value.reason is INTENT_CHANGED


@pytest.mark.parametrize("stop", range(8))
def test_a_crash_between_any_two_steps_leaves_one_payload_and_no_second_nonce(stop: int) -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    for _ in range(stop):
        house.once()
    house.lane.step(house.now_ns)
    house.crash()
    house.want("reveal", owed=True)
    house.run(8)
    assert house.mined() == [payload("reveal")]
    assert {attempt.nonce for attempt in house.log} == {0}


def test_an_intent_that_was_mined_before_the_crash_is_done_without_another_transaction() -> None:
    house = LaneHouse()
    house.want("reveal", owed=True)
    house.settle()
    house.chain.mine(int(house.now_s) + 1)
    house.crash()
    house.want("reveal", owed=True)
    house.run(3)
    assert house.reason_of("reveal") is None
    assert len(house.log) == 1
    assert len(house.sends) == 1


def test_a_nonce_that_one_look_sees_go_back_is_not_believed() -> None:
    house = LaneHouse()
    house.want("commit")
    house.run(4)
    house.view = lambda view: View(nonce=0, base_fee_wei=view.base_fee_wei, balance_wei=view.balance_wei)
    house.want("reveal", owed=True)
    house.settle()
    assert [attempt.nonce for attempt in house.log] == [0, 1]


def test_steps_are_answered_in_their_order_or_refused() -> None:
    house = LaneHouse()
    with pytest.raises(ValueError):
        house.lane.kept(house.now_ns)
    house.want("commit")
    house.once()
    step = house.lane.step(house.now_ns)
    assert isinstance(step, Sign)
    assert house.lane.step(house.now_ns) is step
    assert step.transaction.max_fee_wei <= COMMIT_CAPS.most_fee_wei


def test_a_nonce_whose_receipt_is_known_is_not_given_again_while_the_count_of_nonces_lags() -> None:
    house = LaneHouse()
    house.view = lambda view: replace(view, nonce=0)
    house.want("commit")
    house.run(4)
    assert house.reason_of("commit") is None
    house.want("reveal", owed=True)
    house.settle()
    assert [attempt.nonce for attempt in house.log] == [0, 1]


@pytest.mark.parametrize("fault", ["swallow", "nodes_down", "disk_full"])
def test_time_that_was_set_back_is_not_waited_for_again(fault: str) -> None:
    """The chain's time was half a minute ahead at first: what was begun then goes on at once."""
    house = LaneHouse()
    setattr(house, fault, True)
    house.want("reveal")
    house.run(2, mine_every_s=None)
    setattr(house, fault, False)
    house.now_ns -= 30 * SECOND_NS
    house.chain.mine(int(house.now_s))
    house.run(8)
    assert house.mined() == [payload("reveal")]
