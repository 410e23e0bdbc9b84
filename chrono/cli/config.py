"""`chrono config`: what is in force and why, what is wrong, and a file to start from."""

import os
from pathlib import Path

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK, REFUSED, Stop
from chrono.settings import Fault, Loaded, SettingsError, environment
from chrono.settings.catalogue import Setting, catalogue
from chrono.settings.load import FILE_NAME, find_file, own_file
from chrono.settings.secrets import masked_secret
from chrono.settings.settle import shown
from chrono.settings.template import schema, template


@click.group("config", context_settings=frame.CONTEXT)
def command() -> None:
    """Show, check and start the settings.

    File (chrono.toml) < environment (CHRONO__SECTION__KEY) < flags. The file is the one of -c, else
    ./chrono.toml, else $CHRONO_CONFIG, else the one in your own configuration folder.
    """


@frame.command("show", examples=["chrono config show", "chrono config show --json", "chrono config show --changed"])
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def show(changed: bool, as_json: bool) -> None:
    """Show every setting in force, with where it came from. Secrets are masked."""
    loaded = frame.load()
    settings = [s for s in catalogue().values() if not changed or loaded.origins[s.key] != "default"]
    if as_json:
        rows = {s.key: {"value": _plain(s, loaded), "origin": loaded.origins[s.key]} for s in settings}
        frame.give_json(rows)
        return
    cells = [(s.key, shown(_value(s, loaded), secret=s.secret), loaded.origins[s.key]) for s in settings]
    if cells:
        frame.console().print(frame.table(("setting", "value", "origin"), cells))
    else:
        frame.say("every setting is at its default")
    _advise(loaded.advice)


@frame.command("check", examples=["chrono config check", "chrono -c chrono.toml config check --json"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def check(as_json: bool) -> int:
    """List every fault of file and environment at once, each with its line. Ends with 1 when there is one.

    Ends with 4 when a raw private key stands in the settings.
    """
    try:
        loaded = frame.load()
    except SettingsError as error:
        _list(error.faults, as_json=as_json)
        frame.say(f"{_count(error.faults)}; next: mend them, then `chrono config check` again")
        return REFUSED if error.refused else FAILED
    _list(loaded.advice, as_json=as_json)
    where = frame.home_path(loaded.path) if loaded.path else "no file, defaults and environment only"
    frame.say(f"the settings are sound ({where})")
    return OK


@frame.command("path", examples=["chrono config path"])
@frame.shared_options
def path() -> int:
    """Say which settings file is in force. Ends with 1 when there is none."""
    found = find_file(frame.config_option(), environment())
    if found is None:
        frame.say(f"there is no settings file (looked for ./{FILE_NAME} and {own_file()}); next: chrono config init")
        return FAILED
    frame.give(str(found.absolute()))
    return OK


@frame.command("schema", examples=["chrono config schema > chrono.schema.json"])
@frame.shared_options
def schema_command() -> None:
    """Print the JSON Schema of chrono.toml, for completion in an editor."""
    frame.give(schema().decode())


@frame.command("init", examples=["chrono config init", "chrono config init --to /etc/chrono/chrono.toml"])
@click.option("--to", "target", metavar="FILE", default=FILE_NAME, help=f"Where to; ./{FILE_NAME} if left out.")
@frame.shared_options
def init(target: str) -> None:
    """Write a settings file in which everything is explained. An existing file is never overwritten."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        told = f"{target} is there already and stays as it is"
        raise Stop(told, then="chrono config init --to another-file.toml", code=REFUSED) from error
    except OSError as error:
        raise Stop(f"{target} cannot be written ({error.strerror})", then="chrono config init --to FILE") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(template())
    frame.give(str(Path(target).absolute()))
    frame.say("every setting is in it, at its default; next: chrono config check")


for _part in (show, check, path, schema_command, init):
    command.add_command(_part)


def _value(setting: Setting, loaded: Loaded) -> object:
    part = getattr(loaded.settings, setting.section) if setting.section else loaded.settings
    value: object = getattr(part, setting.name)
    return value


def _plain(setting: Setting, loaded: Loaded) -> object:
    """The value for JSON: secrets starred, everything else as it is."""
    value = _value(setting, loaded)
    if not setting.secret or value is None:
        return value
    if isinstance(value, dict):
        return {name: masked_secret(str(part)) for name, part in value.items()}
    parts = [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else []
    told = [masked_secret(str(part)) for part in parts]
    return told[0] if isinstance(value, str) else told


def _list(faults: tuple[Fault, ...], *, as_json: bool) -> None:
    if as_json:
        told = [
            {
                "where": fault.where,
                "key": fault.key,
                "value": fault.value,
                "expected": fault.expected,
                "suggestion": fault.suggestion,
                "severity": "refused" if fault.refused else "advice" if fault.advice else "fault",
            }
            for fault in faults
        ]
        frame.give_json({"ok": all(fault.advice for fault in faults), "faults": told})
        return
    for fault in faults:
        frame.give(f"{'advice ' if fault.advice else ''}{fault.text}")


def _advise(advice: tuple[Fault, ...]) -> None:
    for fault in advice:
        frame.say(f"advice: {fault.text}")


def _count(faults: tuple[Fault, ...]) -> str:
    number = sum(not fault.advice for fault in faults)
    return f"{number} fault{'' if number == 1 else 's'}"
