"""The file to start from, and the schema, are the Structs."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from chrono.settings import SettingsError, load_settings
from chrono.settings.catalogue import FLAT_NAMES, catalogue, sections
from chrono.settings.template import schema, template


def test_every_setting_stands_in_the_template_at_its_default() -> None:
    shown = tomllib.loads(re.sub(r"(?m)^# (?=[a-z0-9_]+ = )", "", template()))
    flat = {f"{s}.{k}": v for s, table in shown.items() if isinstance(table, dict) for k, v in table.items()}
    flat |= {key: value for key, value in shown.items() if not isinstance(value, dict)}
    assert set(flat) == set(catalogue())
    for key, setting in catalogue().items():
        if setting.default not in (None, {}, (), ""):
            value = tuple(flat[key]) if isinstance(flat[key], list) else flat[key]
            assert value == setting.default, key


def test_the_untouched_template_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "chrono.toml"
    file.write_text(template())
    loaded = load_settings(file, {})
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.advice == ()


def test_with_every_line_taken_in_only_the_references_lead_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "chrono.toml"
    file.write_text(re.sub(r"(?m)^# (?=[a-z0-9_]+ = )", "", template()))
    file.chmod(0o600)
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {})
    referring = (
        "store.database_url",
        "redis.url",
        "venues.ethereum_rpc",
        "api.",
        "ingest.secrets",
        "flare.",
        "alerts.",
    )
    # The data provider's port serves nothing while the seat, at its default, is not taken.
    assert all(
        fault.key.startswith(referring) or fault.key == "server.data_provider_port" for fault in raised.value.faults
    )


def test_the_template_names_every_name_in_the_environment() -> None:
    flowing = " ".join(line.removeprefix("# ") for line in template().splitlines())
    for setting in catalogue().values():
        assert setting.env in flowing
    assert all(name in flowing for name in FLAT_NAMES)


def test_the_schema_knows_every_section_and_refuses_others() -> None:
    made = json.loads(schema())
    root = made["$defs"]["Settings"]
    assert set(sections()) <= set(root["properties"])
    assert root["additionalProperties"] is False


def test_every_setting_is_described() -> None:
    assert [key for key, setting in catalogue().items() if not setting.description] == []
    assert [name for name, section in sections().items() if not section.description] == []


def test_every_short_name_is_of_a_setting() -> None:
    assert set(FLAT_NAMES.values()) <= set(catalogue())
