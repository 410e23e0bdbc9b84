"""`python -m tests.truth`: measures the consensus against recorded history and writes docs/truth.md."""

import argparse
import json
import os
import sys
from pathlib import Path

from chrono.clock import SECOND_NS, SystemClock
from chrono.settings import Pricing
from tests.truth.document import document
from tests.truth.page import page
from tests.truth.work import alone, done, pieces

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Do all of it, or the short form."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    folder = os.environ.get("CHRONO_DATA") or ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder of recordings [CHRONO_DATA]")
    parser.add_argument("--quick", action="store_true", help="the worst hours only; the page is not written")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object on stdout")
    parser.add_argument("--out", type=Path, help="the page [docs/truth.md; with --quick none]")
    asked = parser.parse_args()
    data = asked.data / "market"
    if not data.is_dir():
        print(f"no recordings at {data}: set CHRONO_DATA, or give --data", file=sys.stderr)
        return 1
    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    results = done(pieces(data, Pricing(), quick=asked.quick))
    seconds = (clock.monotonic_ns() - started_ns) / SECOND_NS
    told = document(results, alone(data), quick=asked.quick, seconds=seconds)
    out = asked.out or (None if asked.quick else ROOT / "docs" / "truth.md")
    if out is not None:
        out.write_text(page(told), encoding="utf-8")
    if asked.json:
        print(json.dumps(told, indent=1))
    elif out is None:
        print(page(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
