"""The judge sees every fault that a chain or a voter may have, and none in a calm one."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from tests.judge import prices
from tests.judge.chain import Seen
from tests.judge.costs import acts, margin_s, waited_s
from tests.judge.dump import chain_of, document_of, read_dump, write_dump
from tests.judge.epochs import Epochs
from tests.judge.events import EPOCH_STARTED, RANDOM_STARTED
from tests.judge.judgement import judge
from tests.judge.making import CALENDAR, EPOCH, FEEDS, FIRST_ROUND, PEOPLE, Made, Person

ANN, BEN, CAT = PEOPLE
ZOE = Person("zoe", 0, 0)
"""A stranger."""
R = FIRST_ROUND
ROOT = Path(__file__).parent.parent.parent


def offences(told):
    return {person.name: dict(told.offences.get(person.address("identity"), {})) for person in PEOPLE}


def calm():
    made = Made()
    for round_id in range(R, R + 3):
        made.round(round_id)
    return made


def test_a_calm_chain_has_neither_fault_nor_offence():
    told = judge(calm().over(R + 2))
    assert [verdict.round_id for verdict in told.verdicts] == [R, R + 1, R + 2]
    assert (told.faults, told.offences) == ([], {})
    assert all(one.committed and one.revealed and one.signed for one in told.conduct.values())
    assert all(verdict.result.is_secure for verdict in told.verdicts)


def test_a_round_is_judged_only_when_its_time_is_up():
    made = calm()
    made.over(R + 2).head_time_s -= 1
    assert [verdict.round_id for verdict in judge(made.chain).verdicts] == [R, R + 1]


def test_a_round_that_nobody_finalised_is_a_fault():
    made = calm()
    made.chain.logs.pop()
    assert [(each.round_id, each.fault) for each in judge(made.over(R + 2)).faults] == [(R + 2, "not finalised")]


def test_another_root_and_another_word_on_the_random_are_faults():
    for place, fault in ((-1, "another root"), (5, "another word on the random")):
        made = calm()
        message = bytearray(made.message(R))
        message[place] ^= 1
        made.chain.logs = [
            log for log in made.chain.logs if log.topics[-1] != R.to_bytes(32, "big") or log.time_s < CALENDAR.start(R)
        ]
        made.finalise(R, bytes(message))
        assert [each.fault for each in judge(made.over(R + 2)).faults] == [fault]


def test_what_others_emit_is_not_heard():
    made = calm()
    forged = made.chain.logs[-1]
    made.chain.logs[-1] = type(forged)(forged.place, forged.time_s, bytes(20), forged.topics, forged.data)
    assert [each.fault for each in judge(made.over(R + 2)).faults] == ["not finalised"]


def played(change):
    """A round in which ann does something else than usual; gives her offences and what became of the round."""
    made = Made()
    made.round(R)
    payloads = {person: made.commit(person, R + 1, [100 + place, 200]) for place, person in enumerate(PEOPLE)}
    for person in (BEN, CAT):
        made.reveal(person, R + 1, payloads[person])
    change(made, payloads[ANN])
    message = made.message(R + 1)
    for person in PEOPLE:
        made.sign(person, R + 1, message)
    made.finalise(R + 1, message)
    told = judge(made.over(R + 1))
    assert told.faults == []
    assert offences(told)["ben"] == offences(told)["cat"] == {}
    return offences(told)["ann"], told.verdicts[-1].result


DEADLINE = CALENDAR.reveal_deadline(R + 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda made, payload: None, id="no reveal"),
        pytest.param(lambda made, payload: made.reveal(ANN, R + 1, payload, DEADLINE), id="too late by a second"),
        pytest.param(lambda made, payload: made.reveal(ANN, R + 1, payload, CALENDAR.start(R + 2) - 1), id="too early"),
        pytest.param(lambda made, payload: made.reveal(ANN, R + 1, payload[:-1] + b"\xff"), id="another value"),
        pytest.param(lambda made, payload: made.reveal(ANN, R + 1, payload + bytes(8)), id="more values than feeds"),
        pytest.param(
            lambda made, payload: made.reveal(ANN, R, payload, CALENDAR.start(R + 2) + 9), id="for another round"
        ),
        pytest.param(lambda made, payload: made.reveal(ZOE, R + 1, payload), id="from another sender"),
    ],
)
def test_a_commit_without_its_reveal_is_an_offence(change):
    told, result = played(change)
    assert told == {"reveal_offence": 1}
    assert not result.is_secure


def test_the_last_second_of_the_reveal_window_is_in_time():
    told, result = played(lambda made, payload: made.reveal(ANN, R + 1, payload, DEADLINE - 1))
    assert (told, result.is_secure) == ({}, True)


def test_a_second_commit_is_an_offence_and_the_last_one_counts():
    def twice(made, payload):
        made.commit(ANN, R + 1, [1, 2], salt=1)
        made.reveal(ANN, R + 1, payload)

    assert played(twice)[0] == {"reveal_offence": 1, "doubled_commit": 1}


def test_the_same_commit_again_is_none():
    def again(made, payload):
        made.commit(ANN, R + 1, [100, 200])
        made.reveal(ANN, R + 1, payload)

    assert played(again)[0] == {}


def test_two_signatures_are_an_offence_only_of_different_messages():
    def sign(made, payload, flipped):
        made.reveal(ANN, R + 1, payload)
        message = made.message(R + 1)
        made.sign(ANN, R + 1, message[:-1] + bytes([message[-1] ^ flipped]))

    assert played(lambda made, payload: sign(made, payload, 1))[0] == {"conflicting_signatures": 1}
    assert played(lambda made, payload: sign(made, payload, 0))[0] == {}


def test_a_signature_of_another_root_alone_is_told_by_its_own_name():
    made = Made()
    payloads = {person: made.commit(person, R, [5, 6]) for person in PEOPLE}
    for person, payload in payloads.items():
        made.reveal(person, R, payload)
    message = made.message(R)
    made.sign(ANN, R, message[:-1] + bytes([message[-1] ^ 1]))
    made.sign(BEN, R, message)
    made.finalise(R, message)
    assert offences(judge(made.over(R))) == {"ann": {"wrong_signature": 1}, "ben": {}, "cat": {}}


def test_an_offender_is_benched_for_twenty_rounds_and_no_longer():
    made = Made()
    made.commit(ANN, R, [1, 1])
    for person in (BEN, CAT):
        made.reveal(person, R, made.commit(person, R, [1, 1]))
    made.finalise(R, made.message(R))
    for round_id in range(R + 1, R + 23):
        made.round(round_id)
    verdicts = judge(made.over(R + 22)).verdicts
    made_of = {each.round_id: each.result.random for each in verdicts}
    randoms = {
        each.round_id: sum(_random(made, person, each.round_id) for person in (BEN, CAT)) % 2**256 for each in verdicts
    }
    without = [round_id for round_id in made_of if made_of[round_id] == randoms[round_id]]
    assert without == list(range(R, R + 21))


def _random(made, person, round_id):
    return int.from_bytes(keccak(f"{person.name} {round_id} 0".encode()), "big")


def test_from_fip16_on_votes_weigh_by_the_policy():
    made = Made(fip16_from=EPOCH)
    for place, person in enumerate(PEOPLE):
        made.reveal(person, R, made.commit(person, R, [place * 10, 0]))
    by_policy, by_delegation = (judge(made.over(R), fip16_from=since).verdicts[0].result for since in (EPOCH, None))
    assert by_delegation.medians == (5, 0), "half of the weight is ann's, so the middle lies between her and ben"
    assert by_policy.medians == (10, 0)


def test_a_round_without_a_single_reveal_is_rightly_not_finalised():
    made = Made()
    made.commit(ANN, R, [1, 1])
    told = judge(made.over(R))
    assert told.faults == []
    made.finalise(R, b"\x64" + R.to_bytes(4, "big") + b"\1" + bytes(32))
    assert [each.fault for each in judge(made.chain).faults] == ["finalised without a single reveal"]


def test_feeds_turn_with_the_reward_epoch_and_each_round_is_read_by_its_own():
    made = Made()
    made.round(R)
    third = (b"\x01LTC/USD".ljust(21, b"\0"), 3)
    at = CALENDAR.start(R)
    made.tell("FlareSystemsManager", EPOCH_STARTED, [EPOCH], ["uint32", "uint64"], [R, 0], at)
    made.offer(EPOCH + 1, (*FEEDS, third), at)
    made.tell("FlareSystemsManager", RANDOM_STARTED, [EPOCH + 1], ["uint64"], [0], at + 1)
    for person in PEOPLE:
        made.register(person, EPOCH + 1, at + 2)
    made.policy(EPOCH + 1, R + 1, at + 3)
    told = {person: made.commit(person, R + 1, [1, 2, 3]) for person in PEOPLE}
    for person, payload in told.items():
        made.reveal(person, R + 1, payload)
    made.finalise(R + 1, made.message(R + 1))
    verdicts = judge(made.over(R + 1)).verdicts
    assert [(each.reward_epoch, each.feeds, each.fault) for each in verdicts] == [(1, 2, None), (2, 3, None)]
    assert verdicts[1].result.medians == (1, 2, 3)


def test_a_dump_says_the_same_again(tmp_path):
    made = calm()
    made.over(R + 2)
    made.chain.seen = {made.chain.transactions[0].hash: Seen(1, 2), made.chain.transactions[1].hash: Seen(5)}
    write_dump(made.chain, tmp_path / "chain.json")
    assert read_dump(tmp_path / "chain.json") == made.chain
    lean = document_of(made.chain)
    for each in lean["transactions"]:
        for name in ("status", "gas_used", "gas_price_wei"):
            del each[name]
    del lean["seen"]
    assert judge(chain_of(lean)).conduct == judge(made.chain).conduct


def test_the_command_judges_a_dump_in_a_process_of_its_own(tmp_path):
    made = calm()
    write_dump(made.over(R + 2), tmp_path / "good.json")
    made.chain.logs.pop()
    write_dump(made.chain, tmp_path / "bad.json")

    def run(name, *more):
        command = [sys.executable, "-m", "tests.judge", "--dump", tmp_path / name, "--flr-usd", "0.02", *more]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    good, bad = run("good.json", "--json"), run("bad.json")
    assert (good.returncode, bad.returncode) == (0, 1)
    told = json.loads(good.stdout)
    assert (told["rounds"], told["finalised"]) == (3, 3)
    row = told["voters"]["0x" + ANN.address("identity").hex()]
    assert row["commit"]["count"] == 3
    assert row["commit"]["usd"] == f"{Decimal(22_000 * 25) / 10**9 * Decimal('0.02'):.6f}"
    assert f"round {R + 2} (reward epoch 1): not finalised" in bad.stdout


def test_margins_and_waiting_are_counted_to_the_deadline_of_each_kind():
    made = calm()
    told = acts(made.over(R + 2), Epochs(made.chain))
    margins = {act.kind: margin_s(act, CALENDAR) for act in told if act.round_id == R}
    assert margins == {"commit": 10, "reveal": 35, "signature": 40}
    made.chain.seen = {told[0].transaction.hash: Seen(1_000_000_000, 1_750_000_000)}
    assert waited_s(made.chain, told) == [0.75]


def test_the_price_of_an_flr_is_that_of_the_recorded_round(tmp_path):
    folder = tmp_path / "ftso"
    folder.mkdir()
    leaf = {"id": prices.FLR_USD, "value": 14789, "decimals": 6}
    (folder / prices.PUBLISHED.name).write_text(json.dumps({"tree": [{"value": "0x"}, leaf]}))
    assert prices.flr_usd(tmp_path) == Decimal("0.014789")
    assert prices.flr_usd(tmp_path / "nowhere") is None
