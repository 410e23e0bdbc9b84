"""docs/faults.md names tests that exist, and leaves out no row."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "faults.md"
ROWS = range(1, 92)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named() -> list[tuple[str, str]]:
    return sorted(set(_NAMED.findall(PAGE.read_text(encoding="utf-8"))))


def rows() -> dict[int, str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {int(found[1]): line for line in lines if (found := re.match(r"\| (\d+) \|", line))}


def found_in(path: str) -> set[str]:
    if not (ROOT / path).is_file():
        return set()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_")}


@pytest.mark.parametrize(("path", "name"), named())
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    assert name in found_in(path), f"docs/faults.md names {path}::{name}, which does not exist"


def test_every_row_is_proved_or_says_that_it_is_not_built_yet() -> None:
    found = rows()
    assert sorted(found) == list(ROWS)
    assert [n for n, line in found.items() if not _NAMED.search(line) and "not built yet" not in line] == []


def test_a_name_that_looks_like_a_test_is_written_whole() -> None:
    loose = re.findall(r"`(test_\w+|tests/[^`]*)`", PAGE.read_text(encoding="utf-8"))
    allowed = {f"{path}::{name}" for path, name in named()} | {"tests/unit/docs/test_faults_page.py"}
    assert [text for text in loose if text not in allowed] == []
