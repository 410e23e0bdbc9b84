"""Every case of every vector file is answered by Chrono itself, and a case with any other answer would be seen."""

import ast
import copy
import importlib.util
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import vectors
from tests.fakes.vectors import FOLDER

ANSWERS = Path(__file__).parent / "answers"
FILES = sorted(path.stem for path in FOLDER.glob("*.json"))
EXPECTED_FILES = 29
PROSE = ("source", "how", "notes", "n", "cases")
"""What a file says about itself; all its other parts are expected of Chrono."""


@cache
def _cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file, and what else stands in it as one more, `table`: nothing in it is left unasked."""
    document = vectors.document(name)
    table = {key: value for key, value in document.items() if key not in PROSE}
    return document.get("cases", []) + ([{"id": "table", "expected": table}] if table else [])


@cache
def _answers(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"answers_{name}", ANSWERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.answer


def _agrees(answer: object, expected: object) -> bool:
    """Equal in type as well: true is not 1, and "1" is not 1."""
    if isinstance(expected, dict):
        return (
            isinstance(answer, dict)
            and answer.keys() == expected.keys()
            and all(_agrees(answer[key], expected[key]) for key in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(answer, list)
            and len(answer) == len(expected)
            and all(_agrees(one, other) for one, other in zip(answer, expected, strict=True))
        )
    return type(answer) is type(expected) and answer == expected


def _mutations(value: Any) -> Iterator[Any]:
    """Each way to change exactly one leaf, or to lose one, or to have one more at an end."""
    if isinstance(value, dict):
        yield {**value, "another": None}
        for key in value:
            yield {other: kept for other, kept in value.items() if other != key}
            for changed in _mutations(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for place in range(len(value)):
            for changed in _mutations(value[place]):
                yield [*value[:place], changed, *value[place + 1 :]]
        yield [*value, None]
        if value:
            yield value[:-1]
    else:
        yield _other(value)


def _other(leaf: Any) -> Any:
    match leaf:
        case bool():
            return not leaf
        case int():
            return leaf + 1
        case float():
            return leaf + 0.5
        case None:
            return 0
        case str():
            return leaf[:-1] + ("1" if leaf[-1:] != "1" else "2")
    raise AssertionError(f"vectors hold no {type(leaf).__name__}")


def _all_cases() -> list[Any]:
    return [
        pytest.param(name, place, id=f"{name}-{case['id']}")
        for name in FILES
        for place, case in enumerate(_cases(name))
    ]


def _answer(name: str, place: int) -> object:
    case = copy.deepcopy(_cases(name)[place])
    del case["expected"]
    return _answers(name)(case)


def test_every_vector_file_is_there_and_has_someone_who_answers_it() -> None:
    assert len(FILES) >= EXPECTED_FILES, f"{FOLDER} holds {len(FILES)} vector files"
    assert [name for name in FILES if not (ANSWERS / f"{name}.py").exists()] == []
    assert all(_cases(name) for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_holds_as_many_cases_as_it_says_and_no_case_twice(name: str) -> None:
    said = vectors.document(name).get("n")
    ids = [case["id"] for case in _cases(name) if case["id"] != "table"]
    assert said in (None, len(ids))
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("*.py")), ids=lambda path: path.stem)
def test_no_answer_looks_at_what_is_expected(path: Path) -> None:
    strings = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert "expected" not in strings


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(True, 1), (1, True), (1, 1.0), ("1", 1), (None, 0), ([], None), ([1], [1, 2]), ({"a": 1}, {"a": 1, "b": 2})],
)
def test_answers_of_another_type_or_length_do_not_agree(answer: object, expected: object) -> None:
    assert not _agrees(answer, expected)
    assert not _agrees(expected, answer)
    assert _agrees(copy.deepcopy(answer), answer)


@pytest.mark.parametrize(("name", "place"), _all_cases())
def test_chrono_answers_as_the_reference_does(name: str, place: int) -> None:
    answer, expected = _answer(name, place), _cases(name)[place]["expected"]
    assert _agrees(answer, expected), f"{name}: {json.dumps(answer)[:2000]} != {json.dumps(expected)[:2000]}"
    for mutated in _mutations(expected):
        assert not _agrees(answer, mutated), f"{name}: a changed expectation would not be seen: {mutated}"
