"""Writes the reference pages under docs/generated from the code, so that they cannot tell something else.

`python -m docs.generate` writes them; with `--check` it only says which are stale, and ends with 1 when one is.
A page is a function without arguments that returns Markdown; PAGES names them all.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

FOLDER = Path(__file__).parent / "generated"
HEAD = "<!-- Written by `python -m docs.generate`. Do not edit: change the code and run `make docs`. -->\n\n"


def settings_page() -> str:
    """Every setting, from the Structs."""
    from chrono.settings.catalogue import FLAT_NAMES, catalogue, sections
    from chrono.settings.convert import expectation
    from chrono.settings.template import in_toml

    def rows(section: str) -> Iterator[str]:
        for setting in catalogue().values():
            if setting.section == section:
                names = f"`{setting.env}`" + (f" or `{setting.flat}`" if setting.flat else "")
                default = f"`{in_toml(setting.default)}`" if in_toml(setting.default) else ""
                default = "by system, see below" if setting.key == "data_dir" else default
                told = (setting.description, expectation(setting.kind), default, names)
                yield f"| `{setting.name}` | " + " | ".join(cell.replace("|", "\\|") for cell in told) + " |"

    table = "| setting | what it is | expected | default | in the environment |\n|---|---|---|---|---|\n"
    parts = ["# Settings\n\n" + _SETTINGS_TEXT, "## At the top\n\n" + table + "\n".join(rows(""))]
    parts += [f"## [{s.name}]\n\n{s.description}\n\n{table}" + "\n".join(rows(s.name)) for s in sections().values()]
    flat = "\n".join(f"| `{name}` | `{key}` | {_FLAT_NOTES.get(name, '')} |" for name, key in FLAT_NAMES.items())
    parts.append(f"## Short names\n\n{_FLAT_TEXT}\n\n| name | setting | note |\n|---|---|---|\n{flat}")
    return "\n\n".join(parts) + "\n"


_SETTINGS_TEXT = """\
One file, `chrono.toml`, read from `-c FILE`, else the working folder, else `$CHRONO_CONFIG`, else the user's
configuration folder. The environment (`CHRONO__SECTION__KEY`) wins over the file, flags win over the environment.
A name in the environment that is set to nothing counts as not set. Lists are given there as JSON or with commas
between the parts, tables as JSON or as `name=value` pairs with commas.

`chrono config init` writes a file with every setting in it, `chrono config show` tells what is in force and where
each value comes from, `chrono config check` lists all faults at once with their lines.

**Secrets** (`a secret` below) are references: `env:NAME`, or `file:PATH` of a file that only its owner can read
(mode 600; relative to the settings file). A list of keys may name a file with one key on each line. A secret in
clear is refused when others may read the settings file. A raw private key (64 hex digits, with or without `0x`)
anywhere in the file is refused with exit code 4.

**`data_dir`** is, if left out, the user's data folder (`~/.local/share/chrono` on Linux,
`~/Library/Application Support/chrono` on macOS) and `/var/lib/chrono` for root, where the embedded PostgreSQL, which
cannot run as root, can reach it. `chrono dev` then uses the folder `dev` inside it.
A relative one counts from the settings file, or from the working folder when the environment or a flag gives it.
"""

_FLAT_TEXT = "`CHRONO__SECTION__KEY` wins over the short name of the same setting."

_FLAT_NOTES = {
    "WS_HEARTBEAT_INTERVAL": "seconds (`30`); 1000 and more are milliseconds (`30000`)",
    "LOG_LEVEL": "upper or lower case; `warn`, `critical` and `trace` are understood",
    "INTERNAL_API_KEYS": "with commas between the keys",
    "PUBLIC_API_KEYS": "with commas between the keys; of the free tier",
    "ADMIN_API_KEYS": "with commas between the keys",
    "METRICS_ENABLED": "`true`, `false`, `1`, `0`, `yes`, `no`, `on`, `off`",
    "REDIS_CACHE_TTL": "seconds",
}


def reasons_page() -> str:
    """Every reason, from chrono.errors, under the headings of that file."""
    from chrono import errors

    source = inspect.getsource(errors)
    found = {name: value for name, value in vars(errors).items() if isinstance(value, errors.Reason)}
    parts = ["# Reasons\n\nThe same code is the log field, the metric label and the text of the API."]
    for line in source.splitlines():
        name = line.partition(" = ")[0]
        if line.startswith("# "):
            parts.append(f"## {line[2:]}")
        elif name in found:
            reason = found[name]
            parts.append(f"### {reason.code}\n\n{_sentence(reason.message)} What to do: {reason.remedy}.")
    return "\n\n".join(parts) + "\n"


def metrics_page() -> str:
    """Every metric, from chrono.telemetry."""
    from prometheus_client.metrics import MetricWrapperBase

    from chrono import telemetry

    rows = []
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            (told,) = metric.describe()
            name = f"{told.name}_total" if told.type == "counter" else told.name
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
            rows.append(f"| `{name}` | {told.type} | {labels} | {told.documentation} |")
    table = "| metric | type | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    return f"# Metrics\n\nServed at `GET /metrics` in the text format of Prometheus.\n\n{table}\n"


def cli_page() -> str:
    """Every command, from its own help."""
    from chrono.cli.root import root

    parts = ["# The command line"]
    parts += [_command(root, "chrono", 2)]
    context = click.Context(root, info_name="chrono")
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        parts.append(_command(command, f"chrono {name}", 2))
        for inner, part in sorted(command.commands.items()) if isinstance(command, click.Group) else []:
            parts.append(_command(part, f"chrono {name} {inner}", 3))
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, path: str, level: int) -> str:
    context = click.Context(command, info_name=path, **command.context_settings)
    text, _, examples = inspect.cleandoc(command.help or "").partition("\n\n\b\nExamples:\n")
    examples, _, after = examples.partition("\n\n")
    parts = [f"{'#' * level} {path}", text]
    if examples:
        lines = "\n".join(line.strip() for line in examples.splitlines())
        parts.append(f"```sh\n{lines}\n```")
    parts += [after] if after else []
    records = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    rows = [f"| `{names}` | {told} |".replace("…", "...") for names, told in map(_escaped, records)]
    arguments = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
    usage = " ".join([path, *arguments, *(["COMMAND"] if isinstance(command, click.Group) else []), "[OPTIONS]"])
    parts.append(f"`{usage}`\n\n| option | |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _escaped(record: tuple[str, str]) -> tuple[str, str]:
    return record[0].replace("|", "\\|"), record[1].replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "reasons.md": reasons_page,
    "metrics.md": metrics_page,
    "cli.md": cli_page,
}
"""File name under docs/generated -> the function that writes it. Add a page here."""


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that differ from what the code says now."""
    return [name for name, page in PAGES.items() if _read(folder / name) != HEAD + page()]


def write(folder: Path = FOLDER) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(HEAD + page(), encoding="utf-8")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check name the stale ones."""
    if "--check" not in arguments:
        write()
        return 0
    old = stale()
    for name in old:
        print(f"docs/generated/{name} is stale; run `make docs`")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
