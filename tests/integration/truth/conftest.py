"""Real recordings, read where they lie; whoever lacks them is told."""

import os
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of market recordings: CHRONO_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("CHRONO_DATA") or ROOT.parent / "shared" / "data") / "market"
    if not folder.is_dir():
        told = f"**** no recordings at {folder}: set CHRONO_DATA; this test of real data is SKIPPED ****"
        warnings.warn(told, stacklevel=1)
        pytest.skip(told)
    return folder
