"""Playing a tape as if it happened now."""

import asyncio
import json
from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import ChronoError
from chrono.market.quote import Quote, Trade
from chrono.market.tapes import Selection, open_tape
from chrono.simulation.playing import play, quotes_of

THEN_MS = 1_760_013_296_000
NOW = 1_800_000_000 * SECOND_NS


def tape_of(folder, seconds=(0, 1, 2), selection=Selection()):  # noqa: B008
    lines = [
        {
            "symbol": "BTC/USD",
            "price": 100 + second,
            "source": "a",
            "timestamp": THEN_MS + 1000 * second - 200,
            "received_at": THEN_MS + 1000 * second,
        }
        for second in seconds
    ]
    (folder / "t.ndjson").write_text("\n".join(json.dumps(line) for line in lines))
    return open_tape(folder / "t.ndjson", selection)


async def played(tape, *, seconds, speed=1.0, leap_s=0):
    """What a sink was given, as (seconds since NOW, quote)."""
    clock, handed = ManualClock(NOW), []

    async def sink(batch):
        handed.extend(((clock.now_ns() - NOW) / SECOND_NS, quote) for quote in batch)

    playing = asyncio.create_task(play(tape, clock, sink, speed))
    for _ in range(int(seconds * 20)):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.advance(SECOND_NS // 20)
    if leap_s:
        clock.advance(leap_s * SECOND_NS)
        for _ in range(100):
            await asyncio.sleep(0)
            clock.advance(SECOND_NS // 20)
    playing.cancel()
    return handed


async def test_quotes_come_at_the_pace_of_the_tape_with_the_times_of_now(tmp_path):
    handed = await played(tape_of(tmp_path), seconds=2.1)
    assert [quote.price for _, quote in handed] == [100, 101, 102]
    assert [round(at) for at, _ in handed] == [0, 1, 2]
    for at, quote in handed:
        assert abs(quote.received_at_ns - (NOW + at * SECOND_NS)) <= 0.1 * SECOND_NS
        assert quote.received_at_ns - quote.quoted_at_ns == 200_000_000


async def test_a_tape_begins_again_at_its_end_with_later_times(tmp_path):
    handed = await played(tape_of(tmp_path), seconds=6)
    times = [quote.quoted_at_ns for _, quote in handed]
    assert [quote.price for _, quote in handed][:6] == [100, 101, 102] * 2
    assert times == sorted(set(times))


async def test_ten_times_the_speed_takes_a_tenth_of_the_time(tmp_path):
    handed = await played(tape_of(tmp_path, range(21)), seconds=2.05, speed=10)
    assert [quote.price for _, quote in handed][:21] == list(range(100, 121))


async def test_after_a_sleep_of_the_machine_nothing_is_caught_up(tmp_path):
    handed = await played(tape_of(tmp_path, range(5000)), seconds=2, leap_s=3600)
    assert 2 < len(handed) < 20 + 10
    assert all(abs(at - (quote.received_at_ns - NOW) / SECOND_NS) < 11 for at, quote in handed)


async def test_a_tape_that_gives_nothing_is_refused_instead_of_looped_for_ever(tmp_path):
    tape = tape_of(tmp_path, selection=Selection(without=("a",)))
    with pytest.raises(ChronoError, match="no quotes"):
        await play(tape, ManualClock(NOW), lambda _: None)


def test_trades_of_one_microsecond_become_one_quote_of_the_last_price_and_all_volume():
    trades = [
        Trade("a", "X/USD", Decimal(p), Decimal(v), "buy", 1000, 5000 + n, n)
        for n, (p, v) in enumerate([("1.0", "2"), ("1.1", "3"), ("1.2", "4")])
    ]
    assert quotes_of(trades) == [Quote("a", "X/USD", Decimal("1.2"), Decimal(9), 1000, 5000)]


def test_of_two_quotes_with_one_identity_the_first_stays():
    first = Quote("a", "X/USD", Decimal(1), None, 1000, 5000)
    assert quotes_of([first, Quote("a", "X/USD", Decimal(2), None, 1000, 6000)]) == [first]
