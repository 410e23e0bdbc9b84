"""Whatever stands in file, environment and flags: either settings, or a list of faults."""

from pathlib import Path

import pytest
import tomlkit
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chrono.settings import Loaded, Settings, SettingsError, load_settings
from chrono.settings.catalogue import FLAT_NAMES, Setting, catalogue, sections

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes()
    | st.sampled_from(
        ["env:X", "file:/dev/null", "file:\0", "~x", "1e400", "[", "{", "a=b", "0x" + "a" * 64, "http://[::1"]
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*catalogue(), "server.prot", "", "x", "."])
ENVIRONMENT_NAMES = st.sampled_from(
    [*FLAT_NAMES, *(s.env for s in catalogue().values()), "CHRONO__", "CHRONO__X", "CHRONO_SERVER_PORT", "X", "CHRONO_"]
)
TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=30) | SCALARS.map(str)


def outcome(path: Path | None, environ: dict[str, str], flags: dict[str, object]) -> Loaded | SettingsError:
    """What became of it: settings or faults, and nothing else."""
    try:
        return load_settings(path, environ, flags)
    except SettingsError as error:
        return error


def is_sound(found: Loaded | SettingsError) -> bool:
    """Settings that are settings, or faults of which each says where and what."""
    if isinstance(found, Loaded):
        return isinstance(found.settings, Settings)
    return bool(found.faults) and all(fault.text and fault.where for fault in found.faults)


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(ENVIRONMENT_NAMES, TEXTS, max_size=6), st.dictionaries(KEYS, ANYTHING, max_size=6))
def test_any_environment_and_flags_give_settings_or_faults(environ: dict[str, str], flags: dict[str, object]) -> None:
    assert is_sound(outcome(None, environ, flags))


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([s for s in catalogue().values() if s.secret]),
    st.sampled_from(
        ["{}", "postgresql://u:{}@h/d", "redis://:{}@h", '["{}"]', '{{"w": "{}"}}', "chrono_public_{}", "x,{}"]
    ),
    st.booleans(),
)
def test_no_secret_is_ever_told_again(setting: Setting, form: str, long_name: bool) -> None:
    secret = "hunter2" * 4
    name = setting.env if long_name or setting.flat is None else setting.flat
    found = outcome(None, {name: form.format(secret)}, {})
    assert "hunter2" not in f"{found!r}{found}"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200) | st.text(alphabet="ab=.[]{}\"'#\n\\, 1serv", max_size=80).map(str.encode))
def test_any_bytes_as_a_file_give_settings_or_faults(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "chrono.toml"
    file.write_bytes(content)
    assert is_sound(outcome(file, {}, {}))


TABLES = st.fixed_dictionaries(
    {},
    optional={
        name: st.dictionaries(
            st.sampled_from([s.name for s in catalogue().values() if s.section == name] + ["odd"]),
            st.one_of(
                st.booleans(),
                st.integers(-(2**63), 2**63 - 1),
                st.floats(),
                st.text(max_size=9),
                st.lists(st.text(max_size=5)),
            ),
            max_size=4,
        )
        for name in sections()
    },
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(TABLES)
def test_any_tables_give_settings_or_faults_with_lines(tmp_path: Path, tables: dict[str, dict[str, object]]) -> None:
    file = tmp_path / "chrono.toml"
    file.write_text(tomlkit.dumps(tables), encoding="utf-8")
    file.chmod(0o600)
    found = outcome(file, {}, {})
    if isinstance(found, SettingsError):
        assert all(fault.where.startswith(f"{file}:") for fault in found.faults)
    else:
        keys = [f"{name}.{key}" for name, table in tables.items() for key in table]
        assert all(found.origins[key].startswith(f"{file}:") for key in keys)


@pytest.mark.parametrize(
    "setting", [s for s in catalogue().values() if s.default not in (None, {}, "")], ids=lambda s: s.key
)
def test_every_default_may_also_be_given_by_the_environment(setting: Setting) -> None:
    value = setting.default
    text = ",".join(value) or "[]" if isinstance(value, tuple) else str(value).lower()
    text = ",".join(value) if isinstance(value, tuple) and value else text
    if isinstance(value, str):
        text = value
    loaded = load_settings(None, {setting.env: text})
    part = getattr(loaded.settings, setting.section) if setting.section else loaded.settings
    assert getattr(part, setting.name) == value


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "nobody"))
