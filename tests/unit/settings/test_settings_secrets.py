"""Secrets come by reference, and never come out again."""

import json
from pathlib import Path

import pytest

from chrono.errors import BAD_SETTINGS, RAW_PRIVATE_KEY, ChronoError
from chrono.settings import Secret, SettingsError, load_settings
from chrono.settings.secrets import masked, masked_secret

KEY = "chrono_public_" + "k" * 30
PRIVATE = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    return tmp_path


def file_with(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "chrono.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def secret_file(folder: Path, text: str, mode: int = 0o600, name: str = "secret") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def the_fault(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(path, environ or {})
    return str(raised.value)


def test_a_secret_does_not_print_by_accident_and_works_as_text() -> None:
    secret = Secret("hunter2")
    assert [repr(secret), f"{secret}", f"{secret:>9}", f"{[secret]}"] == [
        "Secret('***')",
        "***",
        "***",
        "[Secret('***')]",
    ]
    assert secret == "hunter2"
    assert secret.encode() == b"hunter2"
    assert "hunter2" not in str(ChronoError(BAD_SETTINGS, key=secret))


def test_whoever_asks_for_the_text_of_a_secret_gets_all_of_it() -> None:
    # Keys are hashed from str(key): stars here would make every key equal to every other.
    secret = Secret("hunter2")
    assert str(secret) == secret.reveal() == "hunter2"
    assert type(str(secret)) is type(secret.reveal()) is str


def test_no_repr_of_the_settings_shows_a_secret() -> None:
    environ = {"PUBLIC_API_KEYS": KEY, "DATABASE_URL": "postgresql://u:hunter2@localhost/db"}
    told = repr(load_settings(None, environ))
    assert "kkkk" not in told
    assert "hunter2" not in told


def test_references_are_resolved_where_secrets_are_taken(folder: Path) -> None:
    secret_file(folder, f"# two of them\n{KEY}1\n\n{KEY}2\n", name="keys")
    secret_file(folder, "hunter2\n", name="worker")
    path = file_with(
        folder,
        """
        [store]
        database_url = "env:THE_DATABASE"
        [api]
        public_keys = ["file:keys", "env:MORE_KEYS"]
        [ingest.secrets]
        binance-worker-001 = "file:worker"
        """,
    )
    environ = {"THE_DATABASE": "postgresql://localhost/x", "MORE_KEYS": f"{KEY}3,{KEY}4"}
    settings = load_settings(path, environ).settings
    assert settings.store.database_url == "postgresql://localhost/x"
    assert settings.api.public_keys == (f"{KEY}1", f"{KEY}2", f"{KEY}3", f"{KEY}4")
    assert settings.ingest.secrets == {"binance-worker-001": "hunter2"}
    assert all(type(key) is Secret for key in (*settings.api.public_keys, *settings.ingest.secrets.values()))


def test_a_reference_may_stand_in_the_environment_too(folder: Path) -> None:
    secret_file(folder, f"{KEY}\n", name="keys")
    assert load_settings(None, {"PUBLIC_API_KEYS": "file:keys"}).settings.api.public_keys == (KEY,)


def test_references_work_only_where_secrets_are_taken() -> None:
    with pytest.raises(SettingsError):
        load_settings(None, {"CHRONO__SERVER__HOST": "env:HOME", "HOME": "127.0.0.1"})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_file_that_others_may_read_is_a_fault(folder: Path, mode: int) -> None:
    path = secret_file(folder, KEY, mode)
    told = the_fault(file_with(folder, "[api]\npublic_keys = ['file:secret']\n"))
    assert f"chmod 600 {path}" in told
    assert f"{folder / 'chrono.toml'}:2" in told


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NOT_SET", "NOT_SET, which is empty or not set"),
        ("env:", "empty or not set"),
        ("file:missing", "No such file"),
        ("file:.", "plain file"),
        ("file:~nobody-of-this-name/x", "no such home folder"),
        ("file:empty", "which is empty"),
        ("file:large", "at most 64 KiB"),
        ("file:binary", "not UTF-8"),
        ("keychain:chrono", "expected env:NAME or file:PATH"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_fault(folder: Path, reference: str, told: str) -> None:
    secret_file(folder, "  \n", name="empty")
    secret_file(folder, "x" * 70_000, name="large")
    (folder / "binary").write_bytes(b"\xff\xff")
    (folder / "binary").chmod(0o600)
    assert told in the_fault(file_with(folder, f"[store]\ndatabase_url = '{reference}'\n"))


@pytest.mark.parametrize("key", [PRIVATE, f"0x{PRIVATE}", PRIVATE.upper(), f"0X{PRIVATE.upper()}"])
@pytest.mark.parametrize(
    "line", ["[keys]\nsubmit = '{}'", "# {}", "network = 'flare' # {}", "x{}", "[api]\npublic_keys = ['{}']"]
)
def test_a_raw_private_key_anywhere_in_the_file_is_refused_and_never_shown(folder: Path, key: str, line: str) -> None:
    text = "\n\n" + line.format(key)
    with pytest.raises(SettingsError) as raised:
        load_settings(file_with(folder, text), {})
    assert raised.value.refused
    assert raised.value.reason is RAW_PRIVATE_KEY
    number = next(i for i, part in enumerate(text.splitlines(), 1) if key in part)
    assert f"{folder / 'chrono.toml'}:{number}: a raw private key" in str(raised.value)
    assert PRIVATE[5:30] not in str(raised.value).lower()


def test_a_raw_private_key_as_a_value_of_the_environment_is_refused_and_never_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, {"LOG_LEVEL": f"0x{PRIVATE}"})
    assert raised.value.refused
    assert PRIVATE not in str(raised.value)


@pytest.mark.parametrize("text", [PRIVATE[:-1], PRIVATE + "a", "0x" + PRIVATE[:-2], "chrono_public_" + PRIVATE])
def test_other_hex_is_not_taken_for_a_private_key(folder: Path, text: str) -> None:
    assert load_settings(file_with(folder, f"# {text}\n"), {}).settings.server.port == 3000


def test_a_secret_in_clear_in_a_file_of_ones_own_draws_advice(folder: Path) -> None:
    path = file_with(folder, f"[api]\npublic_keys = ['{KEY}']\n")
    (advice,) = load_settings(path, {}).advice
    assert (advice.where, advice.key) == (f"{path}:2", "api.public_keys")
    assert "kkkk" not in advice.text


@pytest.mark.parametrize(
    "text",
    [f"[api]\npublic_keys = ['{KEY}']\n", "[store]\ndatabase_url = 'postgresql://u:hunter2@localhost/x'\n"],
)
def test_a_secret_in_clear_in_a_file_that_others_may_read_is_a_fault(folder: Path, text: str) -> None:
    told = the_fault(file_with(folder, text, 0o644))
    assert "chmod 600" in told
    assert "hunter2" not in told


def test_a_readable_file_without_secrets_is_fine(folder: Path) -> None:
    text = "[store]\ndatabase_url = 'postgresql:///chrono'\n[redis]\nurl = 'env:REDIS'\n"
    assert load_settings(file_with(folder, text, 0o644), {"REDIS": "redis://127.0.0.1"}).advice == ()


def test_workers_secrets_are_references_only(folder: Path) -> None:
    told = the_fault(file_with(folder, "[ingest.secrets]\nw1 = 'hunter2'\n"))
    assert "ingest.secrets.w1" in told
    assert "hunter2" not in told


def test_faults_of_secret_values_show_no_secret() -> None:
    environ = {
        "PUBLIC_API_KEYS": "hunter2hunter2,chrono_admin_hunter2hunter2",
        "DATABASE_URL": "mysql://root:hunter2@localhost/x",
        "REDIS_URL": "http://:hunter2@localhost",
        "CHRONO__API__ADMIN_KEYS": '["hunter2", {"hunter2": "hunter2"}]',
    }
    with pytest.raises(SettingsError) as raised:
        load_settings(None, environ)
    assert "hunter2" not in str(raised.value)
    assert "mysql://root:***@localhost/x" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@ss/w@rd@h/db", "postgresql://u:***@h/db"),
        ("redis://:pw@h:1/0", "redis://:***@h:1/0"),
        (
            "postgresql://h/db?user=x&password=pw&sslmode=require",
            "postgresql://h/db?user=x&password=***&sslmode=require",
        ),
        (f"key {KEY}, and", "key chrono_public_***, and"),
        (f"0x{PRIVATE}", "***"),
        ("plain words", "plain words"),
    ],
)
def test_masking_leaves_what_is_no_secret(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_secret_that_is_no_address_is_masked_wholly() -> None:
    assert masked_secret("hunter2") == "***"
    assert json.dumps(masked_secret(KEY)) == '"chrono_public_***"'
