"""A pool's sums against what it held in every block of a night, as third parties wrote it down."""

import json
import os
from pathlib import Path

import polars
import pytest

from chrono.ingest.venues.uniswap_v3.parse import parse_tickers
from chrono.ingest.venues.uniswap_v3.sums import is_tick_of, price_of
from chrono.ingest.venues.words import Ticked

FOLDER = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[4] / "shared" / "data")
FILE = FOLDER / "market" / "usde_depeg_2025-10-10_uniswap_blocks.parquet"
USDE_USDT = "0x435664008f38b0650fbc1c9fc971d0a3bc2f1e47"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not FILE.is_file(), reason=f"**** no {FILE}: set CHRONO_DATA; this test of real data is NOT RUN ****"
    ),
]


def blocks():
    return polars.read_parquet(FILE).select("ts", "tick", "sqrt_price_x96", "token0_price", "token1_price").rows()


def test_both_prices_of_every_recorded_block_come_out_to_the_last_digit():
    rows = blocks()
    assert len(rows) == 2980
    for _, _, root, token0_price, token1_price in rows:
        # The record's token0Price is token0 per token1.
        assert float(price_of(int(root), 18, 6, is_inverted=True)) == token0_price
        assert float(price_of(int(root), 18, 6)) == token1_price


def test_every_recorded_tick_belongs_to_its_price_and_its_neighbours_but_one_do_not():
    for _, tick, root, _, _ in blocks():
        assert is_tick_of(tick, int(root))
        assert not is_tick_of(tick + 2, int(root))
        assert not is_tick_of(tick - 2, int(root))


def answers(at, tick, root, mean):
    words = [int(root), tick, 0, 1, 1, 0, 1]
    sums = [64, 160, 2, 0, mean * 300, 2, 0, 0]
    hexed = ["0x" + "".join(f"{word % 2**256:064x}" for word in one) for one in (words, sums)]
    block = {"id": "block", "result": {"timestamp": hex(int(at.timestamp()))}}
    calls = [
        {"id": f"{USDE_USDT}:{name}", "result": one} for name, one in zip(("slot0", "observe"), hexed, strict=True)
    ]
    return json.dumps([block, *calls]).encode()


def test_every_recorded_block_is_told_as_its_price_at_its_time():
    rows, ticks = blocks(), []
    for at, tick, root, _, token1_price in rows:
        ticks.append(tick)
        # Five minutes are 25 blocks.
        recent = ticks[-25:]
        (said,) = parse_tickers(answers(at, tick, root, sum(recent) // len(recent)))
        assert type(said) is Ticked
        assert float(said.last) == token1_price
        assert said.quoted_at_ns == int(at.timestamp()) * 10**9
