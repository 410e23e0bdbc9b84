"""Where the protocol vectors are: in `CHRONO_VECTORS`, else beside the tests."""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("CHRONO_VECTORS") or Path(__file__).parents[1] / "vectors")


def document(name: str) -> dict[str, Any]:
    """One file of the folder, by its name without the suffix."""
    return json.loads((FOLDER / f"{name}.json").read_text())
