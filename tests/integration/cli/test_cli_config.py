"""`chrono config` as a user types it."""

import json
import stat
from pathlib import Path

import pytest

KEY = "chrono_public_" + "k" * 30
PRIVATE = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


def test_show_tells_each_value_with_its_origin(chrono, tmp_path: Path) -> None:
    (tmp_path / "chrono.toml").write_text("[server]\nport = 4001\n")
    done = chrono("config", "show", LOG_LEVEL="error")
    assert done.code == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["server.port"] == ["4001", f"{tmp_path / 'chrono.toml'}:2"]
    assert rows["logs.level"] == ['"error"', "env", "LOG_LEVEL"]
    assert rows["server.stream_port"] == ["3002", "default"]


def test_show_in_json_has_values_of_their_own_kind_and_masks_secrets(chrono) -> None:
    done = chrono("config", "show", "--json", PUBLIC_API_KEYS=KEY, DATABASE_URL="postgresql://u:hunter2@localhost/x")
    shown = json.loads(done.out)
    assert shown["server.port"] == {"value": 3000, "origin": "default"}
    assert shown["server.cors_origins"]["value"] == ["*"]
    assert shown["api.public_keys"]["value"] == ["chrono_public_***"]
    assert shown["store.database_url"]["value"] == "postgresql://u:***@localhost/x"
    assert "hunter2" not in done.out + done.err
    assert "kkkk" not in done.out + done.err


def test_show_can_keep_to_what_differs(chrono) -> None:
    shown = json.loads(chrono("config", "show", "--changed", "--json", PORT="4001").out)
    assert set(shown) == {"server.port", "data_dir"}
    assert "every setting is at its default" in chrono("config", "show", "--changed", CHRONO__DATA_DIR="").err


def test_check_of_sound_settings_ends_with_0(chrono) -> None:
    done = chrono("config", "check")
    assert (done.code, done.out) == (0, "")
    assert "sound" in done.err


def test_check_lists_every_fault_and_ends_with_1(chrono, tmp_path: Path) -> None:
    (tmp_path / "chrono.toml").write_text("[server]\nprot = 1\nport = 'x'\n")
    done = chrono("config", "check", DATABASE_POOL_SIZE="0")
    assert done.code == 1
    assert len(done.out.splitlines()) == 3
    assert "did you mean server.port?" in done.out
    assert "3 faults" in done.err


def test_check_in_json_is_one_object(chrono) -> None:
    done = chrono("config", "check", "--json", LOG_LEVEL="lod")
    told = json.loads(done.out)
    assert (done.code, told["ok"]) == (1, False)
    (fault,) = told["faults"]
    assert fault == {
        "where": "env LOG_LEVEL",
        "key": "logs.level",
        "value": '"lod"',
        "expected": "expected one of debug, info, warning, error",
        "suggestion": None,
        "severity": "fault",
    }


@pytest.mark.parametrize(
    "args", [["config", "check"], ["run"], ["dev"], ["price", "BTC"], ["doctor"], ["config", "show"]]
)
def test_a_raw_private_key_is_refused_by_every_command_and_never_printed(
    chrono, tmp_path: Path, args: list[str]
) -> None:
    (tmp_path / "chrono.toml").write_text(f"# mine\n[keys]\nsubmit = '0x{PRIVATE}'\n")
    done = chrono(*args)
    assert done.code == (1 if args == ["doctor"] else 4)
    assert "chrono.toml:3: a raw private key" in done.out + done.err
    assert PRIVATE[4:40] not in done.out + done.err


@pytest.mark.parametrize("args", [["run"], ["dev"], ["status"], ["db", "check"]])
def test_bad_settings_stop_every_command_before_anything_is_opened(chrono, tmp_path: Path, args: list[str]) -> None:
    done = chrono(*args, PORT="x", LOG_LEVEL="lod")
    assert done.code == 1
    assert "env PORT" in done.err
    assert "env LOG_LEVEL" in done.err
    assert done.err.splitlines()[-1] == "next: chrono config check"
    assert not (tmp_path / "house").exists()


def test_path_names_the_file_in_force(chrono, tmp_path: Path) -> None:
    missing = chrono("config", "path")
    assert (missing.code, missing.out) == (1, "")
    assert "chrono config init" in missing.err
    (tmp_path / "chrono.toml").write_text("")
    assert chrono("config", "path").out.strip() == str(tmp_path / "chrono.toml")


def test_init_writes_a_file_that_check_accepts_and_only_its_owner_reads(chrono, tmp_path: Path) -> None:
    done = chrono("config", "init")
    path = tmp_path / "chrono.toml"
    assert (done.code, done.out.strip()) == (0, str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert chrono("config", "check").code == 0


def test_init_never_overwrites(chrono, tmp_path: Path) -> None:
    (tmp_path / "chrono.toml").write_text("# mine\n")
    done = chrono("config", "init")
    assert done.code == 4
    assert "stays as it is" in done.err
    assert (tmp_path / "chrono.toml").read_text() == "# mine\n"


def test_init_does_not_follow_a_link_that_leads_nowhere(chrono, tmp_path: Path) -> None:
    (tmp_path / "chrono.toml").symlink_to(tmp_path / "elsewhere")
    assert chrono("config", "init").code == 4
    assert not (tmp_path / "elsewhere").exists()


def test_init_into_a_folder_that_is_not_there_says_so(chrono) -> None:
    done = chrono("config", "init", "--to", "no/such/chrono.toml")
    assert done.code == 1
    assert "cannot be written" in done.err


def test_schema_is_json(chrono) -> None:
    assert "Settings" in json.loads(chrono("config", "schema").out)["$defs"]


def test_a_missing_settings_file_is_told(chrono) -> None:
    done = chrono("-c", "missing.toml", "config", "show")
    assert done.code == 1
    assert "missing.toml" in done.err
