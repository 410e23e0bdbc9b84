"""Messages of a venue for tests that want many: recorded ones where there are any, else those of its unit tests."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.recordings import FOLDER, recorded

UNIT = Path(__file__).parents[1] / "unit" / "ingest" / "venues"
MOST = 4000


def written(venue: str) -> list[bytes]:
    """What the venue's unit tests write by hand: every literal there that looks like a message."""
    file = UNIT / f"test_venue_{venue}.py"
    if not file.exists():
        return []
    return sorted(set(_messages(ast.parse(file.read_text("utf-8")))))


def _messages(node: ast.AST) -> Iterator[bytes]:
    try:
        value = ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError):
        for child in ast.iter_child_nodes(node):
            yield from _messages(child)
        return
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        yield json.dumps(value).encode()
    elif isinstance(value, list) and len(value) > 1:
        yield json.dumps(value, default=str).encode()
    elif isinstance(value, str | bytes) and len(value) > 10:
        raw = value if isinstance(value, bytes) else value.encode()
        if raw.lstrip()[:1] in (b"{", b"[") or isinstance(value, bytes):
            yield raw


def samples(venue: str, *, most: int = MOST) -> list[tuple[str, bytes]]:
    """Kind ("stream", "http" or "any") and bytes of up to `most` messages, spread over all there are."""
    told = [("any", raw) for raw in written(venue)]
    if FOLDER.is_dir():
        told += [(one.kind, one.raw) for one in recorded(venue) if len(one.raw) < 200_000]
    step = max(1, len(told) // most)
    return told[::step]
