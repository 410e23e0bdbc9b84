"""Four twins of another hand and Chrono on a chain of one's own: in a few calm rounds, nothing is at fault."""

from decimal import Decimal

import pytest
from py_flare_common.fsp.messaging import parse_submit1_tx, parse_submit2_tx

from tests.chain.conftest import WAIT_S
from tests.chain.deployment import feed_id
from tests.chain.killing import CALM_ROUNDS, Voted
from tests.judge.frames import SUBMIT1, SUBMIT2

pytestmark = [pytest.mark.timeout(WAIT_S), pytest.mark.xdist_group("chain")]


def test_every_round_has_the_root_of_the_judge_and_nobody_offends(voted: Voted):
    assert voted.calm["rounds"] >= CALM_ROUNDS
    assert voted.calm["finalised"] == voted.calm["rounds"]
    assert (voted.calm["faults"], voted.calm["offences"]) == ([], {})


def test_chrono_registers_itself_and_is_in_every_phase_of_every_round(voted: Voted):
    row = voted.of_ours(voted.calm)
    phases = [row[what] for what in ("rounds", "committed", "revealed", "signed")]
    assert phases == [voted.calm["rounds"]] * 4
    assert [row[what]["reverted"] for what in ("commit", "reveal", "signature")] == [0, 0, 0]


def test_flares_own_library_decodes_what_chrono_sent_to_what_it_says(voted: Voted):
    sent = [each for each in voted.chain.sent_to("Submission") if each.sender == voted.ours.submit.raw]
    commits, reveals = (
        {
            told.ftso.voting_round_id: told.ftso.payload
            for told in (parse(each.data[4:].hex()) for each in sent if each.data[:4] == selector)
        }
        for parse, selector in ((parse_submit1_tx, SUBMIT1), (parse_submit2_tx, SUBMIT2))
    )
    assert reveals
    assert set(reveals) <= set(commits)
    for round_id, told in voted.reported.items():
        values = [None if each["ours"] is None else Decimal(each["ours"]).scaleb(each["decimals"]) for each in told]
        assert values == reveals[round_id].values, round_id
        assert [each["feed_id"] for each in told] == sorted("0x" + feed_id(name).hex() for name, _ in voted.plan.feeds)
    assert len(voted.reported) >= CALM_ROUNDS
