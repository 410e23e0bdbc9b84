"""What an FLR was worth, from the recordings: the FLR/USD of a published round."""

import json
from decimal import Decimal
from pathlib import Path

PUBLISHED = Path("ftso") / "da_layer_round_785250_tree.json"
FLR_USD = "0x01" + b"FLR/USD".ljust(20, b"\0").hex()


def flr_usd(data: Path) -> Decimal | None:
    """None where the recordings are not there."""
    path = data / PUBLISHED
    if not path.is_file():
        return None
    for leaf in json.loads(path.read_bytes())["tree"]:
        if leaf.get("id") == FLR_USD:
            return Decimal(leaf["value"]).scaleb(-leaf["decimals"])
    return None
