import pytest

from chrono.api.venues import MOST_VENUES, Venues
from chrono.clock import SECOND_NS, ManualClock
from chrono.market.names import Venue
from chrono.market.quote import Quote
from tests.fakes.api_ports import NOW_NS, quote


def heard(venue: str, at_ns: int, *, late_s: int = 0, market: str = "BTC/USD") -> Quote:
    one = quote(market, venue, at_ns=at_ns)
    return Quote(one.venue, one.market, one.price, one.volume, at_ns - late_s * SECOND_NS, at_ns)


@pytest.mark.parametrize(
    ("quiet_s", "late_s", "state"),
    [(0, 0, "live"), (90, 0, "live"), (91, 0, "silent"), (600, 0, "silent"), (601, 0, "dead"), (0, 31, "lagging")],
)
def test_a_venues_state_follows_from_its_last_message(quiet_s: int, late_s: int, state: str) -> None:
    clock = ManualClock(NOW_NS)
    venues = Venues(clock)
    venues.add([heard("binance", NOW_NS, late_s=late_s)])
    clock.advance(quiet_s * SECOND_NS)
    (told,) = venues.states()
    assert told.state == state


def test_a_state_has_lasted_since_it_began_and_begins_anew_when_the_venue_speaks() -> None:
    clock = ManualClock(NOW_NS)
    venues = Venues(clock)
    venues.add([heard("binance", NOW_NS)])
    clock.advance(200 * SECOND_NS)
    assert venues.states()[0].since_ns == NOW_NS + 90 * SECOND_NS
    venues.add([heard("binance", clock.now_ns())])
    (told,) = venues.states()
    assert (told.state, told.since_ns) == ("live", NOW_NS + 200 * SECOND_NS)


def test_markets_and_messages_are_counted_per_venue() -> None:
    clock = ManualClock(NOW_NS)
    venues = Venues(clock)
    for step in range(61):
        clock.set(NOW_NS + step * SECOND_NS)
        venues.add([heard("binance", clock.now_ns(), market=f"C{n}/USD") for n in range(10)])
    (told,) = venues.states()
    assert (told.markets, told.per_s) == (10, 10.0)
    clock.advance(61 * SECOND_NS)
    assert venues.states()[0].per_s == 0.0


def test_invented_venues_are_not_remembered_without_end() -> None:
    venues = Venues(ManualClock(NOW_NS))
    for number in range(MOST_VENUES + 50):
        venues.add([heard(f"v{number}", NOW_NS)])
    assert len(venues.states()) == MOST_VENUES
    assert Venue("v0") in {state.venue for state in venues.states()}
