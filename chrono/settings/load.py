"""The settings of this run, from file, environment and flags: the only place that reads the environment."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from chrono.settings.checks import CHECKS, Finding
from chrono.settings.checks_alerts import ALERT_CHECKS
from chrono.settings.checks_flare import FLARE_CHECKS
from chrono.settings.faults import Fault, SettingsError
from chrono.settings.model import Settings
from chrono.settings.settle import Ledger, shown
from chrono.settings.sources import Heard, from_environment, from_file, from_flags

FILE_NAME = "chrono.toml"
ROOTS_FOLDER = "/var/lib/chrono"
"""Root's data folder: the embedded PostgreSQL then runs as another user, who must be able to reach it."""


class Loaded(Struct, frozen=True, kw_only=True):
    """The settings, where each came from (`default`, `file:line`, `env NAME`, `flag --name`), and advice."""

    settings: Settings
    origins: dict[str, str]
    path: Path | None
    advice: tuple[Fault, ...]


def environment() -> Mapping[str, str]:
    """The environment of this process, as it is now."""
    return dict(os.environ)


def load_settings(
    path: str | Path | None, environ: Mapping[str, str], flags: Mapping[str, object] | None = None
) -> Loaded:
    """The settings of this run: file < environment < flags (by key, such as `server.port`).

    Raises: SettingsError with every fault at once.
    """
    file = find_file(path, environ)
    folder = file.absolute().parent if file else Path.cwd()
    ledger = Ledger(environ, folder)
    heard = [from_file(file) if file else Heard([], []), from_environment(environ), from_flags(flags or {})]
    for source in heard:
        ledger.faults += source.faults
        for given in source.given:
            ledger.take(given)
    settings = _with_data_dir(ledger, folder if ledger.origins["data_dir"].startswith(str(file)) else Path.cwd())
    found = [*ledger.faults, *_check(settings, ledger), *_clear_secrets(file, ledger)]
    faults = tuple(sorted(found, key=lambda fault: _reading_order(fault, file)))
    if any(not fault.advice for fault in faults):
        raise SettingsError(faults)
    return Loaded(settings=settings, origins=ledger.origins, path=file, advice=faults)


def find_file(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file of this run: the named one, else here, else $CHRONO_CONFIG, else the user's own."""
    if path is not None:
        return Path(path)
    here = Path.cwd() / FILE_NAME
    if here.is_file():
        return here
    if environ.get("CHRONO_CONFIG", "").strip():
        return Path(environ["CHRONO_CONFIG"].strip())
    own = own_file()
    return own if own.is_file() else None


def own_file() -> Path:
    """Where this user's settings file is looked for last."""
    import platformdirs

    return Path(platformdirs.user_config_dir("chrono", appauthor=False)) / FILE_NAME


def default_data_dir() -> str:
    """The folder that a run writes to when nobody names one."""
    if os.geteuid() == 0:
        return ROOTS_FOLDER
    import platformdirs

    return platformdirs.user_data_dir("chrono", appauthor=False)


def _reading_order(fault: Fault, file: Path | None) -> tuple[int, int]:
    """The file from top to bottom, then the environment and the flags."""
    line = fault.where.removeprefix(f"{file}:")
    return (0, int(line)) if line.isdecimal() else (1, 0)


def _with_data_dir(ledger: Ledger, folder: Path) -> Settings:
    """The settings with `data_dir` as an absolute path; a relative one counts from the settings file."""
    given = ledger.values.get("data_dir")
    if not isinstance(given, str) or not given:
        ledger.values["data_dir"] = default_data_dir()
        return ledger.settings()
    try:
        chosen = folder / Path(given).expanduser()
        usable = chosen != Path("/") and (chosen.is_dir() or not chosen.exists())
    except (OSError, RuntimeError, ValueError):  # RuntimeError: `~name` of nobody
        chosen, usable = Path(given), False
    if not usable:
        expected = "expected a folder that Chrono may write to"
        origin = ledger.origins["data_dir"]
        ledger.faults.append(Fault(where=origin, key="data_dir", value=shown(given, secret=False), expected=expected))
    ledger.values["data_dir"] = str(chosen)
    return ledger.settings()


def _check(settings: Settings, ledger: Ledger) -> Iterator[Fault]:
    for check in (*CHECKS, *FLARE_CHECKS, *ALERT_CHECKS):
        if ledger.faulty.isdisjoint(check.keys):
            for finding in check.run(settings):
                yield _fault_of(finding, check.keys, ledger)


def _fault_of(finding: Finding, keys: tuple[str, ...], ledger: Ledger) -> Fault:
    """The finding at the place of its key; at that of another key of the rule when its own is a default."""
    own = ledger.origins[finding.key.partition("[")[0]]
    told = [origin for origin in (own, *(ledger.origins[key] for key in keys)) if origin != "default"]
    return Fault(
        where=told[0] if told else "default",
        key=finding.key,
        value=shown(finding.value, secret=False),
        expected=finding.expected,
        advice=finding.advice,
    )


def _clear_secrets(file: Path | None, ledger: Ledger) -> Iterator[Fault]:
    """Secrets that stand in the file itself: worth a word, and a fault when others may read the file."""
    if file is None or not file.is_file():
        return
    open_to_others = bool(file.stat().st_mode & 0o077)
    for where, key in ledger.clear_secrets:
        if open_to_others:
            told = (
                f"a secret stands in a file that others may read; run `chmod 600 {file}`, or give env:NAME or file:PATH"
            )
        else:
            told = "a secret stands here in clear; env:NAME or file:PATH is better"
        yield Fault(where=where, key=key, value=None, expected=told, advice=not open_to_others)
