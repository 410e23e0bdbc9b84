"""Makes the pictures and figures of docs/pictures from real recordings: `python -m docs.show crash|depeg|all`.

Only figures and plots leave the recordings, never their rows.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from docs.show_crash import crash
from docs.show_depeg import depeg

SHOWS: dict[str, Callable[[Path, Path], None]] = {"crash": crash, "depeg": depeg}


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m docs.show", description=__doc__)
    parser.add_argument("what", choices=[*SHOWS, "all"])
    folder = os.environ.get("CHRONO_DATA") or "../shared/data"
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder of recordings [CHRONO_DATA]")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, show in SHOWS.items():
        if asked.what in (name, "all"):
            show(asked.data / "market", asked.out)


if __name__ == "__main__":
    main()
