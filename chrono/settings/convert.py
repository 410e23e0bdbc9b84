"""From what a file, the environment or a flag says to the value of a setting, or to why it is none."""

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from chrono.settings.kinds import Secret

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})


class Misfit(NamedTuple):
    """Why a value does not fit: the place inside it (`[1]`, `.name` or empty), what stood there, what was expected."""

    place: str
    found: object
    expected: str


class Unfit(Exception):  # noqa: N818 - as all our faults, it names what was found
    """A value is not of its form; carries every misfit in it."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__(misfits)
        self.misfits = misfits


def fit(kind: Any, raw: object, *, textual: bool) -> object:
    """The value of type `kind` that `raw` means; `textual` when it came as text from the environment.

    Raises: Unfit with every misfit inside.
    """
    bare = _bare(kind)
    raw = structure(kind, raw) if textual else raw
    if get_origin(bare) is tuple:
        return _fit_row(get_args(bare)[0], raw, textual=textual)
    if get_origin(bare) is dict:
        return _fit_names(get_args(bare)[1], raw, textual=textual)
    return _fit_leaf(kind, _from_text(bare, raw) if textual and isinstance(raw, str) else raw)


def structure(kind: Any, raw: object) -> object:
    """The list or table that text from the environment means, for settings that hold several values."""
    bare = _bare(kind)
    if get_origin(bare) is tuple:
        return _as_row(raw)
    return _as_names(raw) if get_origin(bare) is dict else raw


def expectation(kind: Any) -> str:
    """What a value of this type looks like, in words."""
    bare = _bare(kind)
    if get_origin(bare) is tuple:
        return f"a list, each {expectation(get_args(bare)[0])}"
    if get_origin(bare) is dict:
        return f"a table of names, each {expectation(get_args(bare)[1])}"
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(bare))
    plain = {bool: "true or false", int: "a whole number", float: "a number", Secret: "a secret", str: "text"}
    return plain[bare] + _bounds(kind)


def _fit_row(item: Any, raw: object, *, textual: bool) -> tuple[object, ...]:
    if not isinstance(raw, list | tuple):
        raise Unfit([Misfit("", raw, f"expected a list, each {expectation(item)}")])
    return tuple(_fit_parts(((f"[{i}]", part) for i, part in enumerate(raw)), item, textual=textual).values())


def _fit_names(item: Any, raw: object, *, textual: bool) -> dict[str, object]:
    if not isinstance(raw, dict) or not all(isinstance(name, str) for name in raw):
        raise Unfit([Misfit("", raw, f"expected a table of names, each {expectation(item)}")])
    values = _fit_parts(((f".{name}", part) for name, part in raw.items()), item, textual=textual)
    return {place[1:]: value for place, value in values.items()}


def _fit_parts(parts: Iterator[tuple[str, object]], item: Any, *, textual: bool) -> dict[str, object]:
    values: dict[str, object] = {}
    misfits: list[Misfit] = []
    for place, part in parts:
        try:
            values[place] = fit(item, part, textual=textual)
        except Unfit as unfit:
            misfits += [misfit._replace(place=place + misfit.place) for misfit in unfit.misfits]
    if misfits:
        raise Unfit(misfits)
    return values


def _fit_leaf(kind: Any, raw: object) -> object:
    expected = f"expected {expectation(kind)}"
    if isinstance(raw, str) and not raw.isprintable():
        raise Unfit([Misfit("", raw, f"{expected} of printable characters")])
    try:
        value: object = msgspec.convert(raw, kind, dec_hook=_secret)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        raise Unfit([Misfit("", raw, expected)]) from error
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit([Misfit("", raw, expected)])
    return value


def _secret(kind: type, raw: object) -> object:
    if kind is Secret and isinstance(raw, str) and raw.strip():
        return Secret(raw.strip())
    raise TypeError("expected text that is not empty")  # msgspec makes a ValidationError of it


def _bare(kind: Any) -> Any:
    """The type without its remarks and without `| None`: absence is the default, not a value."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if type(None) in get_args(kind):
        rest = [part for part in get_args(kind) if part is not type(None)]
        return _bare(Union[tuple(rest)])  # noqa: UP007 - built from parts
    return kind


def _bounds(kind: Any) -> str:
    info: Any = inspect.type_info(kind)
    while isinstance(info, inspect.Metadata | inspect.UnionType):
        inner = [info.type] if isinstance(info, inspect.Metadata) else info.types
        info = next(part for part in inner if not isinstance(part, inspect.NoneType))
    if not isinstance(info, inspect.IntType | inspect.FloatType):
        return ""
    low = f" above {info.gt:g}" if info.gt is not None else f" from {info.ge:g}" if info.ge is not None else ""
    return low + (f" to {info.le:.12g}" if info.le is not None else "")


def _from_text(bare: Any, text: str) -> object:
    """What the text of the environment means as such a type; the text itself when it means nothing."""
    word = text.strip()
    if bare is bool:
        return True if word.lower() in TRUE_WORDS else False if word.lower() in FALSE_WORDS else text
    if get_origin(bare) is Literal:
        return word.lower()
    try:
        return int(word) if bare is int else float(word) if bare is float else word
    except ValueError:
        return text


def _as_row(raw: object) -> object:
    """A JSON list, or parts with commas between them."""
    if not isinstance(raw, str):
        return raw
    if raw.strip().startswith("["):
        return _from_json(raw)
    return [part.strip() for part in raw.split(",") if part.strip()]


def _as_names(raw: object) -> object:
    """A JSON object, or `name=value` pairs with commas between them."""
    if not isinstance(raw, str):
        return raw
    if raw.strip().startswith("{"):
        return _from_json(raw)
    pairs = [part.partition("=") for part in raw.split(",") if part.strip()]
    if not all(sign and name.strip() for name, sign, _ in pairs):
        return raw
    return {name.strip(): value.strip() for name, _, value in pairs}


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
