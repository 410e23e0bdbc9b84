"""The feeds of a reward epoch from a file, so that values get names and decimals."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from chrono.cli.ends import USAGE, Stop
from chrono.flare.feeds import FeedId

FORM = 'a list of {"id": "0x01…", "decimals": 2} in voting order'


class NamedFeed(Struct, frozen=True):
    """A feed's name, and its decimals where the file knows them."""

    label: str
    decimals: int | None


def read_feeds(path: str) -> tuple[NamedFeed, ...]:
    """The feeds in voting order. Raises: Stop for a file that cannot be read as feeds.

    Our own form lists them in that order. The developer hub's list (feed_id, feed_name, feed_index) has the order of
    block-latency feeds, so it is sorted by id, as the anchor feeds are that inflation pays for.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        listed = content["feeds"] if isinstance(content, dict) else content
        if any("feed_index" in each for each in listed):
            listed = sorted(listed, key=lambda each: str(each["feed_id"]).lower())
        return tuple(_feed(each) for each in listed)
    except OSError as error:
        raise Stop(f"cannot read {path}: {error.strerror}", then="chrono ftso decode --help", code=USAGE) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        told = f"{path} lists no feeds; it should be {FORM}"
        raise Stop(told, then="chrono ftso decode --help", code=USAGE) from error


def _feed(fields: dict[str, Any]) -> NamedFeed:
    spelled = fields["id" if "id" in fields else "feed_id"]
    decimals = fields.get("decimals")
    if decimals is not None and type(decimals) is not int:
        raise ValueError(f"decimals are a whole number, not {decimals!r}")
    return NamedFeed(FeedId.from_hex(spelled).label, decimals)
