"""Where the truth is known: faults planted into simulated tapes, liars among six venues, thirteen days of silence."""

import pytest

from chrono.settings import Pricing
from tests.truth import lying
from tests.truth.planted import TARGET, planted, plants

pytestmark = pytest.mark.timeout(600)

SHORT_S = 900
PLANTED = ("nothing", "ten times too high", "1 % too high", "silent")


@pytest.fixture(scope="module")
def tapes():
    wanted = [plant for plant in plants(SHORT_S) if plant.name in PLANTED]
    return {plant.name: planted(plant, SHORT_S, Pricing()) for plant in wanted}


def test_points_are_rightly_kept_and_left_out(tapes):
    right, judged = (sum(tape[what] for tape in tapes.values()) for what in ("right", "judged"))
    assert judged > 100_000
    assert 100 * right / judged >= TARGET


def test_every_bad_point_of_a_liar_is_left_out(tapes):
    assert all(tapes[name]["recall"] > 99.9 and tapes[name]["bad"] > 2_000 for name in PLANTED[1:3])


def test_a_rule_that_leaves_nobody_out_would_be_seen(tapes):
    """The control: three standard deviations leave nobody out, and the measure says so."""
    assert tapes["ten times too high"]["sigma_share"] < 97
    deaf = Pricing(k=1e6, floor_bps=1e9, apart_bps=1e9)
    (plant,) = [plant for plant in plants(60) if plant.name == "ten times too high"]
    assert planted(plant, 60, deaf)["recall"] == 0.0


def test_one_liar_of_six_moves_us_no_more_than_the_honest_stand_apart():
    told = lying.one_liar(Pricing(), (1e-6, 0.99, 1.005, 2.0, 1e6))
    assert told["instants"] > 3_000
    assert told["within"] == told["instants"]


def test_two_liars_of_six_are_both_seen_and_no_honest_one_is():
    told = lying.two_liars(Pricing(), ((0.9, 0.9), (0.995, 1.005), (10.0, 1.02)))
    assert told["both_caught"] == 100.0
    assert told["honest_flagged"] < 1.0
    assert told["beyond_bps"] < 1.0


@pytest.mark.parametrize("away", [lying.SIX, lying.SIX[:1]], ids=["all", "one"])
def test_after_thirteen_days_of_silence_they_are_heard_again_by_themselves(away):
    told = lying.outage(Pricing(), away, beat_s=20)
    assert told["days"] == 13
    assert told["value_s"] <= 20
    assert told["heard_s"] <= 20
    assert told["trusted_s"] <= 40


def test_while_all_are_silent_there_is_no_value():
    assert lying.outage(Pricing(), lying.SIX, away_s=3600, beat_s=20)["values_meanwhile"] == 0
