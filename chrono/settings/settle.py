"""One value for each setting, from all who named one: flags over environment over file over default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chrono.settings.catalogue import Setting, catalogue, sections
from chrono.settings.convert import Unfit, expectation, fit, structure
from chrono.settings.faults import Fault, nearest
from chrono.settings.model import Settings
from chrono.settings.secrets import (
    PRIVATE_KEY,
    UnreadableSecret,
    is_reference,
    masked,
    masked_secret,
    resolve,
)
from chrono.settings.sources import Given

LONGEST_SHOWN = 80


class Ledger:
    """Values and their origins by key, as they come in by increasing weight; faults of all of them."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self.values: dict[str, object] = {}
        self.origins: dict[str, str] = dict.fromkeys(catalogue(), "default")
        self.faults: list[Fault] = []
        self.faulty: set[str] = set()
        self.clear_secrets: list[tuple[str, str]] = []
        """Place and key of the secrets that stand in the file itself."""

    def take(self, given: Given) -> None:
        """Weigh one value: it wins over those before it, or it is a fault. Overridden faults are told as well."""
        key = given.setting.key
        raw = structure(given.setting.kind, given.raw) if given.textual else given.raw
        found: list[Fault] = []
        if given.setting.secret:
            if not given.textual and _in_clear(raw):
                self.clear_secrets.append((given.where, key))
            raw = self._expanded(given, raw, found)
        try:
            value = fit(given.setting.kind, raw, textual=given.textual)
        except Unfit as unfit:
            found += [self._fault(given, misfit.place, misfit.found, misfit.expected) for misfit in unfit.misfits]
        if found:
            self.faults += found
            self.faulty.add(key)
            return
        self.values[key] = value
        self.origins[key] = given.where

    def settings(self) -> Settings:
        """The settings from the values taken so far; defaults where there is none."""
        parts: dict[str, Any] = {key: value for key, value in self.values.items() if "." not in key}
        for section in sections().values():
            inside = f"{section.name}."
            chosen = {key.removeprefix(inside): v for key, v in self.values.items() if key.startswith(inside)}
            parts[section.name] = section.kind(**chosen)
        return Settings(**parts)

    def _expanded(self, given: Given, raw: object, found: list[Fault]) -> object:
        """The value with each reference replaced by the secret, or the secrets, that lie there."""
        if isinstance(raw, str):
            texts = self._resolved(given, "", raw, found)
            return texts[0] if texts else raw
        if isinstance(raw, list):
            return [text for i, part in enumerate(raw) for text in self._of_row(given, f"[{i}]", part, found)]
        if isinstance(raw, dict):
            return {name: self._of_names(given, f".{name}", part, found) for name, part in raw.items()}
        return raw

    def _of_row(self, given: Given, place: str, part: object, found: list[Fault]) -> list[object]:
        if not isinstance(part, str) or not is_reference(part):
            return [part]
        lines = [line.strip() for text in self._resolved(given, place, part, found) for line in text.splitlines()]
        return [key.strip() for line in lines if not line.startswith("#") for key in line.split(",") if key.strip()]

    def _of_names(self, given: Given, place: str, part: object, found: list[Fault]) -> object:
        """Secrets by name are always references, so that a file with many of them holds none."""
        if not isinstance(part, str):
            return part
        if not is_reference(part):
            found.append(self._fault(given, place, part, "expected env:NAME or file:PATH, where the secret lies"))
            return part
        return next(iter(self._resolved(given, place, part, found)), part)

    def _resolved(self, given: Given, place: str, text: str, found: list[Fault]) -> list[str]:
        try:
            return [resolve(text, self._environ, Path.cwd() if given.textual else self._folder)]
        except UnreadableSecret as unreadable:
            found.append(self._fault(given, place, text, str(unreadable)))
            return []

    def _fault(self, given: Given, place: str, raw: object, expected: str) -> Fault:
        setting = given.setting
        return Fault(
            where=given.place(place),
            key=setting.key + place,
            value=shown(raw, secret=setting.secret) if isinstance(raw, str) or not setting.secret else "***",
            expected=expected,
            suggestion=_suggestion(setting, raw),
            refused=isinstance(raw, str) and PRIVATE_KEY.search(raw) is not None,
        )


def shown(value: object, *, secret: bool) -> str:
    """The value as an operator may see it: masked, on one line, cut."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(part, secret=secret) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={shown(part, secret=secret)}" for name, part in value.items()) + "}"
    if value is None:
        return ""
    if isinstance(value, str):
        plain = str(value)
        text = f'"{masked_secret(plain) if secret else masked(plain)}"'
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _in_clear(raw: object) -> bool:
    """Whether a secret itself stands here: not a reference, and not an address without a password."""
    if isinstance(raw, str):
        return not is_reference(raw) and masked_secret(raw) != raw
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else []
    return any(_in_clear(part) for part in parts)


def _suggestion(setting: Setting, raw: object) -> str | None:
    """For settings with a few allowed words: the one that was probably meant."""
    words = expectation(setting.kind)
    if not isinstance(raw, str) or not words.startswith("one of "):
        return None
    return nearest(raw.lower(), words.removeprefix("one of ").split(", "))
