"""Which source wins, and how its values are read."""

from pathlib import Path

import pytest

from chrono.settings import Loaded, SettingsError, load_settings
from chrono.settings.catalogue import FLAT_NAMES, catalogue
from chrono.settings.load import find_file


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a chrono.toml, and a user without one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    return tmp_path


def written(folder: Path, text: str, name: str = "chrono.toml") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def of_environment(**environ: str) -> Loaded:
    return load_settings(None, environ)


def test_without_anything_every_value_is_the_default() -> None:
    loaded = load_settings(None, {})
    assert loaded.settings.server.port == 3000
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.advice == ()


def test_every_setting_has_an_origin() -> None:
    assert set(load_settings(None, {}).origins) == set(catalogue())


def test_flags_win_over_the_environment_which_wins_over_the_file(elsewhere: Path) -> None:
    file = written(elsewhere, "[server]\nport = 4001\nstream_port = 4101\nhost = '127.0.0.2'\n")
    environ = {"CHRONO__SERVER__PORT": "4002", "CHRONO__SERVER__STREAM_PORT": "4102"}
    loaded = load_settings(file, environ, {"server.port": 4003})
    server = loaded.settings.server
    assert (server.port, server.stream_port, server.host) == (4003, 4102, "127.0.0.2")
    assert loaded.origins["server.port"] == "flag --port"
    assert loaded.origins["server.stream_port"] == "env CHRONO__SERVER__STREAM_PORT"
    assert loaded.origins["server.host"] == f"{file}:4"


def test_the_long_name_wins_over_the_short_one() -> None:
    loaded = of_environment(PORT="4001", CHRONO__SERVER__PORT="4002")
    assert loaded.settings.server.port == 4002
    assert loaded.origins["server.port"] == "env CHRONO__SERVER__PORT"


def test_a_flag_that_was_not_given_leaves_the_rest_in_force() -> None:
    assert load_settings(None, {"PORT": "4001"}, {"server.port": None}).settings.server.port == 4001


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("DATABASE_URL", "postgresql://localhost/chrono", "postgresql://localhost/chrono"),
        ("DATABASE_POOL_SIZE", "12", 12),
        ("REDIS_URL", "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("REDIS_CACHE_TTL", "90", 90),
        ("PORT", "8080", 8080),
        ("INTERNAL_API_KEYS", f"chrono_internal_{'a' * 24}", (f"chrono_internal_{'a' * 24}",)),
        ("PUBLIC_API_KEYS", f"chrono_public_{'a' * 24}, chrono_public_{'b' * 24}",
         (f"chrono_public_{'a' * 24}", f"chrono_public_{'b' * 24}")),
        ("ADMIN_API_KEYS", f"chrono_admin_{'a' * 24}", (f"chrono_admin_{'a' * 24}",)),
        ("RATE_LIMIT_INTERNAL", "1", 1),
        ("RATE_LIMIT_PUBLIC_FREE", "2", 2),
        ("RATE_LIMIT_PUBLIC_PAID", "3", 3),
        ("LOG_LEVEL", "WARN", "warning"),
        ("METRICS_ENABLED", "no", False),
        ("WS_HEARTBEAT_INTERVAL", "15", 15.0),
        ("WS_MAX_CONNECTIONS", "20000", 20000),
    ],
)  # fmt: skip
def test_each_short_name_sets_what_operators_expect(name: str, text: str, expected: object) -> None:
    loaded = of_environment(**{name: text})
    section, _, field = FLAT_NAMES[name].partition(".")
    assert getattr(getattr(loaded.settings, section), field) == expected
    assert loaded.origins[FLAT_NAMES[name]] == f"env {name}"


def test_every_short_name_is_tested_here() -> None:
    tested = {case[0] for case in test_each_short_name_sets_what_operators_expect.pytestmark[0].args[1]}
    assert tested == set(FLAT_NAMES)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.0), ("999", 999.0), ("1000", 1.0), ("30000", 30.0), ("2.5", 2.5)]
)
def test_a_heartbeat_interval_of_a_thousand_or_more_is_in_milliseconds(text: str, seconds: float) -> None:
    assert of_environment(WS_HEARTBEAT_INTERVAL=text).settings.stream.heartbeat_interval_s == seconds


def test_the_long_heartbeat_name_is_always_in_seconds() -> None:
    assert of_environment(CHRONO__STREAM__HEARTBEAT_INTERVAL_S="3000").settings.stream.heartbeat_interval_s == 3000


def test_a_name_that_is_set_to_nothing_counts_as_not_set() -> None:
    loaded = of_environment(REDIS_URL="", PORT="  ", CHRONO__LOGS__LEVEL="")
    assert loaded.settings.redis.url is None
    assert loaded.origins["server.port"] == "default"


def test_lists_in_the_environment_are_json_or_parts_between_commas() -> None:
    by_commas = of_environment(CHRONO__PRICING__EDGES="USDT/USD, EUR/USD").settings
    by_json = of_environment(CHRONO__PRICING__EDGES='["USDT/USD", "EUR/USD"]').settings
    assert by_commas.pricing.edges == by_json.pricing.edges == ("USDT/USD", "EUR/USD")
    assert of_environment(CHRONO__SERVER__CORS_ORIGINS="[]").settings.server.cors_origins == ()


def test_tables_in_the_environment_are_json_or_pairs_between_commas() -> None:
    by_commas = of_environment(CHRONO__API__HOST_LIMITS="a.example=30, b.example=60").settings
    by_json = of_environment(CHRONO__API__HOST_LIMITS='{"a.example": 30, "b.example": 60}').settings
    assert by_commas.api.host_limits == by_json.api.host_limits == {"a.example": 30, "b.example": 60}


def test_the_named_file_comes_before_the_one_here_which_comes_before_the_environments(elsewhere: Path) -> None:
    (elsewhere / "other").mkdir()
    named = written(elsewhere, "", "named.toml")
    pointed = written(elsewhere / "other", "")
    environ = {"CHRONO_CONFIG": str(pointed)}
    assert find_file(None, environ) == pointed
    here = written(elsewhere, "")
    assert find_file(None, environ) == here
    assert find_file(named, environ) == named


def test_the_users_own_file_is_found_last(elsewhere: Path) -> None:
    (elsewhere / "nobody" / "chrono").mkdir(parents=True)
    own = written(elsewhere / "nobody" / "chrono", "network = 'flare'")
    assert load_settings(None, {}).settings.network == "flare"
    assert find_file(None, {}) == own


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_named_file_that_is_not_there_is_a_fault(how: str, elsewhere: Path) -> None:
    missing = elsewhere / "missing.toml"
    path, environ = (missing, {}) if how == "argument" else (None, {"CHRONO_CONFIG": str(missing)})
    with pytest.raises(SettingsError) as raised:
        load_settings(path, environ)
    assert "cannot be read" in str(raised.value)
    assert str(missing) in str(raised.value)


def test_a_relative_data_folder_counts_from_the_file_that_names_it(elsewhere: Path) -> None:
    (elsewhere / "etc").mkdir()
    file = written(elsewhere / "etc", "data_dir = 'data'")
    assert load_settings(file, {}).settings.data_dir == str(elsewhere / "etc" / "data")


def test_a_relative_data_folder_of_the_environment_counts_from_the_working_folder(elsewhere: Path) -> None:
    (elsewhere / "etc").mkdir()
    file = written(elsewhere / "etc", "")
    assert load_settings(file, {"CHRONO__DATA_DIR": "data"}).settings.data_dir == str(elsewhere / "data")


def test_roots_data_folder_can_be_reached_by_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert load_settings(None, {}).settings.data_dir == "/var/lib/chrono"


def test_a_users_data_folder_is_in_the_users_own_place(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(elsewhere))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    data_dir = Path(load_settings(None, {}).settings.data_dir)
    assert data_dir.name == "chrono"
    assert elsewhere in data_dir.parents


@pytest.mark.parametrize("text", ["/", "~nobody-of-this-name/x", "/dev/null"])
def test_a_data_folder_that_cannot_be_one_is_a_fault(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        of_environment(CHRONO__DATA_DIR=text)
    assert [fault.key for fault in raised.value.faults] == ["data_dir"]


def test_a_byte_order_mark_and_windows_line_ends_are_read(elsewhere: Path) -> None:
    file = elsewhere / "chrono.toml"
    file.write_bytes(b"\xef\xbb\xbf# hello\r\n[server]\r\nport = 4001\r\n")
    loaded = load_settings(file, {})
    assert loaded.settings.server.port == 4001
    assert loaded.origins["server.port"] == f"{file}:3"
