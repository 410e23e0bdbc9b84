"""A bad file or environment tells all its faults at once, each with place, value, expectation and a guess."""

from pathlib import Path

import pytest

from chrono.errors import BAD_SETTINGS
from chrono.settings import Fault, SettingsError, load_settings
from chrono.settings.sources import from_text

BAD = """\
netwrok = "flare"
data_dir = 7

[server]
prot = 3000
port = "three"
stream_port = 99999

[servr]
x = 1

[pricing]
edges = [
  "USDT/USD",
  "usdc-usd",
]
max_weight = inf

[logs]
level = "wrning"
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    return tmp_path


def faults_of(text: str, folder: Path, environ: dict[str, str] | None = None) -> dict[str, Fault]:
    """The faults of a file with this text, by key (or by place where there is no key)."""
    file = folder / "chrono.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsError) as raised:
        load_settings(file, environ or {})
    return {fault.key or fault.where: fault for fault in raised.value.faults}


def test_every_fault_of_the_file_is_told_with_its_line(elsewhere: Path) -> None:
    found = faults_of(BAD, elsewhere)
    lines = {key: int(fault.where.rpartition(":")[2]) for key, fault in found.items()}
    assert lines == {
        "netwrok": 1,
        "data_dir": 2,
        "server.prot": 5,
        "server.port": 6,
        "server.stream_port": 7,
        "servr": 9,
        "pricing.edges[1]": 13,
        "pricing.max_weight": 17,
        "logs.level": 20,
    }


def test_faults_of_file_environment_and_flags_are_told_together(elsewhere: Path) -> None:
    file = elsewhere / "chrono.toml"
    file.write_text("[server]\nport = -1\n")
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {"DATABASE_POOL_SIZE": "0"}, {"logs.level": "loud", "server.prot": 1})
    places = [fault.where for fault in raised.value.faults]
    assert places == [f"{file}:2", "env DATABASE_POOL_SIZE", "flag server.prot", "flag --level"]
    assert raised.value.reason is BAD_SETTINGS
    assert all(place in str(raised.value) for place in places)


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("netwrok = 'flare'", "netwrok", "network"),
        ("[servr]\nport = 1", "servr", "server"),
        ("[server]\nprot = 1", "server.prot", "server.port"),
        ("[store]\nport = 1", "store.port", "server.port"),
        ("port = 1", "port", "server.port"),
        ("[logs]\nlevel = 'wrning'", "logs.level", "warning"),
        ("network = 'coston3'", "network", "coston"),
    ],
)
def test_a_misspelt_key_section_or_word_is_met_with_the_right_one(
    text: str, key: str, meant: str, elsewhere: Path
) -> None:
    assert faults_of(text, elsewhere)[key].suggestion.startswith(meant)


def test_nonsense_draws_no_suggestion(elsewhere: Path) -> None:
    assert faults_of("qqqqqqqq = 1", elsewhere)["qqqqqqqq"].suggestion is None


def test_an_unknown_long_name_in_the_environment_is_a_fault(elsewhere: Path) -> None:
    found = faults_of("", elsewhere, {"CHRONO__SERVR__PORT": "1"})
    assert found["env CHRONO__SERVR__PORT"].suggestion == "CHRONO__SERVER__PORT"


def test_a_name_that_is_nearly_ours_draws_advice_but_no_refusal() -> None:
    loaded = load_settings(None, {"CHRONO_SERVER_PORT": "1", "CHRONO_CONFIG_X": "2", "CHRONO_DATA": "x"})
    assert [(fault.where, fault.suggestion) for fault in loaded.advice] == [
        ("env CHRONO_SERVER_PORT", "CHRONO__SERVER__PORT")
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = \n", 1),
        ("\n\n[server\nport = 1\n", 3),
        ("[server]\nport = 1\nport = 2\n", 3),
        ("[server]\nport 3000\n", 2),
        ("x = '''never closed\n\n", 2),
        ("x = " + "9" * 5000, 1),
    ],
)
def test_text_that_is_not_toml_is_told_with_its_line_and_without_its_contents(
    text: str, line: int, elsewhere: Path
) -> None:
    (fault,) = faults_of(text, elsewhere).values()
    assert fault.where == f"{elsewhere / 'chrono.toml'}:{line}"
    assert "this is not TOML" in fault.expected


def test_a_secret_on_a_line_that_is_not_toml_is_not_repeated(elsewhere: Path) -> None:
    found = faults_of("[api]\nadmin_keys = chrono_admin_hunter2hunter2\n", elsewhere)
    assert "hunter2" not in "".join(fault.text for fault in found.values())


def test_the_environment_is_checked_even_when_the_file_is_not_toml(elsewhere: Path) -> None:
    assert len(faults_of("a = \n", elsewhere, {"PORT": "x"})) == 2


def test_a_section_that_is_not_a_table_is_a_fault(elsewhere: Path) -> None:
    found = faults_of("server = 3\nlogs = [1]\n[[store]]\npool_size = 1\n", elsewhere)
    assert set(found) == {"server", "logs", "store"}
    assert found["server"].expected == "expected a table, [server]"


@pytest.mark.parametrize("value", ["true", "3.0", "'3000'", "[3000]", "1979-05-27", "-1", "65536", "{}", "nan"])
def test_a_port_that_is_no_port_is_a_fault(value: str, elsewhere: Path) -> None:
    fault = faults_of(f"[server]\nport = {value}\n", elsewhere)["server.port"]
    assert fault.expected == "expected a whole number from 0 to 65535"


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "0", "-1", "true", "'1'"])
def test_a_length_of_time_is_a_finite_number_above_zero(value: str, elsewhere: Path) -> None:
    assert "pricing.half_life_s" in faults_of(f"[pricing]\nhalf_life_s = {value}\n", elsewhere)


def test_each_bad_part_of_a_list_is_told_at_its_own_line(elsewhere: Path) -> None:
    found = faults_of("[server]\ncors_origins = [\n  1,\n  '*',\n  {},\n]\n", elsewhere)
    lines = {key: fault.where.rpartition(":")[2] for key, fault in found.items()}
    assert lines == {"server.cors_origins[0]": "3", "server.cors_origins[2]": "5"}


def test_a_value_with_control_characters_is_a_fault_and_shown_without_them(elsewhere: Path) -> None:
    fault = faults_of('[server]\nhost = "a\\u0000b\\u001b[31m"\n', elsewhere)["server.host"]
    assert fault.value == '"a?b?[31m"'


def test_a_faulty_value_that_is_overridden_is_told_all_the_same(elsewhere: Path) -> None:
    assert "server.port" in faults_of("[server]\nport = 'x'\n", elsewhere, {"PORT": "4000"})


def test_a_long_value_is_cut(elsewhere: Path) -> None:
    fault = faults_of(f"[server]\nport = '{'x' * 5000}'\n", elsewhere)["server.port"]
    assert len(fault.value) <= 80


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "a." * 5000 + "b = 1"])
def test_text_nested_without_end_is_a_fault_and_no_crash(text: str) -> None:
    assert from_text(text, "chrono.toml").faults


def test_a_file_that_is_too_large_or_no_text_is_a_fault(elsewhere: Path) -> None:
    file = elsewhere / "chrono.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(file, {})
    file.write_bytes(b"#" * 1_048_577)
    with pytest.raises(SettingsError, match="at most 1 MiB"):
        load_settings(file, {})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(elsewhere, {})


def test_advice_is_not_told_among_what_must_be_mended(elsewhere: Path) -> None:
    file = elsewhere / "chrono.toml"
    file.write_text('network = "x"\n[flare]\nseat = "submitter"\nmode = "live"\n')
    file.chmod(0o600)
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {})
    advice = [fault for fault in raised.value.faults if fault.advice]
    assert advice
    assert not any(fault.text in str(raised.value) for fault in advice)
    assert all(fault.text in str(raised.value) for fault in raised.value.faults if not fault.advice)
