"""The command line before any command: help, mistakes, and what it must not import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chrono.cli.root import COMMANDS

HEAVY = {
    "litestar",
    "granian",
    "psycopg",
    "polars",
    "alembic",
    "sqlalchemy",
    "opentelemetry",
    "redis",
    "chrono_core",
    "rich",
    "msgspec",
}

WATCH_IMPORTS = """
import sys, json
from chrono.cli.root import run
code = run(sys.argv[1:])
sys.stdout.flush()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""


def imported_by(environ, folder: Path, *args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCH_IMPORTS, *args],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["--version"], ["nonsense"]])
def test_help_and_mistakes_load_nothing_heavy(environ, tmp_path: Path, args: list[str]) -> None:
    assert imported_by(environ, tmp_path, *args) & (HEAVY - {"msgspec"} if args == ["nonsense"] else HEAVY) == set()


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"replay"}))
def test_help_of_a_command_loads_no_server_and_no_database(environ, tmp_path: Path, name: str) -> None:
    servers = {"litestar", "granian", "polars", "alembic", "sqlalchemy", "opentelemetry", "redis"}
    assert imported_by(environ, tmp_path, name, "--help") & servers == set()


def test_help_names_every_command(chrono) -> None:
    done = chrono("--help")
    assert done.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in done.out] == []
    assert "Exit codes: 0 ok, 1 failed, 2 usage, 3" in done.out.replace("\n  ", " ")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_commands_help_teaches_by_examples(chrono, name: str) -> None:
    done = chrono(name, "--help")
    assert done.code == 0
    assert "Examples:" in done.out or "Commands" in done.out


@pytest.mark.parametrize(
    "args", [["config", "show"], ["config", "check"], ["config", "init"], ["db", "upgrade"], ["db", "check"]]
)
def test_every_part_of_a_group_teaches_by_examples(chrono, args: list[str]) -> None:
    assert "Examples:" in chrono(*args, "--help").out


def test_without_a_command_the_help_is_shown_as_a_mistake_of_usage(chrono) -> None:
    done = chrono()
    assert (done.code, done.out) == (2, "")
    assert "Usage: chrono" in done.err


@pytest.mark.parametrize(
    ("args", "told", "then"),
    [
        (["pric", "BTC"], "did you mean `chrono price`?", "chrono --help"),
        (["zzz"], "there is no command 'zzz'", "chrono --help"),
        (["price"], "Missing argument", "chrono price --help"),
        (["price", "BTC", "--jsno"], "--json", "chrono price --help"),
        (["config", "shwo"], "shwo", "chrono config --help"),
        (["dev", "--port", "99999"], "99999", "chrono dev --help"),
        (["dev", "--market", "no-such-tape"], "auto, live, simulated, or a tape", "chrono replay --help"),
        (["run", "-v", "-q"], "opposite", "chrono run --help"),
        (["price", "BTC-USD"], "expected=BTC/USD", "chrono price BTC/USD"),
        (["explain", "BTC", "--at", "1", "--round", "2"], "two times", "chrono explain --help"),
        (["status", "--url", "ftp://x"], "no address", "chrono status --url http://127.0.0.1:3000"),
        (["status", "--url", "http://127.0.0.1:x"], "no address", "chrono status --url http://127.0.0.1:3000"),
        (["price", "BTC", "--key", "env:NOT_SET"], "NOT_SET", "--key env:NAME"),
    ],
)  # fmt: skip
def test_a_mistake_of_usage_ends_with_2_and_the_next_command(chrono, args: list[str], told: str, then: str) -> None:
    done = chrono(*args)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.splitlines()[-1].startswith("next: ")
    assert then in done.err.splitlines()[-1]


def test_version_speaks_plainly_first_and_then_with_an_accent(chrono) -> None:
    first, second = chrono("version").out.splitlines()
    assert first.startswith("Chrono 0.")
    assert second == "En Taro Tassadar!"
    assert set(json.loads(chrono("version", "--json").out)) == {"chrono", "chrono_core", "python"}


def test_errors_have_no_accent(chrono) -> None:
    done = chrono("price", "BTC", "--url", "http://127.0.0.1:9")
    assert done.code == 1
    assert "Taro" not in done.err


@pytest.mark.parametrize("where", ["before", "after"])
def test_the_settings_file_may_be_named_before_or_after_the_command(chrono, tmp_path: Path, where: str) -> None:
    (tmp_path / "other.toml").write_text("network = 'flare'\n")
    args = ["-c", "other.toml", "config", "show"] if where == "before" else ["config", "show", "-c", "other.toml"]
    assert "other.toml:1" in chrono(*args).out


def test_the_name_after_the_command_wins(chrono, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("network = 'flare'\n")
    (tmp_path / "b.toml").write_text("network = 'songbird'\n")
    assert '"songbird"' in chrono("-c", "a.toml", "config", "show", "-c", "b.toml").out


@pytest.mark.parametrize("args", [["config", "show"], ["config", "schema"], ["--help"]])
def test_a_reader_that_leaves_is_no_error(environ, tmp_path: Path, args: list[str]) -> None:
    command = f"{sys.executable} -m chrono.cli {' '.join(args)}; echo $? >&2"
    done = subprocess.run(
        ["/bin/sh", "-c", f"({command}) | :"], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() in {"0", "1"}  # and nothing else is said


def test_a_table_that_nobody_reads_any_more_is_no_failure(environ, tmp_path: Path) -> None:
    command = f"{sys.executable} -m chrono.cli alerts list | :"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}} >&2"], env=environ, cwd=tmp_path, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr.strip() == "0"


def test_a_reader_that_leaves_early_ends_a_watch_quietly(environ, tmp_path: Path, answering) -> None:
    command = f"{sys.executable} -m chrono.cli price BTC/USD --watch --json --url {answering.url} --key x | head -n 1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert json.loads(done.stdout)["data"][0]["symbol"] == "BTC/USD"
    assert done.stderr == ""


def test_a_fault_nobody_foresaw_keeps_its_traceback(environ, tmp_path: Path) -> None:
    script = (
        "import chrono.cli.version as v\n"
        "from chrono.cli.root import run\n"
        "v.core_version = lambda: 1 / 0\n"
        "run(['version'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "ZeroDivisionError" in done.stderr
