"""What `chrono dev` prepares before the server starts."""

import json
import stat
from pathlib import Path

import pytest

from chrono.cli.client import Client
from chrono.cli.dev import _settings, _with_logs
from chrono.cli.dev_keys import with_dev_keys
from chrono.cli.dev_window import SHOWN, banner, markets_of
from chrono.settings import Secret, Settings, load_settings
from chrono.settings.model import Api
from tests.fakes.answering import Answering


def test_keys_of_each_class_are_made_and_kept_closed(tmp_path: Path) -> None:
    settings, shown = with_dev_keys(Settings(), tmp_path)
    path = tmp_path / "dev-keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    api = settings.api
    assert (api.public_keys, api.internal_keys, api.admin_keys) == (
        (kept["public"],),
        (kept["internal"],),
        (kept["admin"],),
    )
    assert shown == kept["public"]
    assert all(key.startswith(f"chrono_{name}_") for name, key in kept.items())


def test_the_keys_outlive_a_restart(tmp_path: Path) -> None:
    assert with_dev_keys(Settings(), tmp_path) == with_dev_keys(Settings(), tmp_path)


@pytest.mark.parametrize("spoil", ["open", "torn", "foreign"])
def test_keys_that_others_could_read_or_that_are_torn_are_made_anew(tmp_path: Path, spoil: str) -> None:
    _, first = with_dev_keys(Settings(), tmp_path)
    path = tmp_path / "dev-keys.json"
    if spoil == "open":
        path.chmod(0o644)
    else:
        path.write_text("{" if spoil == "torn" else json.dumps({"public": "x", "internal": "y", "admin": 7}))
    _, second = with_dev_keys(Settings(), tmp_path)
    assert second != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["internal_keys", "public_keys", "paid_keys", "admin_keys"])
def test_configured_keys_are_left_alone_and_not_shown(tmp_path: Path, name: str) -> None:
    settings = Settings(api=Api(**{name: (Secret("chrono_x_y"),)}))
    assert with_dev_keys(settings, tmp_path) == (settings, None)
    assert not (tmp_path / "dev-keys.json").exists()


@pytest.mark.parametrize(("port", "fast"), [(None, 3002), (4000, 4002), (0, 0), (65535, 0)])
def test_the_fast_door_follows_the_port_so_that_two_can_run(port: int | None, fast: int) -> None:
    loaded = load_settings(None, {}, {"server.port": port})
    assert _settings(loaded, "simulated", port).server.stream_port == fast


def test_a_fast_door_that_was_chosen_stays() -> None:
    loaded = load_settings(None, {"CHRONO__SERVER__STREAM_PORT": "5000"}, {"server.port": 4000})
    assert _settings(loaded, "simulated", 4000).server.stream_port == 5000


def test_the_banner_has_five_lines_and_a_question_that_can_be_pasted(tmp_path: Path) -> None:
    server = {"url": "http://127.0.0.1:3000", "stream_url": "ws://127.0.0.1:3002/stream", "pid": 1}
    lines = banner(server, tmp_path, "simulated market", "chrono_public_x").splitlines()
    assert len(lines) == 5
    assert lines[0] == "Chrono dev · simulated market · simulated Flare network · Ctrl-C stops it"
    assert "http://127.0.0.1:3000" in lines[1]
    assert "ws://127.0.0.1:3002/stream" in lines[1]
    assert str(tmp_path) in lines[2]
    assert "curl -H 'X-API-Key: chrono_public_x' 'http://127.0.0.1:3000/prices/latest?symbols=BTC/USD'" in lines[3]
    assert lines[4].strip().startswith("votes  chrono ftso rounds")


def test_a_configured_key_is_not_in_the_banner(tmp_path: Path) -> None:
    assert "YOUR_PUBLIC_KEY" in banner({"url": "http://x"}, tmp_path, "live venues", None)


def test_the_table_has_the_best_known_markets_first_and_not_too_many() -> None:
    listed = [{"symbol": f"{name}/USD"} for name in ("AAA", "FLR", *(f"Z{n}" for n in range(30)), "BTC")]
    listed += [{"symbol": "BTC/USDT"}, 7, {}]
    with Answering({"/metadata/markets": (200, {"data": listed})}) as server:
        found = markets_of(Client(server.url, None))
    assert found[:3] == ["BTC/USD", "FLR/USD", "AAA/USD"]
    assert len(found) == SHOWN


def test_the_log_is_as_loud_as_asked_before_anything_is_looked_for() -> None:
    plain = load_settings(None, {})
    assert _with_logs(plain, verbose=True).logs.level == "info"
    assert _with_logs(plain, verbose=False).logs.level == "info"  # nobody watches a terminal here
    chosen = load_settings(None, {"CHRONO__LOGS__LEVEL": "error"})
    assert _with_logs(chosen, verbose=False).logs.level == "error"
