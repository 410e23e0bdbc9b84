"""What the file, the environment and the flags say, each with its place: nothing is judged here but the names."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from chrono.settings.catalogue import FLAT_NAMES, PREFIX, Setting, by_environment, catalogue, sections
from chrono.settings.faults import Fault, nearest
from chrono.settings.secrets import PRIVATE_KEY
from chrono.settings.toml_lines import key_lines

_LARGEST_FILE = 1_048_576
_OURS = ("CHRONO_CONFIG", "CHRONO_DATA", "CHRONO_VECTORS", "CHRONO_FAULTS", "CHRONO_FUZZ")
_LEVELS = {"warn": "warning", "err": "error", "critical": "error", "fatal": "error", "trace": "debug"}


class Given(NamedTuple):
    """One value as one source gave it. `lines` finds the line of a part of it, such as `[1]`."""

    setting: Setting
    raw: object
    where: str
    textual: bool = False
    lines: Mapping[str, str] = {}

    def place(self, part: str) -> str:
        """Where a part of the value stands; where the whole stands when that is not known."""
        return self.lines.get(part, self.where)


class Heard(NamedTuple):
    """All that one source said: values by increasing weight, and what is wrong with their names."""

    given: list[Given]
    faults: list[Fault]


def from_file(path: Path) -> Heard:
    """The values of a TOML file, each with its line; a file that cannot be read is a fault."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return _unread(str(path), "expected a settings file of at most 1 MiB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _unread(str(path), f"the file cannot be read ({error.strerror}); write one with `chrono config init`")
    except ValueError:
        return _unread(str(path), "expected UTF-8 text")
    return from_text(text, str(path))


def from_text(text: str, name: str) -> Heard:
    """The values of a TOML text; `name` is how its faults call it."""
    faults = list(_private_keys(text, name))
    try:
        document = tomllib.loads(text)
        lines = {path: f"{name}:{line}" for path, line in key_lines(text).items()}
    except RecursionError:
        return Heard([], [*faults, *_unread(name, "nested too deeply").faults])
    except ValueError as error:
        return Heard([], [*faults, _syntax_fault(str(error), text, name)])
    reader = _FileReader(name, lines)
    reader.read(document)
    return Heard(reader.given, faults + reader.faults)


def from_environment(environ: Mapping[str, str]) -> Heard:
    """The values of the environment: the flat names first, then CHRONO__SECTION__KEY, which win.
    A name that is set to nothing counts as not set.
    """
    given = [
        Given(catalogue()[key], _flat_value(name, environ[name]), f"env {name}", textual=True)
        for name, key in FLAT_NAMES.items()
        if environ.get(name, "").strip()
    ]
    faults = []
    for name, text in sorted(environ.items()):
        setting = by_environment().get(name)
        if setting is not None and text.strip():
            given.append(Given(setting, text, f"env {name}", textual=True))
        elif setting is None and name.startswith("CHRONO_") and name not in _OURS:
            faults += _environment_name_fault(name)
    return Heard(given, faults)


def from_flags(flags: Mapping[str, object]) -> Heard:
    """The values of the command line, by key; None means that the flag was not given."""
    given, faults = [], []
    for key, raw in flags.items():
        if key not in catalogue():
            faults.append(_unknown(f"flag {key}", key))
        elif raw is not None:
            where = f"flag --{key.rpartition('.')[2].replace('_', '-')}"
            given.append(Given(catalogue()[key], raw, where, textual=isinstance(raw, str)))
    return Heard(given, faults)


class _FileReader:
    """Walks the tables of a file that `tomllib` has read."""

    def __init__(self, name: str, lines: Mapping[tuple[str, ...], str]) -> None:
        self._name = name
        self._lines = lines
        self.given: list[Given] = []
        self.faults: list[Fault] = []

    def read(self, document: Mapping[str, object]) -> None:
        for name, value in document.items():
            where = self._lines.get((name,), self._name)
            if name in sections():
                self._read_section(name, value, where)
            elif name in catalogue():
                self._take(catalogue()[name], value, (name,))
            else:
                self.faults.append(_unknown(where, name))

    def _read_section(self, section: str, table: object, where: str) -> None:
        if not isinstance(table, dict):
            self.faults.append(Fault(where=where, key=section, value=None, expected=f"expected a table, [{section}]"))
            return
        for name, value in table.items():
            key = f"{section}.{name}"
            if key in catalogue():
                self._take(catalogue()[key], value, (section, name))
            else:
                self.faults.append(_unknown(self._lines.get((section, name), where), key))

    def _take(self, setting: Setting, raw: object, path: tuple[str, ...]) -> None:
        depth = len(path)
        parts = {}
        for found, where in self._lines.items():
            if len(found) == depth + 1 and found[:depth] == path:
                parts[f"[{found[-1]}]" if isinstance(raw, list) else f".{found[-1]}"] = where
        self.given.append(Given(setting, raw, self._lines.get(path, self._name), lines=parts))


def _private_keys(text: str, name: str) -> Iterator[Fault]:
    for number, line in enumerate(text.splitlines(), 1):
        if PRIVATE_KEY.search(line):
            expected = "a raw private key stands on this line; it is never read from here"
            yield Fault(where=f"{name}:{number}", key="", value=None, expected=expected, refused=True)


def _syntax_fault(told: str, text: str, name: str) -> Fault:
    """A line that is not TOML. What stands on it is not repeated: it may be a secret."""
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", told)
    last = max(1, text.count("\n") + (not text.endswith("\n")))
    line = int(place[1]) if place and place[1] else last
    what = re.sub(r" \(at .*?\)$", "", told).split(": ")[0].rstrip(".") if place else "a value cannot be read"
    return Fault(where=f"{name}:{line}", key="", value=None, expected=f"this is not TOML ({what})")


def _environment_name_fault(name: str) -> list[Fault]:
    if name.startswith(PREFIX):
        return [_unknown(f"env {name}", "", nearest(name, list(by_environment())))]
    meant = nearest(name.replace("_", ""), [known.replace("_", "") for known in by_environment()], cutoff=0.9)
    if meant is None:
        return []
    known = next(env for env in by_environment() if env.replace("_", "") == meant)
    told = "this name is not a setting and is left aside"
    return [Fault(where=f"env {name}", key="", value=None, expected=told, suggestion=known, advice=True)]


def _unknown(where: str, key: str, suggestion: str | None = None) -> Fault:
    told = "there is no such setting" if key != "" else "no setting has this name"
    return Fault(where=where, key=key, value=None, expected=told, suggestion=suggestion or _meant(key))


def _meant(key: str) -> str | None:
    """What a misspelt key probably means: a near name in its section, the same name elsewhere, a near key."""
    section, _, name = key.rpartition(".")
    inside = nearest(name, [known.name for known in catalogue().values() if known.section == section])
    if inside is not None:
        return f"{section}.{inside}" if section else inside
    elsewhere = [known.key for known in catalogue().values() if known.name == name]
    if elsewhere:
        return elsewhere[0]
    return nearest(key, [*catalogue(), *([] if section else sections())])


def _flat_value(name: str, text: str) -> object:
    """The value that a flat name means where it differs from the setting's own unit or words."""
    word = text.strip()
    if name == "LOG_LEVEL":
        return _LEVELS.get(word.lower(), word)
    if name == "WS_HEARTBEAT_INTERVAL" and re.fullmatch(r"\d{4,12}", word):
        return str(int(word) / 1000)  # operators write seconds (30) or milliseconds (30000)
    return text


def _unread(where: str, expected: str) -> Heard:
    return Heard([], [Fault(where=where, key="", value=None, expected=expected)])
