"""Each key of a TOML file is found at its own line."""

import tomllib
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from chrono.settings.toml_lines import key_lines

TRICKY = '''\
# = [ not a table ]
a = 1   # b = 2
"quoted key" = """
c = 3
[d]
"""
'literal.key' = \'\'\'e = 4\'\'\'
f.g . h = 'x = 1 # y'
i = [
  1, # [no]
  "]", { j = 2,
  k = [
    "\\"",
  ] },
]
[ table . "inner one" ]
l = 5
m = { n = 1, o = { p = """]}""" } }
[[rows]]
q = 6
[[rows]]
q = 7
r = """four quotes at the end""""
s = 8
'''


def test_strings_comments_and_nesting_do_not_mislead() -> None:
    lines = key_lines(TRICKY)
    expected = {
        ("a",): 2,
        ("quoted key",): 3,
        ("literal.key",): 7,
        ("f", "g", "h"): 8,
        ("i",): 9,
        ("i", "0"): 10,
        ("i", "1"): 11,
        ("i", "2"): 11,
        ("i", "2", "j"): 11,
        ("i", "2", "k"): 12,
        ("i", "2", "k", "0"): 13,
        ("table", "inner one"): 16,
        ("table", "inner one", "l"): 17,
        ("table", "inner one", "m", "o", "p"): 18,
        ("rows",): 19,
        ("rows", "q"): 20,
        ("rows", "r"): 23,
        ("rows", "s"): 24,
    }
    assert {path: lines.get(path) for path in expected} == expected


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def top_level(document: dict[str, Any]) -> list[tuple[str, ...]]:
    paths = []
    for name, value in document.items():
        paths.append((name,))
        if isinstance(value, dict):
            paths += [(name, inner) for inner in value]
    return paths


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_key_of_any_file_has_the_line_it_stands_on(document: dict[str, Any]) -> None:
    text = tomlkit.dumps(document)
    if tomllib.loads(text) != document:  # tomlkit's own slips are not ours
        return
    lines = key_lines(text)
    written = text.split("\n")
    for path in top_level(document):
        if any(c in path[-1] for c in "\"\\'") or path not in lines:
            assert any(c in part for part in path for c in "\"\\'") or isinstance(document[path[0]], dict)
            continue
        assert path[-1] in written[lines[path] - 1]


@given(st.text(alphabet="ab=.[]{}\"'#\n\\, 1"))
def test_no_text_makes_the_walk_hang_or_fail(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in key_lines(text).values())
