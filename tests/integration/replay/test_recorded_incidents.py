"""What really was told on two bad days, with the prints that led others astray: none of them leads us.

Properties, not rows: the recordings are others' and stay where they lie. Simulated venues stand beside a recorded one
where the recording has that one only; each test says so.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from chrono.clock import SECOND_NS
from chrono.flare.feeds import CRYPTO, FeedId
from chrono.market.quote import Quote
from chrono.market.tapes import Selection, open_tape
from chrono.pricing.estimate import Estimate
from chrono.settings import Pricing
from chrono.simulation.replay import Replay
from chrono.simulation.rows import Row
from tests.fakes.desk import Desk, quote

pytestmark = [pytest.mark.data, pytest.mark.timeout(600)]

MINUTE_NS = 60 * SECOND_NS
EDGES = ("USDT/USD", "USDC/USD", "EUR/USD")


def at_ns(*clock: int) -> int:
    return int(datetime(*clock, tzinfo=UTC).timestamp()) * SECOND_NS


def bars(path, from_ns: int, until_ns: int) -> Iterator[tuple[int, list[dict]]]:
    """The dealt minutes that ended in this span, each with the instant at which it was over."""
    ended = pl.col("ts").dt.epoch("ns") + MINUTE_NS
    rows = pl.scan_parquet(path).with_columns(ended_ns=ended).filter(pl.col("volume") > 0)
    span = rows.filter(pl.col("ended_ns").is_between(from_ns, until_ns)).sort("ended_ns", "source", "base", "quote")
    for (ended_ns,), minute in span.collect().group_by("ended_ns", maintain_order=True):
        yield ended_ns, minute.to_dicts()


def told(row: dict, known_ns: int, price: str = "close") -> Quote:
    market, volume = f"{row['base']}/{row['quote']}", Decimal(str(row["volume"]))
    return Quote(row["source"], market, Decimal(str(row[price])), volume, known_ns, known_ns)


def table(replay: Replay) -> pl.DataFrame:
    rows = [row for step in replay.steps() for row in replay.rows(step)]
    return pl.DataFrame(rows, schema=list(Row._fields), orient="row", infer_schema_length=None)


# USDe, 2025-10-10: one venue printed 0.65 while it stood at a dollar elsewhere

USDE_FELL = at_ns(2025, 10, 10, 21, 20), at_ns(2025, 10, 10, 22, 0)


def usde(recordings, *, beside: tuple[str, ...] = ()) -> Iterator[tuple[Desk, Estimate, float]]:
    """Each minute of the fall: the desk, our USDE/USDT and what the venue printed. `beside` are simulated venues."""
    desk = Desk()
    for ended_ns, minute in bars(recordings / "usde_depeg_2025-10_binance_1m.parquet", *USDE_FELL):
        desk.clock.set(ended_ns)
        # The bar's lowest price as the minute's last word: the worst of what the venue really dealt at.
        desk.window.add([told(row, ended_ns, "low") for row in minute])
        for place, venue in enumerate(beside):
            said = Decimal("0.9990") + Decimal(place) / 1000
            desk.window.add([quote("USDE/USDT", venue, said, age_s=age, at_ns=ended_ns) for age in (50, 30, 10, 1)])
        yield desk, desk.price("USDE/USDT"), min(row["low"] for row in minute)


def test_the_print_of_65_cents_for_usde_is_one_source_and_no_value_to_vote_with(recordings):
    lowest = 1.0
    for desk, found, printed in usde(recordings):
        lowest = min(lowest, printed)
        assert found.sources == ("binance",)
        assert found.reason is not None
        assert found.reason.code == "too_few_sources"
        assert desk.rounds.values(0, [FeedId(CRYPTO, "USDE/USDT")]) == [None]
    assert lowest == 0.65


def test_with_two_simulated_honest_sources_beside_it_no_value_follows_usde_down(recordings):
    lowest = 1.0
    for _, found, printed in usde(recordings, beside=("ash", "birch")):
        lowest = min(lowest, printed)
        # The other two stay at 0.999 and 1.000: neither the answer nor the vote leaves them.
        assert Decimal("0.9990") <= found.price <= Decimal("1.0000")
    assert lowest == 0.65


# Binance.US BTC/USDC, 2023-03-14 14:24: a single print at 31,000 while bitcoin stood at 26,000

PRINTED = at_ns(2023, 3, 14, 14, 24)
MARKETS = ("BTC/USDC", "BTC/USD")


def around_the_print(recordings, seconds_in: int | None, market: str) -> dict[int, Estimate]:
    """Our value every five seconds for ten minutes. The bar of the print tells its highest price `seconds_in` to
    the minute; never when None. Books of dollars and Tether stay away, so that its venue speaks by the printing book."""
    desk, found = Desk(edges=EDGES), {}
    path = recordings / "usdc_depeg_2023-03-01_14_1m.parquet"
    for ended_ns, minute in bars(path, PRINTED - 10 * MINUTE_NS, PRINTED + 6 * MINUTE_NS):
        books = [row for row in minute if row["base"] != "BTC" or row["quote"] not in ("USD", "USDT")]
        for step in range(12):
            now_ns = ended_ns - MINUTE_NS + step * 5 * SECOND_NS
            if seconds_in is not None and now_ns == PRINTED + seconds_in * SECOND_NS:
                desk.window.add([told(row, now_ns, "high") for row in books if row["high"] == 31_000])
            if now_ns >= PRINTED - 4 * MINUTE_NS:
                found[now_ns] = desk.price(market, now_ns)
        desk.window.add([told(row, ended_ns) for row in books])
    return found


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("seconds_in", [5, 30, 55])
def test_the_single_print_at_31000_moves_no_value_by_more_than_the_others_stand_apart(recordings, market, seconds_in):
    without = around_the_print(recordings, None, market)
    with_it = around_the_print(recordings, seconds_in, market)
    heard = 0
    for now_ns, found in with_it.items():
        document = json.loads(found.evidence.derivation())
        heard += any("31000.0" in source["points"]["prices"] for source in document["sources"])
        # Who has not printed it is honest: its venue too, before.
        honest = [source for source in document["sources"] if "31000.0" not in source["points"]["prices"]]
        fair = [float(source["estimate"]) for source in honest if source["estimate"]]
        assert abs(float(found.price - without[now_ns].price)) <= (max(fair) - min(fair)) * (1 + 1e-9)
        assert min(fair) * (1 - 1e-9) <= float(found.price) <= max(fair) * (1 + 1e-9)
    assert heard > 10  # the print was really there


# POL and AVAX in the crash of 2025-10-10

CRASH = {"from_ns": at_ns(2025, 10, 10, 21, 0), "until_ns": at_ns(2025, 10, 10, 22, 0)}


@pytest.mark.parametrize("perpetuals", [False, True])
def test_minutes_of_the_crash_have_a_value_only_with_enough_sources_and_else_a_reason(recordings, perpetuals):
    folder = recordings / "crash_2025-10-10_trades"
    taken = Selection(perpetuals=perpetuals, **CRASH)
    tapes = [open_tape(folder / f"{symbol}.parquet", taken) for symbol in ("AVAX", "POL")]
    rows = table(Replay(tapes, Pricing(), every_ns=5 * SECOND_NS))
    valued, silent = rows.filter(pl.col("price").is_not_null()), rows.filter(pl.col("price").is_null())
    assert valued.filter((pl.col("sources") < 3) | pl.col("reason").is_not_null()).height == 0
    # Two venues each tell of POL and AVAX in dollars; the perpetual of AVAX is a third only when asked for.
    assert set(valued["market"]) == ({"AVAX/USD"} if perpetuals else set())
    assert silent["reason"].null_count() == 0
    assert silent.filter((pl.col("sources") >= 3) & (pl.col("reason") == "too_few_sources")).height == 0
    few = silent.filter(pl.col("sources").is_between(1, 2))
    assert few.height > 700
    assert set(few["reason"]) <= {"too_few_sources", "stale_value"}
    assert set(silent.filter(pl.col("sources") == 0)["reason"]) <= {"no_sources", "unpriced_edge"}
