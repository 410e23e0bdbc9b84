"""What the three layers make of venues that lie, freeze, go away and come back, and that all of it is told."""

import json
from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS
from chrono.errors import THIN_CONVERSION
from chrono.pricing.derivation import recompute
from chrono.pricing.estimate import Quality
from chrono.pricing.models import Body, Histogram, Histograms, Trained, read_model, write_model
from chrono.telemetry import ANOMALIES
from chrono_core import FEATURES
from tests.fakes.desk import AT_NS, VENUES, Desk, quote

SIX = VENUES[:6]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def live(desk: Desk, seconds: int, prices, market: str = "BTC/USD") -> None:
    """Let time go by: every five seconds each venue says what `prices` gives for it; None is silence."""
    for _ in range(seconds // 5):
        desk.clock.advance(5 * SECOND_NS)
        now_ns = desk.clock.now_ns()
        said = {venue: prices(venue) for venue in SIX}
        desk.window.add([quote(market, v, p, age_s=0.2, at_ns=now_ns) for v, p in said.items() if p is not None])


def told(estimate):
    return json.loads(estimate.evidence.derivation())


def sources(estimate):
    return {source["venue"]: source for source in told(estimate)["sources"]}


def reasons(estimate):
    return {item.venue: item.reason for item in estimate.excluded}


@pytest.mark.parametrize("factor", ["1.01", "10", "1000", "0.001", "1e9", "1e-9"])
def test_one_of_six_venues_that_lies_by_any_amount_moves_nothing(desk, factor):
    fair = {venue: Decimal(100) + Decimal(place) / 1000 for place, venue in enumerate(SIX)}
    live(desk, 60, fair.get)
    live(desk, 60, lambda venue: fair[venue] * (Decimal(factor) if venue == "cedar" else 1))
    found = desk.price("BTC/USD")
    assert min(fair.values()) <= found.price <= max(fair.values())
    assert "cedar" in reasons(found)
    assert found.votable


def test_two_of_six_venues_that_lie_together_are_flagged_and_the_value_stays(desk):
    live(desk, 90, lambda _: Decimal(100))
    live(desk, 60, lambda venue: Decimal(130) if venue in ("ash", "birch") else Decimal(100))
    found = desk.price("BTC/USD")
    assert found.price == Decimal(100)
    assert set(reasons(found)) == {"ash", "birch"}
    assert all("jump" in sources(found)[venue]["flags"] for venue in ("ash", "birch"))


def test_a_venue_that_freezes_while_the_market_falls_is_called_frozen(desk):
    live(desk, 120, lambda _: Decimal(100))
    live(desk, 30, lambda venue: None if venue == "elm" else Decimal(95))
    found = desk.price("BTC/USD")
    assert reasons(found) == {"elm": "frozen"}
    assert found.price == Decimal(95)


def test_a_crash_of_all_venues_is_followed_at_once_without_a_single_verdict(desk):
    live(desk, 180, lambda _: Decimal(100))
    live(desk, 5, lambda _: Decimal(40))
    found = desk.price("BTC/USD")
    assert abs(found.price / Decimal(40) - 1) < Decimal("0.002")
    assert found.excluded == ()
    assert {source["trust"] for source in sources(found).values()} == {"1.0"}


def test_after_thirteen_days_of_silence_a_venue_and_a_market_come_back_without_help(desk):
    live(desk, 180, lambda _: Decimal(100))
    # One venue is away; then it is back with the price of the day, and nothing is held against it.
    desk.clock.advance(13 * 86_400 * SECOND_NS)
    live(desk, 180, lambda venue: None if venue == "fir" else Decimal(250))
    assert "fir" not in desk.price("BTC/USD").sources
    live(desk, 5, lambda _: Decimal(250))
    found = desk.price("BTC/USD")
    assert found.sources == SIX
    assert sources(found)["fir"]["trust"] == "1.0"
    # Then all are away for as long.
    desk.clock.advance(13 * 86_400 * SECOND_NS)
    live(desk, 5, lambda _: Decimal(7))
    found = desk.price("BTC/USD")
    assert (found.price, found.quality, found.sources) == (Decimal(7), Quality.OK, SIX)


def test_a_liar_that_repents_is_trusted_again_when_its_lies_have_left_the_window(desk):
    live(desk, 180, lambda venue: Decimal(110) if venue == "ash" else Decimal(100))
    trust = []
    for _ in range(7):
        live(desk, 30, lambda _: Decimal(100))
        trust.append(float(sources(desk.price("BTC/USD"))["ash"]["trust"]))
    assert trust == sorted(trust)
    assert trust[0] < 0.5
    assert trust[-1] == 1.0


def test_the_say_of_each_source_is_told_in_bps(desk):
    desk.say("BTC/USD", {"ash": 100, "birch": "100.05", "cedar": "100.1"})
    moves = {venue: float(source["without_bps"]) for venue, source in sources(desk.price("BTC/USD")).items()}
    assert moves["ash"] > 0 > moves["cedar"]
    assert abs(moves["birch"]) < 3
    desk.say("ETH/USD", {"ash": 100})
    assert sources(desk.price("ETH/USD"))["ash"]["without_bps"] is None


def test_verdicts_are_counted_by_venue_and_kind_whether_they_excluded_or_not(desk):
    def count(venue, kind):
        return ANOMALIES.labels(venue, kind)._value.get()

    before = count("ash", "jump"), count("ash", "outlier")
    live(desk, 90, lambda venue: Decimal(100) if venue in VENUES[:3] else None)
    live(desk, 40, {"ash": Decimal(150), "birch": Decimal(100), "cedar": Decimal(100)}.get)
    found = desk.price("BTC/USD")
    assert "ash" in found.sources  # three are asked for, so that it stays
    desk.board.refresh(desk.clock.now_ns() // (60 * SECOND_NS) * 60 * SECOND_NS + 60 * SECOND_NS)
    assert count("ash", "jump") + count("ash", "outlier") > sum(before)


# Conversions


def converted(desk, usdt):
    live(desk, 180, lambda _: Decimal(100), "BTC/USDT")
    for market, price in (("BTC/USDT", lambda _: Decimal(100)), ("USDT/USD", usdt)):
        live(desk, 10, price, market)
    return desk.price("BTC/USD")


def test_an_edge_that_moves_far_from_its_own_level_converts_but_does_not_decide(desk):
    live(desk, 180, lambda _: Decimal("1.0"), "USDT/USD")
    found = converted(desk, lambda _: Decimal("1.0"))
    assert found.votable
    desk = Desk()
    live(desk, 180, lambda _: Decimal("1.0"), "BTC/USDT")
    live(desk, 120, lambda _: Decimal("1.0"), "USDT/USD")
    live(desk, 10, lambda _: Decimal("0.97"), "USDT/USD")
    live(desk, 5, lambda _: Decimal(100), "BTC/USDT")
    found = desk.price("BTC/USD")
    assert abs(found.price - 97) < Decimal("0.2")
    assert found.reason is THIN_CONVERSION
    assert told(found)["edges"]["USDT/USD"]["weakness"] == "moved"


def test_an_edge_whose_level_is_far_from_one_is_firm_when_it_stays_there(desk):
    live(desk, 180, lambda _: Decimal("0.88"), "USDT/USD")
    found = converted(desk, lambda _: Decimal("0.88"))
    assert found.price == Decimal(88)
    assert found.votable


def test_an_edge_on_which_venues_differ_does_not_decide(desk):
    apart = dict(zip(SIX, ("0.994", "0.9965", "0.999", "1.001", "1.0035", "1.006"), strict=True))
    live(desk, 60, lambda venue: Decimal(apart[venue]), "USDT/USD")
    live(desk, 5, lambda _: Decimal(100), "BTC/USDT")
    found = desk.price("BTC/USD")
    assert found.reason is THIN_CONVERSION
    assert told(found)["edges"]["USDT/USD"]["weakness"] == "disagreement"


def test_the_way_its_age_and_its_error_are_told_of_every_converted_source(desk):
    desk = Desk(edges=("USDT/USD", "BTC/USD"))
    desk.say("USDT/USD", {"ash": "0.999", "birch": "1.0", "cedar": "1.001"}, age_s=7)
    desk.all_say("BTC/USDT", 100, age_s=3)
    desk.all_say("ETH/BTC", "0.1")
    desk.say("ETH/USD", {"gum": 10})
    found = sources(desk.price("ETH/USD"))
    assert found["gum"]["conversion"] is None
    way = found["ash"]["conversion"]
    assert way["age_ns"] == 3 * SECOND_NS  # the edge BTC/USD, by its newest quote
    assert (way["error_bps"], way["firm"]) == (told(desk.price("ETH/USD"))["edges"]["BTC/USD"]["spread_bps"], True)
    direct = sources(desk.price("BTC/USD"))["ash"]["conversion"]
    assert direct["age_ns"] == 7 * SECOND_NS
    assert 19 < float(direct["error_bps"]) < 21


# The learned layer


def model(limit: float):
    """Every source whose newest price is more than about 20 bps from the middle scores 5, the others 0."""
    flat = Histogram([-12.0, 12.0], [0.0])
    deviation = Histogram([-12.0, -3.0, 3.0, 12.0], [-5.0, 0.0, -5.0])
    trained = Trained(rows=1, first_ns=1, last_ns=2, markets=[], contamination=0.1, pyod="none")
    return read_model(write_model(Body(list(FEATURES), limit, Histograms([*[flat] * 4, deviation], 0.5), trained)))[0]


def test_without_a_model_the_learned_layer_is_absent_and_says_so(desk):
    desk.all_say("BTC/USD", 100)
    assert told(desk.price("BTC/USD"))["learned"] is None
    assert {source["score"] for source in sources(desk.price("BTC/USD")).values()} == {None}


def test_a_value_scored_by_a_model_is_found_again_without_it():
    desk = Desk(k=50.0)
    desk.pricer.learned = model(1.0)
    live(desk, 60, lambda venue: Decimal("100.25") if venue == "date" else Decimal(100))
    found = desk.price("BTC/USD")
    assert reasons(found) == {"date": "anomaly"}
    assert told(found)["learned"] == {"digest": desk.pricer.learned.digest, "limit": "1.0"}
    assert sources(found)["date"]["score"] == "5.0"
    derivation = found.evidence.derivation()
    assert recompute(derivation) == derivation
    forged = derivation.replace(b'"score":"5.0"', b'"score":"0.0"')
    assert recompute(forged) != forged


def test_a_model_never_takes_a_market_below_its_minimum():
    desk = Desk(k=50.0)
    desk.pricer.learned = model(1.0)
    desk.say("BTC/USD", {"ash": 100, "birch": 100, "cedar": "100.25"})
    found = desk.price("BTC/USD")
    assert found.sources == ("ash", "birch", "cedar")
    assert "anomaly" in sources(found)["cedar"]["flags"]
    assert found.at_ns == AT_NS
