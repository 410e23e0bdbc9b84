"""Which server is asked, and with which key."""

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from chrono.cli.whereabouts import _folders, _running, configured_key, data_dir_of_dev, settings_url
from chrono.settings import Loaded, Secret, Server, Settings, load_settings
from chrono.settings.model import Api


def loaded(folder: Path, origin: str) -> Loaded:
    found = load_settings(None, {})
    settings = msgspec.structs.replace(found.settings, data_dir=str(folder))
    return msgspec.structs.replace(found, settings=settings, origins={**found.origins, "data_dir": origin})


def test_dev_has_a_folder_of_its_own_beside_the_real_data(tmp_path: Path) -> None:
    assert data_dir_of_dev(loaded(tmp_path, "default"), live=False) == tmp_path / "dev"
    assert data_dir_of_dev(loaded(tmp_path, "default"), live=True) == tmp_path / "dev-live"


def test_dev_keeps_to_a_folder_that_was_chosen(tmp_path: Path) -> None:
    assert data_dir_of_dev(loaded(tmp_path, "env CHRONO__DATA_DIR"), live=True) == tmp_path
    assert list(_folders(loaded(tmp_path, "env CHRONO__DATA_DIR"))) == [tmp_path]


@pytest.mark.parametrize(("real", "dev", "found"), [(True, True, "real"), (False, True, "dev"), (False, False, None)])
def test_the_real_server_is_found_before_that_of_dev(tmp_path: Path, real: bool, dev: bool, found: str | None) -> None:
    (tmp_path / "dev").mkdir()
    for there, folder, name in ((real, tmp_path, "real"), (dev, tmp_path / "dev", "dev")):
        if there:
            (folder / "server.json").write_text(json.dumps({"url": name}))
    assert _running(loaded(tmp_path, "default")).server.get("url") == found


def test_what_a_crash_left_does_not_hide_the_server_that_runs(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "dev").mkdir()
    (tmp_path / "server.json").write_text(json.dumps({"url": "real", "pid": gone.pid}))
    (tmp_path / "dev" / "server.json").write_text(json.dumps({"url": "dev", "pid": os.getpid()}))
    assert _running(loaded(tmp_path, "default")).server.get("url") == "dev"
    (tmp_path / "dev" / "server.json").unlink()
    assert _running(loaded(tmp_path, "default")).server.get("url") == "real"


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 3000, "http://127.0.0.1:3000"),
        ("0.0.0.0", 80, "http://127.0.0.1:80"),
        ("::", 3000, "http://[::1]:3000"),
        ("2001:db8::1", 3000, "http://[2001:db8::1]:3000"),
        ("house.example", 0, "http://house.example:3000"),
    ],
)
def test_the_address_in_the_settings_is_one_that_can_be_asked(host: str, port: int, url: str) -> None:
    assert settings_url(Settings(server=Server(host=host, port=port))) == url


def test_a_key_that_may_read_is_taken_before_the_admins_and_never_the_collectors() -> None:
    public, admin, internal = (Secret(f"chrono_{name}_x") for name in ("public", "admin", "internal"))
    assert configured_key(Settings(api=Api(public_keys=(public,), admin_keys=(admin,)))) == public
    assert configured_key(Settings(api=Api(admin_keys=(admin,), internal_keys=(internal,)))) == admin
    assert configured_key(Settings(api=Api(internal_keys=(internal,)))) is None
