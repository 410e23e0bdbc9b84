"""How fast the core is, beside what one would write instead, in the same run on the same columns.

`python -m tests.bench.core [--json] [--seconds 2]` prints median and p95 of one call, in µs. Every
contender gets the same points in order of time; the core alone also checks its input, finds the
reasons, and returns everything that led to the price. Figures drift with the machine: ratios hold.
"""

import argparse
import ctypes
import gc
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

import chrono_core

AT_NS = 1_800_000_000_000_000_000
HALF_LIFE_NS = 2_000_000_000
SOURCES, POINTS, FEEDS = 10, 1000, 63
C_PASS = Path(__file__).with_name("core_pass.c")


@dataclass
class Row:
    """One line of the table; times in µs."""

    what: str
    median: float
    p95: float
    target: float | None = None


def columns(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One feed: ten sources around one walk, a hundred points each, in order of time."""
    rng = np.random.default_rng(seed)
    times = np.sort(AT_NS - rng.integers(0, 170_000_000_000, POINTS))
    prices = 45_120 + np.cumsum(rng.normal(0, 0.2, POINTS)) + rng.normal(0, 2, POINTS)
    return prices, rng.exponential(1, POINTS), times, np.arange(POINTS) % SOURCES


def measure(what: str, call: Callable[[], object], seconds: float, target: float | None = None) -> Row:
    """Median and p95 of repeated calls, after a warm-up, with the collector off."""
    times: list[int] = []
    for _ in range(3):
        call()
    gc.disable()
    end = time.perf_counter_ns() + int(seconds * 1e9)
    while (start := time.perf_counter_ns()) < end or len(times) < 20:
        call()
        times.append(time.perf_counter_ns() - start)
    gc.enable()
    cuts = statistics.quantiles(times, n=20)
    return Row(what, statistics.median(times) / 1e3, cuts[18] / 1e3, target)


def numpy_pass(prices, volumes, times, ids) -> tuple[float, np.ndarray]:
    """The sums of `core_pass.c` with NumPy."""
    weights = np.exp2(-(AT_NS - times) / HALF_LIFE_NS)
    estimates, says, loud = np.empty(SOURCES), np.empty(SOURCES), np.empty(SOURCES)
    for source in range(SOURCES):
        own = ids == source
        price, weight, volume = prices[own], weights[own], volumes[own] * weights[own]
        order = np.argsort(price)
        passed = np.cumsum(weight[order])
        estimates[source] = price[order][np.searchsorted(passed, passed[-1] / 2)]
        held = np.diff(weight, append=1.0)
        vwap, twap = price @ volume / volume.sum(), price @ held / held.sum()
        says[source], loud[source] = (vwap + twap + 2 * estimates[source]) / 4, weight[-1]
    centre = np.median(estimates)
    reach = max(3 * 1.4826 * np.median(np.abs(estimates - centre)), centre / 1000)
    return float(np.clip(says @ loud / loud.sum(), centre - reach, centre + reach)), estimates


def polars_pass(frame: pl.DataFrame) -> tuple[float, np.ndarray]:
    """The same sums with Polars."""
    weight, price = pl.col("weight"), pl.col("price")
    held = weight.shift(-1, fill_value=1.0) - weight
    ordered = pl.col("weight").sort_by("price").cum_sum()
    by_source = (
        frame.with_columns(weight=(-(AT_NS - pl.col("time")) / HALF_LIFE_NS * np.log(2)).exp())
        .group_by("id", maintain_order=True)
        .agg(
            estimate=price.sort().filter(ordered >= weight.sum() / 2).first(),
            vwap=(price * pl.col("volume") * weight).sum() / (pl.col("volume") * weight).sum(),
            twap=(price * held).sum() / held.sum(),
            loud=weight.last(),
        )
    )
    estimates = by_source["estimate"].to_numpy()
    centre = float(np.median(estimates))
    says = (by_source["vwap"] + by_source["twap"] + 2 * by_source["estimate"]) / 4
    reach = max(3 * 1.4826 * float(np.median(np.abs(estimates - centre))), centre / 1000)
    price_ = float((says * by_source["loud"]).sum() / by_source["loud"].sum())
    return min(max(price_, centre - reach), centre + reach), estimates


def c_pass(folder: str) -> Callable[..., tuple[float, np.ndarray]] | None:
    """The same sums in C, compiled here with -O3; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = Path(folder) / "core_pass.so"
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", library, C_PASS, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).core_pass
    function.restype = ctypes.c_double
    address, word, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    function.argtypes = [address] * 4 + [ctypes.c_int, ctypes.c_int, word, real, address]

    def prepare(prices, volumes, times, ids) -> Callable[[], tuple[float, np.ndarray]]:
        estimates = np.empty(SOURCES)
        addresses = [column.ctypes.data for column in (prices, volumes, times, ids, estimates)]

        def call() -> tuple[float, np.ndarray]:
            *data, out = addresses
            return function(*data, POINTS, SOURCES, AT_NS, float(HALF_LIFE_NS), out), estimates

        return call

    return prepare


def rows(seconds: float) -> list[Row]:
    """Measures every contender, and checks that they agree on the estimates of the sources."""
    one = columns()
    result = chrono_core.consensus(*one, at_ns=AT_NS)
    estimates = np.array([source.estimate for source in result.sources])
    frame = pl.DataFrame(dict(zip(("price", "volume", "time", "id"), one, strict=True)))
    contenders = [
        ("NumPy, the same sums", lambda: numpy_pass(*one)),
        ("Polars, the same sums", lambda: polars_pass(frame)),
    ]
    table = []
    with tempfile.TemporaryDirectory() as folder:
        prepare = c_pass(folder)
        if prepare is not None:
            contenders.insert(0, ("C -O3, the same sums", prepare(*one)))
        for what, call in contenders:
            price, theirs = call()
            assert np.allclose(theirs, estimates, rtol=1e-12), f"{what} disagrees"
            assert abs(price / result.price - 1) < 1e-4, f"{what} disagrees"
            table.append(measure(what, call, seconds))
    shuffled = np.random.default_rng(2).permutation(POINTS)
    mixed = tuple(column[shuffled] for column in one)
    series = tuple(pl.Series(column) for column in one)
    many = tuple(np.concatenate([columns(seed)[i] for seed in range(FEEDS)]) for i in range(4))
    offsets = np.arange(FEEDS + 1) * POINTS
    prices, volumes, times, _ = one
    core = [
        ("chrono_core.consensus, 1,000 points, buffers", lambda: chrono_core.consensus(*one, at_ns=AT_NS), 25.0),
        ("  the same from Polars series", lambda: chrono_core.consensus(*series, at_ns=AT_NS), None),
        ("  the same, rows in no order", lambda: chrono_core.consensus(*mixed, at_ns=AT_NS), None),
        ("  the same, with to_dict()", lambda: chrono_core.consensus(*one, at_ns=AT_NS).to_dict(), None),
        (
            "chrono_core.consensus_many, 63 x 1,000",
            lambda: chrono_core.consensus_many(*many, offsets, at_ns=AT_NS),
            2000.0,
        ),
        ("chrono_core.vwap, 1,000", lambda: chrono_core.vwap(prices, volumes), None),
        ("chrono_core.twap, 1,000", lambda: chrono_core.twap(prices, times), None),
        ("chrono_core.median, 1,000", lambda: chrono_core.median(prices), None),
        ("chrono_core.weighted_median, 1,000", lambda: chrono_core.weighted_median(prices, volumes), None),
        ("chrono_core.mad, 1,000", lambda: chrono_core.mad(prices), None),
        ("chrono_core.outliers, 1,000", lambda: chrono_core.outliers(prices), None),
    ]
    return [measure(what, call, seconds, target) for what, call, target in core] + table


def main() -> None:
    """Prints the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--seconds", type=float, default=1.0, help="time given to each line (default 1)")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    table = rows(options.seconds)
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {load:.1f}"
    if options.json:
        json.dump({"machine": machine, "unit": "us", "rows": [asdict(row) for row in table]}, sys.stdout, indent=1)
        return
    print(f"median and p95 of one call, µs ({machine})\n")
    print(f"{'':48}{'median':>10}{'p95':>10}{'target':>10}")
    for row in table:
        target = "" if row.target is None else f"{row.target:,.0f}"
        print(f"{row.what:48}{row.median:10,.1f}{row.p95:10,.1f}{target:>10}")


if __name__ == "__main__":
    main()
