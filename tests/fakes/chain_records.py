"""What Flare's chains said once: third-party recordings, read where they lie, never copied into the project.

They are found under CHRONO_DATA (default: ../shared/data beside the repository).
"""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[3] / "shared" / "data")
ABSENT = f"**** no recordings at {FOLDER}: set CHRONO_DATA; this test of real data is NOT RUN ****"

needs_chain = [pytest.mark.data, pytest.mark.skipif(not (FOLDER / "chain").is_dir(), reason=ABSENT)]
"""Put it as `pytestmark` on every module that reads recordings."""


def record(path: str) -> Any:
    """The JSON at a path below the folder, gzipped or not."""
    whole = FOLDER / path
    return json.loads(gzip.decompress(whole.read_bytes()) if whole.suffix == ".gz" else whole.read_bytes())
