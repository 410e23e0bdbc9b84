"""What a model is trained on: the live features, bounded, from tapes and from the store alike."""

from array import array

from chrono.clock import SECOND_NS
from chrono.learning.history import from_store
from chrono.learning.points import TrainingPoints
from chrono.pricing.asking import N_FEATURES, find
from chrono.settings import Pricing
from tests.fakes.desk import AT_NS, VENUES, Desk, quote


class StoredQuotes:
    """The reading half of the store's quotes, from memory, in pages of two."""

    def __init__(self, told) -> None:
        self.told = sorted(told, key=lambda one: (one.quoted_at_ns, one.venue))

    async def books(self, start_ns, end_ns):
        return {one.market for one in self.told if start_ns <= one.quoted_at_ns <= end_ns}

    async def range(self, market, start_ns, end_ns, *, limit, after, newest_first):
        mine = [one for one in self.told if one.market == market and start_ns <= one.quoted_at_ns < end_ns]
        return [one for one in mine if after is None or (one.quoted_at_ns, one.venue) > after][: min(limit, 2)]


def told():
    return [
        quote("BTC/USD", venue, 100 + place / 100 + age / 1000, age_s=age, volume="1")
        for age in range(3, 1500, 7)
        for place, venue in enumerate(VENUES[:4])
    ]


async def test_the_store_gives_the_points_that_the_live_pricing_sees():
    start_ns = AT_NS - 1490 * SECOND_NS
    heard = []
    points = await from_store(
        StoredQuotes(told()), Pricing(), start_ns, AT_NS, 10 * SECOND_NS, lambda *instants: heard.append(instants)
    )
    assert len(points) == 149 * 4
    assert points.markets == {"BTC/USD"}
    assert heard[-1] == (start_ns, start_ns + 1490 * SECOND_NS, AT_NS)
    desk = Desk()
    desk.window.add([one for one in told() if one.quoted_at_ns >= start_ns])
    (found,) = find([desk.price("BTC/USD").evidence.case], watch=True)
    assert points.rows[-4 * N_FEATURES :] == array("d", found.features)


def test_two_sources_teach_nothing():
    desk, points = Desk(minimum_sources=1), TrainingPoints()
    desk.all_say("BTC/USD", 100, n=2)
    points.take([desk.price("BTC/USD")])
    assert len(points) == 0


def test_the_rows_stay_within_their_bound_and_keep_coming_from_the_whole_history():
    desk, points = Desk(), TrainingPoints(most_rows=40)
    for _ in range(50):
        desk.clock.advance(SECOND_NS)
        desk.all_say("BTC/USD", 100)
        points.take([desk.price("BTC/USD")])
        assert len(points) <= 40
    assert len(points) > 20
    assert (points.first_ns, points.last_ns) == (AT_NS + SECOND_NS, AT_NS + 50 * SECOND_NS)
